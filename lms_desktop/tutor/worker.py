"""The tutor's worker: a child of the node that reads the courses, judges questions and answers them.

Its main thread speaks with the node and does nothing that takes long, so that it always gives a sign of life;
a thread judges questions and finds their passages, one of low priority reads documents, and one drives the
language model where there is one. Nothing of a question is written to disk or to standard error.
"""

import functools
import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import zmq

from lms_desktop.tutor.asking import Asker
from lms_desktop.tutor.encoder import EncoderError, load_encoder
from lms_desktop.tutor.indexing import Indexer
from lms_desktop.tutor.models import active
from lms_desktop.tutor.protocol import FAULT, Ask, Cancel, Link, Open, Ping, Pong, Ready, unpack_order
from lms_desktop.tutor.reports import Reports
from lms_desktop.tutor.writing import Writer, Writing

QUEUE = 4_096


class Worker:
    """Everything that runs in this process."""

    def __init__(self, link: Link) -> None:
        folder = Path(link.folder)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._node = _dial(context, link)
        self._report = Reports(context)
        self._process = psutil.Process()
        model = None if link.light else active(folder)
        encoder = load_encoder(prefer_addon=not link.light)
        self._ready = functools.partial(Ready, encoder.name)
        self._writer = (
            Writer(model, encoder.encode, self._report, self._loaded) if model is not None else None
        )
        self._indexer = Indexer(folder, encoder, self._report)
        self._asker = Asker(self._indexer, self._writer, self._report)
        self._indexer.on_ready = self._asker.index_changed
        if self._writer is None:
            self._report(self._ready("extractive", "", 0, "cpu", ""))
        else:
            self._report(self._ready("loading", model.name if model else "", 0, "", ""))

    def run(self) -> None:
        """Serve until the process ends."""
        for thread in (self._indexer, self._asker, self._writer):
            if thread is not None:
                thread.start()
        poller = zmq.Poller()
        for socket in (self._node, self._report.receiver):
            poller.register(socket, zmq.POLLIN)
        while True:
            for socket, _ in poller.poll():
                if socket is self._node:
                    self._hear(self._node.recv())
                else:
                    self._node.send(self._report.receiver.recv())

    def _hear(self, frame: bytes) -> None:
        match unpack_order(frame):
            case Ping(number=number):
                self._node.send(self._sign_of_life(number).pack())
            case Ask() as ask:
                self._asker.ask(ask)
            case Cancel(id=ask_id):
                self._asker.cancel(ask_id)
            case Open() as told:
                self._indexer.open(told)

    def _sign_of_life(self, number: int) -> Pong:
        began = [each.step_began for each in (self._asker, self._writer) if each is not None]
        longest = max((time.monotonic() - each for each in began if each is not None), default=0.0)
        queued, active_ = self._writer.load if self._writer is not None else (0, 0)
        waiting, judging = self._asker.load
        memory = self._process.memory_info().rss
        return Pong(number, queued + waiting, active_ + judging, memory, int(longest * 1000))

    def _loaded(self, model: Writing) -> None:
        engine = "extractive" if model.problem else "generative"
        self._report(self._ready(engine, model.model, model.context, model.device or "cpu", model.problem))


def _dial(context: "zmq.Context[zmq.Socket[bytes]]", link: Link) -> "zmq.Socket[bytes]":
    socket = context.socket(zmq.DEALER)
    for option, value in (
        (zmq.LINGER, 0),
        (zmq.SNDHWM, QUEUE),
        (zmq.RCVHWM, QUEUE),
        (zmq.CURVE_SERVERKEY, link.server.encode("ascii")),
        (zmq.CURVE_PUBLICKEY, link.public.encode("ascii")),
        (zmq.CURVE_SECRETKEY, link.secret.encode("ascii")),
    ):
        socket.setsockopt(option, value)
    socket.connect(f"tcp://127.0.0.1:{link.port}")
    return socket


def _watch_input() -> None:
    """Ends with the node, however the node ends: the system closes its end of the pipe."""
    while os.read(0, 4_096):
        pass
    os._exit(0)


def _die(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """What nobody foresaw ends the worker: the node starts another. Where it was is told, not what it said,
    which could quote a question."""
    places = traceback.extract_tb(trace)[-3:]
    where = " < ".join(f"{Path(place.filename).name}:{place.lineno}" for place in reversed(places))
    print(f"{FAULT}{kind.__name__} at {where}", file=sys.stderr, flush=True)
    os._exit(70)


def main(arguments: Sequence[str]) -> int:
    """Serve the node that started this process; `arguments` are none."""
    sys.excepthook = _die
    threading.excepthook = _die_in_thread
    link = Link.parse(_first_line())
    threading.Thread(target=_watch_input, name="input", daemon=True).start()
    try:
        worker = Worker(link)
    except EncoderError as error:
        print(f"{FAULT}{error}", file=sys.stderr, flush=True)
        return 1
    worker.run()
    return 0


def _die_in_thread(failure: Any) -> None:
    _die(failure.exc_type, failure.exc_value, failure.exc_traceback)


def _first_line() -> bytes:
    """Read byte by byte: what follows is for `_watch_input`."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line
