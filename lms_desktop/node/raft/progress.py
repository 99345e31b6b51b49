"""What a leader knows of one other server, and how much it may send it."""

from __future__ import annotations

from collections import deque

from lms_desktop.node.raft.types import Pair


class Progress:
    """Probing, it gets one batch at a time until one is acknowledged; then a bounded window is in flight."""

    __slots__ = (
        "contact",
        "floor",
        "inflight",
        "match",
        "next",
        "paused",
        "probing",
        "round",
        "sent_commit",
        "whole",
    )

    def __init__(self, next_index: int, floor: Pair, now: int) -> None:
        self.next = next_index
        self.match = 0
        self.probing = True
        self.paused = False  # probing, and its one batch is out
        self.inflight: deque[int] = deque()  # last index of each batch in flight
        self.contact = now  # when it last answered, ms
        self.round = 0  # the highest round that it answered
        self.sent_commit = 0
        self.floor = floor  # what it acknowledged in earlier terms and sessions
        self.whole = True  # it holds at least that; otherwise it counts for nothing

    def sent(self, last_index: int) -> None:
        """A batch up to `last_index` left."""
        if self.probing:
            self.paused = True
        else:
            self.inflight.append(last_index)
            self.next = last_index + 1

    def acknowledged(self, index: int) -> bool:
        """Its log equals ours up to `index`, durably; whether that is news."""
        inflight = self.inflight
        while inflight and inflight[0] <= index:
            inflight.popleft()
        if self.probing and index >= self.next - 1:
            self.probing = False
            self.paused = False
        if index <= self.match:
            return False
        self.match = index
        if self.next <= index:
            self.next = index + 1
        return True

    def rejected(self, prev_index: int, hint: int) -> None:
        """It lacks what came before; stale rejections are recognised and ignored."""
        if prev_index <= self.match or (self.probing and prev_index != self.next - 1):
            return
        self.probe()
        self.next = max(self.match, min(prev_index - 1, hint)) + 1

    def probe(self) -> None:
        """Forget what is in flight and find out where it stands."""
        self.probing = True
        self.paused = False
        self.inflight.clear()
        self.next = min(self.next, self.match + 1) if self.match else self.next

    def restarted(self, floor: Pair) -> None:
        """It was started anew, and is known to have acknowledged `floor` before."""
        self.floor = floor
        self.round = 0
        self.match = 0
        self.probe()

    def remembers(self, own: Pair) -> bool:
        """It says that it acknowledged `own`; whether this shows that it has just forgotten more."""
        was_whole = self.whole
        self.whole = own >= self.floor
        if was_whole and not self.whole:
            self.match = 0
            self.probe()
            return True
        return False
