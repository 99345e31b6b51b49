"""The simulator finds broken rules: each of these is broken here on purpose, and must be caught."""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from lms_desktop.node.raft import configuration, core, leader, log, matching, promises
from tests.sim import node
from tests.sim.world import World

SEEDS = 100

Breakage = tuple[ModuleType, str, str, Callable[[Any], list[tuple[object, str, object]]]]


def broken(module: ModuleType, right: str, wrong: str) -> Any:
    """The module with this one place of its source changed."""
    source = inspect.getsource(module)
    assert source.count(right) == 1, "the place to break has moved"
    changed = ModuleType(module.__name__)
    exec(compile(source.replace(right, wrong), f"broken {module.__name__}", "exec"), changed.__dict__)
    return changed


RULES: dict[str, Breakage] = {
    "1: a vote is durable before it leaves": (
        promises,
        "        if durable:\n",
        "        if True:\n",
        lambda m: [(core, "Promises", m.Promises)],
    ),
    "3: commit what this append verified": (
        core,
        "min(append.commit, verified)",
        "min(append.commit, self.log.last.index)",
        lambda m: [(node, "Raft", m.Raft)],
    ),
    "4: never cut what agrees": (
        matching,
        "        if ours.head == entry.head:\n            continue\n",
        "",
        lambda m: [(core, name, getattr(m, name)) for name in ("match", "Lacks", "Contradicts")],
    ),
    "5: count only entries of this term": (
        leader,
        "return index if index >= self.first else 0",
        "return index",
        lambda m: [(core, "Leader", m.Leader)],
    ),
    "8: no change before a commit of the term, one at a time": (
        leader,
        "        if commit < self.first:\n            return self._refused(Reason.TERM_NOT_COMMITTED)\n"
        "        if configurations.index > commit:\n",
        "        if False:\n",
        lambda m: [(core, "Leader", m.Leader)],
    ),
    "10: a cut configuration gives way to the previous one": (
        configuration,
        "self._history[-1][0] >= cut",
        "self._history[-1][0] > cut + 1",
        lambda m: [(core, "Configurations", m.Configurations)],
    ),
    "14: a late fsync vouches for nothing that was replaced": (
        log,
        "(seq, min(end, cut - 1))",
        "(seq, end)",
        lambda m: [(core, "Log", m.Log)],
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_is_caught(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, right, wrong, patches = RULES[rule]
    for target, name, value in patches(broken(module, right, wrong)):
        monkeypatch.setattr(target, name, value)
    for seed in range(SEEDS):
        try:
            World(seed).run()
        except (AssertionError, IndexError) as found:
            print(f"seed {seed}: {found!r}")
            return
    pytest.fail(f"{SEEDS} seeds do not notice")
