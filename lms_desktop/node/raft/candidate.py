"""What only a candidate has: what it asked for, and who said yes."""

from __future__ import annotations

from collections.abc import Collection

from lms_desktop.node.raft.quorum import won
from lms_desktop.node.raft.types import RequestVote, VoteReply


class Candidacy:
    """One campaign, or (`request.pre`) the question whether it would be won.

    `ballot` is the write that makes the candidate's vote for itself durable; before that it does not count.
    """

    def __init__(self, request: RequestVote, ballot: int) -> None:
        self.request = request
        self.ballot = ballot
        self._yes: list[int] = []

    def awaits(self, machine: int, reply: VoteReply) -> bool:
        """Whether this is a vote in this campaign, and the machine's first."""
        ours = reply.pre == self.request.pre and reply.term == self.request.term
        return ours and machine not in self._yes

    def add(self, machine: int) -> None:
        """It said yes."""
        if machine not in self._yes:
            self._yes.append(machine)

    def won(self, voters: Collection[int]) -> bool:
        """Whether a majority said yes."""
        return won(voters, self._yes)
