"""A process with the node's own end of the local link and a few verbs, for tests of the app's end.

`python -m tests.client.link_server FOLDER` answers until it is killed: `echo` at once, `wait` once the folder
holds a file `answer`, `refuse` with an error; `tell` publishes an event.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

import zmq

from lms_desktop.node.admission import Admission
from lms_desktop.node.local import Arguments, LocalServer, Request
from lms_desktop.trust.primitives import CurveKeys


async def serve(folder: Path) -> None:
    """Serve for ever."""
    loop = asyncio.get_running_loop()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    admission = Admission(context, loop, lambda: int(time.time() * 1000))
    server = LocalServer(context, loop, CurveKeys.generate(), folder)

    def hello(request: Request, arguments: Arguments) -> None:
        request.reply([1, "9.9", None, None, f"pid {os.getpid()}", None, None, 1, bytes(16)])

    def subscribe(request: Request, arguments: Arguments) -> None:
        request.subscribe()
        request.reply(None)

    def echo(request: Request, arguments: Arguments) -> None:
        request.reply(list(arguments))

    def wait(request: Request, arguments: Arguments) -> None:
        (folder / "waiting").touch()
        if (folder / "answer").exists():
            request.reply("answered")

    def refuse(request: Request, arguments: Arguments) -> None:
        request.fail("no_room", "There is no room.")

    def tell(request: Request, arguments: Arguments) -> None:
        server.publish("changes", [4, 17])
        server.publish("of another version", None)
        request.reply(None)

    for handler in (hello, subscribe, echo, wait, refuse, tell):
        server.on(handler.__name__, handler)
    server.announce()
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()
        admission.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
