"""Which change of membership comes next, if any. Pure: the leader asks each second, and proposes the answer.

Every enrolled machine is in the configuration, as a learner at least. Voters are keepers: one while there are
fewer than three keepers, then three, then five. Two and four voters are only passed through, and only begun
when both newcomers are whole. A voter that is gone or long silent is replaced before it is demoted; when many
are silent at once (a power cut, a weekend) nothing is removed at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lms_desktop.node.raft.types import Configuration, Server

NEAR: Final = 250  # entries: a newcomer that lags by less catches up while its own entry commits
ALIVE_MS: Final = 2_000
LOST_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class Health:
    """What the leader knows of a machine: ms since it answered, entries that it lacks, and whether it holds
    the ledger and every submission up to the index that its admission names."""

    silent_ms: int
    behind: int
    complete: bool

    @property
    def whole(self) -> bool:
        """Fit to become a voter now."""
        return self.complete and self.silent_ms <= ALIVE_MS and self.behind <= NEAR


UNKNOWN: Final = Health(LOST_MS + 1, 1 << 62, False)


def target(keepers: int) -> int:
    """How many voters so many keepers make."""
    if keepers < 3:
        return 1
    return 3 if keepers < 5 else 5


def decide(
    configuration: Configuration,
    enrolled: Sequence[Server],
    keepers: Collection[int],
    health: Mapping[int, Health],
    leader: int,
) -> Configuration | None:
    """The next configuration, None if the present one is as it should be or nothing can be done now.

    `enrolled` are all machines of the school, each in its present life; `keepers` the numbers of those
    tagged; `health` is what `leader`, which asks, knows of the others.
    """
    changed = _enrol(configuration, enrolled)
    if changed is not None:
        return changed
    voters, learners = configuration.voters, configuration.learners
    wanted = target(sum(1 for server in enrolled if server.machine in keepers))
    silent = [
        s for s in voters if s.machine != leader and health.get(s.machine, UNKNOWN).silent_ms > ALIVE_MS
    ]
    leaving = _leaving(configuration, enrolled, keepers, health, leader)
    newcomers = [
        s for s in learners if s.machine in keepers and s in enrolled and health.get(s.machine, UNKNOWN).whole
    ]
    staying = len(voters) - len(leaving)
    needed = 2 if len(voters) % 2 and len(voters) < wanted else 1
    if staying < wanted and len(voters) <= wanted and len(newcomers) >= needed:
        return Configuration.of([*voters, newcomers[0]], _without(learners, newcomers[0]))
    if len(silent) > (len(voters) - 1) // 2:
        return None
    if len(voters) > wanted:
        return _demote(configuration, enrolled, _last(voters, leaving, silent, leader))
    gone = [s for s in leaving if s not in enrolled]
    if gone and len(voters) > 1:
        return _demote(
            configuration, enrolled, gone[0]
        )  # it answers to nobody: without it the rest fare no worse
    return None


def _enrol(configuration: Configuration, enrolled: Sequence[Server]) -> Configuration | None:
    """Learners come and go as machines are enrolled and retired."""
    machines = {server.machine for server in configuration.voters}
    learners = [s for s in configuration.learners if s in enrolled]
    known = {server.machine for server in configuration.learners} | machines
    learners += [s for s in enrolled if s.machine not in known]
    changed = Configuration.of(configuration.voters, learners)
    return changed if changed != configuration else None


def _leaving(
    configuration: Configuration,
    enrolled: Sequence[Server],
    keepers: Collection[int],
    health: Mapping[int, Health],
    leader: int,
) -> list[Server]:
    """Voters that should be none: gone or retired first, then no keepers, then long silent."""
    gone = [s for s in configuration.voters if s not in enrolled]
    others = [s for s in configuration.voters if s in enrolled]
    untagged = [s for s in others if s.machine not in keepers]
    lost = [
        s
        for s in others
        if s.machine in keepers and s.machine != leader and health.get(s.machine, UNKNOWN).silent_ms > LOST_MS
    ]
    return gone + untagged + lost


def _last(
    voters: Sequence[Server], leaving: Sequence[Server], silent: Sequence[Server], leader: int
) -> Server:
    """Which of too many voters goes: one that should, a silent one, the latest; the leader last."""
    if leaving:
        return next((s for s in leaving if s.machine != leader), leaving[0])
    return silent[0] if silent else next(s for s in reversed(voters) if s.machine != leader)


def _demote(configuration: Configuration, enrolled: Sequence[Server], server: Server) -> Configuration:
    """A voter becomes a learner, or leaves if it is gone."""
    learners = [*configuration.learners, server] if server in enrolled else configuration.learners
    return Configuration.of(_without(configuration.voters, server), learners)


def _without(servers: Sequence[Server], server: Server) -> list[Server]:
    return [s for s in servers if s != server]
