"""Which change of membership comes next, if any. Pure: the leader asks each second, and proposes the answer.

Every member is in the configuration, as a learner at least. Voters are keepers: one while there are fewer
than three keepers, then three, then five. Two and four voters are only passed through, and only begun when
both newcomers are whole. A voter that is to go is replaced before it is demoted; when many are silent at once
(a power cut, a weekend) nothing is removed at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lms_desktop.node.raft.quorum import majority
from lms_desktop.node.raft.types import Configuration, Server


@dataclass(frozen=True, slots=True)
class Member:
    """An enrolled machine in its present life.

    `whole`: it holds the ledger and every submission up to the index that its admission names. `alive`: it
    answered lately. `lost`: it has been silent for so long that another keeper should take its place.
    """

    machine: int
    incarnation: bytes
    keeper: bool
    whole: bool
    alive: bool
    lost: bool = False

    @property
    def server(self) -> Server:
        """The member as a configuration names it."""
        return Server(self.machine, self.incarnation)


def target(keepers: int) -> int:
    """How many voters so many keepers make."""
    if keepers < 3:
        return 1
    return 3 if keepers < 5 else 5


def decide(configuration: Configuration, members: Sequence[Member], leader: int) -> Configuration | None:
    """The next configuration; None if the present one is right, or nothing can be done now.

    `members` are all machines of the school, `leader`, which asks, among them.
    """
    known = {member.server: member for member in members}
    enrolled = _enrol(configuration, known)
    if enrolled != configuration:
        return enrolled
    voters, learners = configuration.voters, configuration.learners
    wanted = target(sum(member.keeper for member in members))
    gone = [s for s in voters if s not in known]
    unfit = [s for s in voters if s in known and (not known[s].keeper or known[s].lost)]
    leaving = gone + unfit
    newcomers = [s for s in learners if known[s].keeper and known[s].whole and known[s].alive]
    needed = 2 if len(voters) % 2 and len(voters) < wanted else 1
    if len(voters) - len(leaving) < wanted and len(voters) <= wanted and len(newcomers) >= needed:
        return Configuration.of([*voters, newcomers[0]], _without(learners, newcomers[0]))
    alive = [s for s in voters if s in known and known[s].alive]
    if len(alive) < majority(len(voters)):
        return None
    too_many = len(voters) > wanted
    if not too_many:
        leaving = gone if len(voters) > 1 else []  # who is gone never votes again: the rest fare no worse
    order = sorted(leaving, key=lambda server: (server in alive, server.machine == leader))
    if too_many:
        order += [s for s in voters if s not in alive]
        order += [s for s in reversed(voters) if s.machine != leader]
    for server in order:
        rest = _without(voters, server)
        if len(_without(alive, server)) >= majority(len(rest)):
            return Configuration.of(rest, [*learners, server] if server in known else learners)
    return None


def _enrol(configuration: Configuration, known: dict[Server, Member]) -> Configuration:
    """Learners come and go as machines are enrolled and retired; an earlier life leaves before the next."""
    present = {s.machine for s in configuration.voters + configuration.learners}
    staying = [s for s in configuration.learners if s in known]
    return Configuration.of(configuration.voters, [*staying, *(s for s in known if s.machine not in present)])


def _without(servers: Sequence[Server], server: Server) -> list[Server]:
    return [s for s in servers if s != server]
