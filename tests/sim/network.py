"""A network that delays, loses, doubles and reorders, and whose links can be cut one way or both."""

from __future__ import annotations

from collections import Counter
from random import Random


class Network:
    """When, and how often, a message arrives."""

    def __init__(self, random: Random, counts: Counter[str]) -> None:
        self._random = random
        self._counts = counts
        self._cut: dict[tuple[int, int], bool] = {}
        self.loss = 0.0
        self.doubling = 0.0
        self.delay = (1, 4)  # ms
        self._last: dict[tuple[int, int], int] = {}

    def cut(self, source: int, target: int) -> None:
        """Nothing gets from `source` to `target` any more."""
        self._cut[source, target] = True

    def heal(self) -> None:
        """All links work, and work well."""
        self._cut.clear()
        self.loss = self.doubling = 0.0
        self.delay = (1, 4)

    def arrivals(self, source: int, target: int, now: int) -> list[int]:
        """The times at which a message sent now arrives: none, one or two."""
        if (source, target) in self._cut:
            self._counts["messages cut off"] += 1
            return []
        random = self._random
        if self.loss and random.random() < self.loss:
            self._counts["messages lost"] += 1
            return []
        low, high = self.delay
        span = high - low + 1
        times = [now + low + int(random.random() * span)]
        if self.doubling and random.random() < self.doubling:
            self._counts["messages doubled"] += 1
            times.append(now + low + int(random.random() * span * 4))
        if times[0] < self._last.get((source, target), 0):
            self._counts["messages reordered"] += 1
        self._last[source, target] = times[0]
        return times
