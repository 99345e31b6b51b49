"""What must hold after every step, whatever failed.

 1. Election Safety: one leader a term.
 2. One vote a term for each server, across restarts.
 3. Leader Append-Only: a leader cuts nothing of its log.
 4. Log Matching by the head chain: one (index, term), one head, everywhere and for ever.
 5. Leader Completeness: a new leader holds all that was ever committed.
 6. State Machine Safety: all commit the same chain.
 7. Committed-On-Quorum: what a leader commits is durable on a majority of its configuration, and the last
    entry of it is of its own term.
 8. Committed-Immutable: no committed entry is cut from any log.
 9. Monotonic: a server's term never falls, its commit index not within a session; commit <= last.
10. Truth: nothing is acknowledged, or held stable, that is not durable.
11. One change at a time: a leader has at most one uncommitted configuration; what is in force is in the log.
12. Match: what a leader believes of a server is so, unless that server follows a later term by now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lms_desktop.node.raft.quorum import majority
from lms_desktop.node.raft.types import AppendReply, Entry, Message, RequestVote, Role, VoteReply
from tests.sim.disk import chain

if TYPE_CHECKING:
    from lms_desktop.node.raft.types import Update
    from tests.sim.node import Node
    from tests.sim.world import World


class Violation(AssertionError):
    """An invariant does not hold."""


def require(condition: bool, invariant: str, detail: object = "") -> None:
    """Raises Violation unless the condition holds."""
    if not condition:
        raise Violation(f"{invariant}: {detail}")


class Checks:
    """The invariants, and the canonical chain of what was committed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.committed: list[Entry] = []
        self._leaders: dict[int, int] = {}
        self._votes: dict[tuple[int, int], int] = {}
        self._heads: dict[tuple[int, int], bytes] = {}
        self._terms: dict[int, int] = {}

    def after_step(self, node: Node, update: Update, before: tuple[Role, int, int]) -> None:
        """Judge what a step of `node` did; `before` is its role, term and commit index before it."""
        raft = node.raft
        role, term, commit = before
        machine = node.machine
        require(update.divergence is None, "no head ever differs", update.divergence)
        require(not update.regressed, "nobody forgets", update.regressed)
        durable = self._terms.get(machine, 0)
        require(raft.term >= max(term, durable), "terms never fall", node)
        require(node.disk.hard_state.term >= durable, "terms never fall", node)
        self._terms[machine] = node.disk.hard_state.term
        require(raft.commit >= commit, "commit never falls within a session", node)
        require(raft.commit <= raft.log.last.index, "commit <= last", node)
        if raft.role is Role.LEADER:
            leader = self._leaders.setdefault(raft.term, machine)
            require(leader == machine, "one leader a term", (raft.term, leader, machine))
            if role is not Role.LEADER or term != raft.term:
                self._complete(node)
        if update.truncate_from is not None:
            require(not (role is Role.LEADER and raft.term == term), "a leader cuts nothing", node)
            self._cut(node, update.truncate_from, commit)
        for entry in update.entries:
            self._entry(node, entry)
        if raft.commit > commit:
            leaving = role is Role.LEADER and raft.term == term
            self._advance(node, commit, leaving or raft.role is Role.LEADER)
        stable = raft.log.stable
        require(stable <= len(node.disk.log), "stable is durable", (node, stable))
        if stable:
            require(
                node.disk.log[stable - 1].head == raft.log.position(stable).head, "stable is durable", node
            )
        history = raft._configurations._history
        if raft.role is Role.LEADER:
            pending = sum(1 for index, _ in history if index > raft.commit)
            require(pending <= 1, "one change at a time", history)
            self._match(node)
        if update.truncate_from is not None:
            self._in_force(node, history[-1][0])

    def on_send(self, node: Node, message: Message) -> None:
        """Judge a promise that leaves."""
        if isinstance(message, AppendReply) and message.ok:
            require(message.index <= len(node.disk.log), "acknowledged is durable", (node, message))
            require(message.own <= node.disk.hard_state.own, "its own pair is durable first", (node, message))
        elif isinstance(message, RequestVote) and not message.pre:
            self._vote(node, message.term, node.machine)

    def on_vote(self, node: Node, target: int, message: VoteReply) -> None:
        """Judge a vote that leaves."""
        if message.granted and not message.pre:
            self._vote(node, message.term, target)

    def _vote(self, node: Node, term: int, candidate: int) -> None:
        first = self._votes.setdefault((node.machine, term), candidate)
        require(first == candidate, "one vote a term", (node, term, first, candidate))
        state = node.disk.hard_state
        durable = state.term > term or (state.term == term and state.vote == candidate)
        require(durable, "a vote is durable before it leaves", (node, state))

    def _complete(self, node: Node) -> None:
        index = len(self.committed)
        log = node.raft.log
        require(log.last.index >= index, "a leader holds all that was committed", node)
        if index:
            same = log.position(index).head == self.committed[-1].head
            require(same, "a leader holds all that was committed", node)

    def _entry(self, node: Node, entry: Entry) -> None:
        key = (entry.index, entry.term)
        head = self._heads.get(key)
        if head is None:
            before = node.raft.log.position(entry.index - 1).head
            right = chain(before, entry.index, entry.term, entry.type, entry.stamp, entry.payload)
            require(right == entry.head, "the head follows from the log", entry)
            self._heads[key] = entry.head
        else:
            require(head == entry.head, "one (index, term), one head", entry)

    def _cut(self, node: Node, cut: int, commit: int) -> None:
        require(cut > commit, "nothing committed is cut", (node, cut))
        if cut <= min(len(self.committed), len(node.disk.log)):
            same = node.disk.log[cut - 1].head == self.committed[cut - 1].head
            require(not same, "nothing committed is cut", (node, cut))

    def _advance(self, node: Node, commit: int, decides: bool) -> None:
        raft = node.raft
        for entry in node.read(commit + 1, raft.commit):
            if entry.index <= len(self.committed):
                same = self.committed[entry.index - 1].head == entry.head
                require(same, "all commit the same chain", (node, entry))
            else:
                require(entry.index == len(self.committed) + 1, "commits have no gap", entry)
                require(decides, "only a leader decides", node)
                self.committed.append(entry)
                self._world.oracle.committed(entry)
        if decides:
            self._on_quorum(node)

    def _match(self, node: Node) -> None:
        raft = node.raft
        for peer in raft.peers():
            disk = self._world.nodes[peer.machine].disk
            if peer.match and disk.hard_state.term <= raft.term:
                same = len(disk.log) >= peer.match and (
                    disk.log[peer.match - 1].head == raft.log.position(peer.match).head
                )
                require(same, "match is true", (node, peer))

    def _in_force(self, node: Node, index: int) -> None:
        log = node.raft.log
        require(index <= log.last.index, "the configuration in force is in the log", node)
        if index:
            entry = log.entries(index, index + 1, 1)[0]
            require(entry.type in (2, 3), "the configuration in force is in the log", (node, entry))

    def _on_quorum(self, node: Node) -> None:
        raft = node.raft
        index = raft.commit
        _, term, head, _ = raft.log.position(index)
        require(term == raft.term, "a leader decides entries of its own term", (node, index))
        voters = raft.configuration.voters
        holders = 0
        for server in voters:
            log = self._world.nodes[server.machine].disk.log
            if len(log) >= index and log[index - 1].head == head:
                holders += 1
        require(holders >= majority(len(voters)), "committed is durable on a majority", (node, index))
