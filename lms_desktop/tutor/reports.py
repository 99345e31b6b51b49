"""What the worker's threads tell the node: from any thread, in each thread's order."""

import threading

import zmq

from lms_desktop.tutor.protocol import Report

ENDPOINT = "inproc://reports"


class Reports:
    """Call it with a report. `receiver` is the main thread's end: frames ready to be sent to the node."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self._context = context
        self._mine = threading.local()
        self.receiver = context.socket(zmq.PULL)
        self.receiver.bind(ENDPOINT)

    def __call__(self, report: Report) -> None:
        sender: zmq.Socket[bytes] | None = getattr(self._mine, "sender", None)
        if sender is None:  # ZeroMQ's sockets belong to one thread each
            sender = self._mine.sender = self._context.socket(zmq.PUSH)
            sender.connect(ENDPOINT)
        sender.send(report.pack())
