"""Three hundred small catastrophes, each of which must end well."""

from collections import Counter

import pytest

from tests.sim.world import COMMANDS, FAULTS, World

SEEDS = range(300)
KINDS = (
    "bad networks",
    "completions out of order",
    "crashes",
    "crashes in mid-write",
    "crashes of a leader",
    "entries refused",
    "leaders",
    "membership changes",
    "messages cut off",
    "messages doubled",
    "messages lost",
    "messages reordered",
    "one-way partitions",
    "partitions",
    "power cuts",
    "proposals refused",
    "reads",
    "slow disks",
    "stalls",
    "transfers",
    "writes lost",
    "wrong clocks",
)


@pytest.mark.timeout(600)
def test_the_campaign(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    for seed in SEEDS:
        try:
            report = World(seed).run()
        except Exception as error:
            error.add_note(f"replay with: python -m tests.sim --seeds {seed}:{seed + 1}")
            raise
        assert 3 <= report.nodes <= 5
        assert report.commands >= COMMANDS >= 200
        assert report.faults >= FAULTS >= 10
        counts += report.counts
    with capsys.disabled():
        print("\n" + ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS))
    assert [kind for kind in KINDS if not counts[kind]] == []


@pytest.mark.parametrize("seed", [3, 77])
def test_a_seed_replays_exactly(seed: int) -> None:
    first, second = World(seed).run(), World(seed).run()
    assert first == second
    assert first.trace != World(seed + 1).run().trace
