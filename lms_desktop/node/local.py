"""The local link: how the app on this machine talks to its node.

    request  b"\\x01" + pack([number from 1, verb, [argument, ...]])
    reply    b"\\x01" + pack([number, 0, value]) or b"\\x01" + pack([number, 1, [code, words]])
    event    b"\\x01" + pack([0, name, value])

A ROUTER on 127.0.0.1 with CURVE; any client's key is admitted, because the link grants nothing: what it
reads is what any machine may hold, and what it writes is signed by a person. The app pins this node's key
from `link.json`, which only the node's account can write. Who speaks another version is told
`unsupported` with the versions known.
"""

import asyncio
import json
import logging
import os
from collections import deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import zmq

from lms_desktop.node.admission import LOCAL_DOMAIN
from lms_desktop.node.errors import NodeError
from lms_desktop.node.folder import replace_file
from lms_desktop.node.sockets import MAX_MESSAGE, NOBLOCK, SNDMORE, Context, Reader, listener, receive_two
from lms_desktop.school.commands import CommandError
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import CurveKeys
from lms_desktop.trust.wire import Packable, Value, WireError, pack, unpack_array

FILE = "link.json"
VERSION = b"\x01"
PROTOCOLS = (1, 1)
QUEUE = 2_000
WAITING = 4_000
TASKS = 256
FLUSH_S = 0.02
RESYNC = VERSION + pack([0, "resync", None])
_log = logging.getLogger(__name__)

Arguments = tuple[Value, ...]
Handler = Callable[["Request", Arguments], None]


class Refused(NodeError):
    """What an app asked is not done; `code` says why in a word."""

    def __init__(self, code: str, what: str, *, next_step: str = "") -> None:
        super().__init__(what, next_step=next_step)
        self.code = code


def malformed(verb: str) -> Refused:
    """The refusal of a verb whose arguments are not those that it takes."""
    return Refused("malformed", f"“{verb}” was asked with other arguments than it takes", next_step="Update.")


class Request:
    """One question of one app; answered once, now or later, by `reply` or `fail`."""

    __slots__ = ("_number", "_route", "_server")

    def __init__(self, server: "LocalServer", route: bytes, number: int) -> None:
        self._server = server
        self._route = route
        self._number = number

    def reply(self, value: Packable) -> None:
        """Answer with a value; one that is too large for a frame becomes the error `too_large`."""
        if not self.try_reply(value):
            self.fail("too_large", "The answer is larger than one message may be. Ask for less at once.")

    def try_reply(self, value: Packable) -> bool:
        """Answer with a value unless it is too large for a frame; whether it was not."""
        frame = VERSION + pack([self._number, 0, value])
        if len(frame) > MAX_MESSAGE:
            return False
        self._server._send(self._route, frame, is_event=False)
        return True

    def fail(self, code: str, words: str) -> None:
        """Answer with an error: a code for programs, words for people."""
        self._server._send(self._route, VERSION + pack([self._number, 1, [code, words]]), is_event=False)

    def fail_with(self, error: BaseException) -> None:
        """Answer with what went wrong; what nobody foresaw goes to the log, not to people."""
        match error:
            case NodeError():
                self.fail(error.code, str(error))
            case TrustError() | CommandError():
                self.fail("malformed", str(error))
            case _:
                _log.error("a request of an app failed", exc_info=error)
                self.fail("failed", "The node could not do this; its log says why.")

    def subscribe(self) -> None:
        """Send all events to this app from now on."""
        self._server._subscribers[self._route] = None


class LocalServer:
    """The node's end of the local link. `on` registers a verb: its handler answers now or later, or
    raises what `Request.fail_with` knows. `publish` sends an event to every subscribed app.
    """

    def __init__(
        self, context: Context, loop: asyncio.AbstractEventLoop, keys: CurveKeys, folder: Path
    ) -> None:
        self._loop = loop
        self._keys = keys
        self._path = folder / FILE
        self._verbs: dict[str, Handler] = {}
        self._subscribers: dict[bytes, None] = {}
        self._waiting: dict[bytes, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._recheck_planned = False
        self._flush: asyncio.TimerHandle | None = None
        self._socket = listener(context, keys, LOCAL_DOMAIN, "tcp://127.0.0.1:*", high_water=QUEUE)
        endpoint = self._socket.getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)
        self.port = int(endpoint.rstrip(b"\0").rpartition(b":")[2])
        self._reader = Reader(loop, self._socket, self._receive)

    def announce(self) -> None:
        """Write `link.json`: from now on apps find this node."""
        found = {
            "port": self.port,
            "public": self._keys.public.decode("ascii"),
            "pid": os.getpid(),
            "protocol": list(PROTOCOLS),
        }
        replace_file(self._path, json.dumps(found).encode("ascii") + b"\n", 0o644)

    def on(self, verb: str, handler: Handler) -> None:
        """Answer a verb."""
        self._verbs[verb] = handler

    def run(self, request: Request, work: Coroutine[Any, Any, Packable]) -> None:
        """Answer with what `work` returns; for verbs that wait for something else than the loop."""
        if len(self._tasks) >= TASKS:
            work.close()
            request.fail("busy", "The node does as much at once as it can. Try again in a moment.")
            return
        task = self._loop.create_task(_answer(request, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def publish(self, event: str, value: Packable) -> None:
        """Tell every subscribed app. Who does not read loses events, and is told so by `resync`."""
        if self._subscribers:
            frame = VERSION + pack([0, event, value])
            for route in list(self._subscribers):
                self._send(route, frame, is_event=True)

    async def close(self) -> None:
        """Stop answering; `link.json` goes, so that no app waits for this node."""
        self._path.unlink(missing_ok=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._flush is not None:
            self._flush.cancel()
        self._reader.close()

    def _receive(self) -> None:
        message = receive_two(self._socket)
        if message is None:
            return
        route, frame = message
        if frame[:1] != VERSION:
            self._send(route, VERSION + pack([0, "unsupported", list(PROTOCOLS)]), is_event=False)
            return
        try:
            match unpack_array(frame[1:], limit=MAX_MESSAGE):
                case (int(number), str(verb), tuple(arguments)) if number > 0:
                    request = Request(self, route, number)
                case _:
                    raise WireError("a request is a number, a verb and its arguments")
        except WireError as error:
            self._send(route, VERSION + pack([0, "malformed", str(error)]), is_event=False)
            return
        handler = self._verbs.get(verb)
        if handler is None:
            request.fail("unknown_verb", f"This node does not know “{verb[:40]}”. Update it.")
            return
        try:
            handler(request, arguments)
        except Exception as error:
            request.fail_with(error)

    def _send(self, route: bytes, frame: bytes, *, is_event: bool) -> None:
        if self._socket.closed:
            return
        queue = self._waiting.get(route)
        if queue is not None:
            if not queue.add(frame, is_event):
                self._forget(route)
        elif not self._push(route, frame):
            self._waiting[route] = queue = _Queue()
            queue.add(frame, is_event)
            if self._flush is None:
                self._flush = self._loop.call_later(FLUSH_S, self._flush_waiting)
        if not self._recheck_planned:
            self._recheck_planned = True
            self._loop.call_soon(self._recheck)

    def _push(self, route: bytes, frame: bytes) -> bool:
        """Hand a frame to ZeroMQ; False where its reader has no room. One that is gone is forgotten."""
        try:
            self._socket.send(route, SNDMORE)
            self._socket.send(frame, NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._forget(route)
        return True

    def _forget(self, route: bytes) -> None:
        self._subscribers.pop(route, None)
        self._waiting.pop(route, None)

    def _flush_waiting(self) -> None:
        self._flush = None
        for route, queue in list(self._waiting.items()):
            while queue.frames and self._push(route, queue.frames[0][0]):
                queue.frames.popleft()
            if not queue.frames:
                self._waiting.pop(route, None)
        if self._waiting:
            self._flush = self._loop.call_later(FLUSH_S, self._flush_waiting)
        self._reader.recheck()

    def _recheck(self) -> None:
        self._recheck_planned = False
        self._reader.recheck()


class _Queue:
    """Frames for an app that does not read as fast as they come: (frame, whether it is an event)."""

    __slots__ = ("frames",)

    def __init__(self) -> None:
        self.frames: deque[tuple[bytes, bool]] = deque()

    def add(self, frame: bytes, is_event: bool) -> bool:
        """Queue one more. Too many events become one `resync`; False when too many replies wait."""
        self.frames.append((frame, is_event))
        if len(self.frames) > WAITING:
            self.frames = deque(entry for entry in self.frames if not entry[1])
            self.frames.append((RESYNC, True))
        return len(self.frames) <= WAITING


async def _answer(request: Request, work: Coroutine[Any, Any, Packable]) -> None:
    try:
        request.reply(await work)
    except Exception as error:
        request.fail_with(error)
