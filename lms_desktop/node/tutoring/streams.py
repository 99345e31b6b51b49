"""What each question has led to so far: a list of messages that one app, or one other machine, reads at its
pace.

A message is `(verb, field, ...)`; readers number them from 1. The last one is the only terminal.
"""

import asyncio
import time
from collections.abc import Sequence

from lms_desktop.trust.wire import Packable

TERMINALS = frozenset(("answered", "failed", "busy"))
KEPT_S = 600.0
KEPT = 512
Message = tuple[Packable, ...]


class Stream:
    """The messages of one question for `owner`, the machine that asked. `polled` is when it last looked,
    `ended` when the terminal came (monotonic seconds)."""

    def __init__(self, ask_id: bytes, owner: int) -> None:
        self.id = ask_id
        self.owner = owner
        self.polled = time.monotonic()
        self.ended: float | None = None
        self._messages: list[Message] = []
        self._readers: set[asyncio.Event] = set()

    def add(self, *message: Packable) -> None:
        """One more message. Nothing follows a terminal: it is not added."""
        if self.ended is not None:
            return
        self._messages.append(message)
        if message[0] in TERMINALS:
            self.ended = time.monotonic()
        for reader in self._readers:
            reader.set()

    def after(self, number: int) -> list[Message]:
        """The messages that follow the first `number`."""
        self.polled = time.monotonic()
        return self._messages[number:]

    def numbered(self, number: int) -> list[Packable]:
        """`after`, each with its number before it, as an app reads them."""
        return [[number + place, *message] for place, message in enumerate(self.after(number), 1)]


class Streams:
    """The streams by the id of their question; those that ended are kept for ten minutes, the latest 512."""

    def __init__(self) -> None:
        self._streams: dict[bytes, Stream] = {}

    def open(self, ask_id: bytes, owner: int) -> Stream:
        """A new stream."""
        stream = self._streams[ask_id] = Stream(ask_id, owner)
        return stream

    def get(self, ask_id: bytes, owner: int) -> Stream | None:
        """The stream of that question, if that machine asked it: the ids are its secrets."""
        stream = self._streams.get(ask_id)
        return stream if stream is not None and stream.owner == owner else None

    def __contains__(self, ask_id: bytes) -> bool:
        return ask_id in self._streams

    def under_way(self) -> list[Stream]:
        """Those that have not ended."""
        return [stream for stream in self._streams.values() if stream.ended is None]

    def sweep(self) -> None:
        """Forget what ended long ago."""
        now = time.monotonic()
        ended = sorted(
            (stream.ended, stream.id) for stream in self._streams.values() if stream.ended is not None
        )
        for place, (when, ask_id) in enumerate(ended):
            if now - when > KEPT_S or len(ended) - place > KEPT:
                del self._streams[ask_id]


async def news(streams: Sequence[tuple[Stream, int]], wait_s: float) -> None:
    """Return when one of the streams has more than that many messages, or after `wait_s`."""
    reader = asyncio.Event()
    for stream, _ in streams:
        stream._readers.add(reader)
    try:
        if any(stream.after(number) for stream, number in streams):
            return
        async with asyncio.timeout(wait_s):
            await reader.wait()
    except TimeoutError:
        return
    finally:
        for stream, _ in streams:
            stream._readers.discard(reader)
            stream.polled = time.monotonic()
