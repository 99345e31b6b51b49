"""Votes and acknowledgements on their way out: none leaves before what it promises is durable."""

from __future__ import annotations

from typing import Final

from lms_desktop.node.raft.types import Message

MOST_HELD: Final = 1024


class Promises:
    """Messages of the current step, and of earlier ones whose write is under way."""

    def __init__(self) -> None:
        self._new: list[tuple[int, Message]] = []
        self._held: list[tuple[int, int, Message]] = []  # (seq of the write, receiver, message)

    def make(self, machine: int, message: Message) -> None:
        """Say this to that machine once all that was handed over in this step and before is durable."""
        self._new.append((machine, message))

    def void(self) -> None:
        """A later term may undo what was promised in an earlier one: what has not left never does."""
        self._new.clear()
        self._held.clear()

    def settle(self, seq: int, durable: bool) -> list[tuple[int, Message]]:
        """The step ends, its last write is `seq`: what may leave at once, if all is `durable` already."""
        new, self._new = self._new, []
        if durable:
            return new
        self._held += [(seq, machine, message) for machine, message in new]
        del self._held[:-MOST_HELD]  # a disk that hangs: what is lost here is asked for again
        return []

    def persisted(self, seq: int) -> list[tuple[int, Message]]:
        """Writes up to `seq` are durable: what may leave now."""
        ready = [(machine, message) for at, machine, message in self._held if at <= seq]
        if ready:
            self._held = [held for held in self._held if held[0] > seq]
        return ready
