"""One worker of the tutor: a child process, and the socket over which it is spoken to.

The child is given the port and a key pair made for it by its standard input, and ends when that input ends:
with this node, however this node ends.
"""

import asyncio
import contextlib
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

import zmq

from lms_desktop.children import NO_WINDOW, child_command, child_environment
from lms_desktop.node.admission import WORKER_DOMAIN, Admission
from lms_desktop.node.sockets import Context, Reader, listener, receive_two, send
from lms_desktop.trust.primitives import CurveKeys
from lms_desktop.tutor.protocol import Link, Order, ProtocolError, Report, unpack_report

QUEUE = 4_096
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""Within one product of numpy: several would wait for each other by spinning, so that on a computer that also
does other work a question takes twenty times as long. The encoder has threads of its own."""
LAST_WORDS = 20
"""Lines of a worker's standard error that are kept for the log, of its start only: later ones could quote."""


class WorkerProcess:
    """Started when made. `heard` is when it last spoke (monotonic seconds), `code` its exit status once it
    ended."""

    def __init__(
        self,
        context: Context,
        loop: asyncio.AbstractEventLoop,
        admission: Admission,
        folder: Path,
        *,
        light: bool,
        on_report: Callable[[Report], None],
    ) -> None:
        self._on_report = on_report
        self._route: bytes | None = None
        self._admission = admission
        self._keys = CurveKeys.generate()
        here = CurveKeys.generate()
        self._socket = listener(context, here, WORKER_DOMAIN, "tcp://127.0.0.1:*", high_water=QUEUE)
        endpoint = self._socket.getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)
        link = Link(
            int(endpoint.rstrip(b"\0").rpartition(b":")[2]),
            here.public.decode("ascii"),
            self._keys.public.decode("ascii"),
            self._keys.secret.decode("ascii"),
            str(folder),
            light,
        )
        try:
            self._process = subprocess.Popen(
                child_command("tutor", "worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**child_environment(), **ONE_THREAD},
                creationflags=NO_WINDOW,
            )
        except OSError:
            self._socket.close(linger=0)
            raise
        self.light = light
        self.started = self.heard = time.monotonic()
        admission.workers.add(self._keys.public)
        self._reader = Reader(loop, self._socket, self._receive)
        self.last_words: deque[str] = deque(maxlen=LAST_WORDS)
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        threading.Thread(target=_read, args=(self._process.stderr, self.last_words), daemon=True).start()
        with contextlib.suppress(BrokenPipeError):  # it ended at once: `code` tells
            self._process.stdin.write(link.line())
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        return self._process.poll()

    def send(self, order: Order) -> bool:
        """False before it has spoken first, and while it takes nothing."""
        if self._route is None:
            return False
        sent = send(self._socket, (self._route, order.pack()))
        self._reader.recheck()
        return sent

    async def kill(self) -> None:
        """End it now, without asking it, and wait until it is gone."""
        self._reader.close()
        self._admission.workers.discard(self._keys.public)
        self._process.kill()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        await asyncio.to_thread(self._process.wait)

    def _receive(self) -> None:
        message = receive_two(self._socket)
        if message is None:
            return
        self._route, frame = message
        self.heard = time.monotonic()
        with contextlib.suppress(ProtocolError):  # a broken worker: it is judged by its silence
            self._on_report(unpack_report(frame))


def _read(stream: IO[bytes], last_words: "deque[str]") -> None:
    with stream:
        for line in stream:
            last_words.append(line.decode("utf-8", "replace").rstrip()[:500])
