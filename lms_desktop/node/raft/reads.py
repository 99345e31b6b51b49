"""Linearizable reads: an index to wait for, handed out once a round that began after the request proves that
the leader still led."""

from __future__ import annotations

from collections import deque


class Reads:
    """Reads that wait for their round, oldest first."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, int, int]] = deque()  # (round, context, index)

    def ask(self, round_: int, context: int, index: int) -> None:
        """A read that `round_`, which starts now, will confirm."""
        self._waiting.append((round_, context, index))

    def confirmed(self, round_: int) -> list[tuple[int, int]]:
        """(context, index) of the reads that a majority's answer to `round_` confirms."""
        done = []
        while self._waiting and self._waiting[0][0] <= round_:
            _, context, index = self._waiting.popleft()
            done.append((context, index))
        return done
