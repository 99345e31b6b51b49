"""Proposals on their way: from the asking, through Raft's answer, to the outcome of their entry."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lms_desktop.node.raft.types import Accepted, Answer, Entry


@dataclass(frozen=True, slots=True)
class Applied:
    """A proposal became this entry and had this outcome."""

    index: int
    term: int
    stamp: int
    outcome: object


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """A proposal was not taken, or its entry was overtaken: it has had no effect and may be made again."""

    reason: str
    leader: int | None


Result = Applied | NotAccepted
OnDone = Callable[[Result], None]


class Pending:
    """Who waits for what. Each `OnDone` is called exactly once."""

    def __init__(self) -> None:
        self._asked: deque[Sequence[OnDone]] = deque()
        self._entries: dict[int, tuple[int, OnDone]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def ask(self, dones: Sequence[OnDone]) -> None:
        """One request to the core, which will get one answer, in the order of the requests."""
        self._asked.append(dones)

    def answered(self, answer: Answer) -> None:
        """The core's answer to the oldest request."""
        dones = self._asked.popleft()
        if isinstance(answer, Accepted):
            for place, on_done in enumerate(dones):
                self._entries[answer.first + place] = answer.term, on_done
        else:
            words = f"{answer.reason.value}: {answer.detail}" if answer.detail else answer.reason.value
            for on_done in dones:
                on_done(NotAccepted(words, answer.leader))

    def cut(self, index: int, leader: int | None) -> None:
        """Entries from `index` on were replaced by another leader's."""
        for gone in [waiting for waiting in self._entries if waiting >= index]:
            self._entries.pop(gone)[1](NotAccepted("another leader took over", leader))

    def applied(self, entries: Sequence[Entry], outcomes: Sequence[object], leader: int | None) -> None:
        """These entries had these outcomes."""
        if not self._entries:
            return
        for entry, outcome in zip(entries, outcomes, strict=True):
            known = self._entries.pop(entry.index, None)
            if known is None:
                continue
            term, on_done = known
            if term == entry.term:
                on_done(Applied(entry.index, term, entry.stamp, outcome))
            else:
                on_done(NotAccepted("another leader took over", leader))

    def give_up_asking(self, reason: str) -> None:
        """The requests that the core has not seen never reach it."""
        while self._asked:
            for on_done in self._asked.popleft():
                on_done(NotAccepted(reason, None))

    def give_up(self, reason: str) -> None:
        """The node stops: what became of the rest will not be known here."""
        self.give_up_asking(reason)
        while self._entries:
            self._entries.popitem()[1][1](NotAccepted(reason, None))
