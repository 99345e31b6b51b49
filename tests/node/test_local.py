"""The local link over real sockets: versions, bounds, errors, and apps that do not read."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio

from lms_desktop.node import local
from lms_desktop.node.admission import Admission
from lms_desktop.node.errors import DiskFull
from lms_desktop.node.local import LocalServer, Refused, Request
from lms_desktop.trust.primitives import CurveKeys
from lms_desktop.trust.wire import Packable, Value, pack, unpack_array
from tests.node.links import now_ms, until


def run(story: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await story

    asyncio.run(bounded())


class App:
    """A client of the local link, raw: what it sends and receives are frames."""

    def __init__(self, folder: Path) -> None:
        found = json.loads((folder / "link.json").read_bytes())
        self._context = zmq.asyncio.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvhwm = 10
        self.socket.curve_publickey, self.socket.curve_secretkey = zmq.curve_keypair()
        self.socket.curve_serverkey = found["public"].encode("ascii")
        self.socket.connect(f"tcp://127.0.0.1:{found['port']}")

    async def send(self, *fields: Packable) -> None:
        await self.socket.send(b"\x01" + pack(list(fields)))

    async def receive(self) -> tuple[Value, ...]:
        frame = await self.socket.recv()
        assert frame[:1] == b"\x01"
        return unpack_array(frame[1:], limit=1 << 22)

    async def ask(self, verb: str, *arguments: Packable) -> tuple[Value, ...]:
        await self.send(7, verb, list(arguments))
        return await self.receive()

    def close(self) -> None:
        self._context.destroy(linger=0)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[LocalServer, App]]:
    context = zmq.Context[zmq.Socket[bytes]]()
    loop = asyncio.get_running_loop()
    admission = Admission(context, loop, now_ms)
    server = LocalServer(context, loop, CurveKeys.generate(), folder)
    server.announce()
    app = App(folder)
    try:
        yield server, app
    finally:
        app.close()
        await server.close()
        admission.close()
        context.destroy(linger=0)


def echo(request: Request, arguments: tuple[Value, ...]) -> None:
    request.reply(arguments)


def subscribe(request: Request, _arguments: tuple[Value, ...]) -> None:
    request.subscribe()
    request.reply(None)


def test_a_verb_is_answered_now_or_later(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (server, app):

            async def slow(value: Value) -> Packable:
                await asyncio.sleep(0.01)
                return value

            server.on("echo", echo)
            server.on("slow", lambda request, arguments: server.run(request, slow(arguments[0])))
            assert await app.ask("echo", 1, "two", b"three") == (7, 0, (1, "two", b"three"))
            assert await app.ask("slow", "later") == (7, 0, "later")

    run(story())


def test_thousands_of_requests_in_one_go_are_all_answered_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (server, app):
            app.socket.rcvhwm = 0
            server.on("echo", echo)

            async def send_all() -> None:
                for number in range(1, 3001):
                    await app.send(number, "echo", [number])

            sending = asyncio.create_task(send_all())
            for number in range(1, 3001):
                assert await app.receive() == (number, 0, (number,))
            await sending

    run(story())


def test_errors_have_a_code_and_words_and_never_a_traceback(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (server, app):

            def fail(error: Exception) -> None:
                raise error

            async def fail_later(error: Exception) -> Packable:
                raise error

            full = DiskFull("The disk is full", next_step="Free some space.")
            server.on("full", lambda request, _: fail(full))
            server.on("full later", lambda request, _: server.run(request, fail_later(full)))
            server.on("refuse", lambda request, _: fail(Refused("too_late", "It is too late")))
            server.on("broken", lambda request, _: fail(ZeroDivisionError("secret detail")))
            for verb in ("full", "full later"):
                assert await app.ask(verb) == (7, 1, ("disk_full", "The disk is full. Free some space."))
            assert await app.ask("refuse") == (7, 1, ("too_late", "It is too late."))
            number, status, broken = await app.ask("broken")
            assert (number, status) == (7, 1)
            assert isinstance(broken, tuple)
            assert broken[0] == "failed"
            assert "secret" not in str(broken[1])
            number, status, unknown = await app.ask("no such verb")
            assert isinstance(unknown, tuple)
            assert (status, unknown[0]) == (1, "unknown_verb")

    run(story())


def test_garbage_and_other_versions_are_answered_and_the_link_lives(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (server, app):
            server.on("echo", echo)
            await app.socket.send(b"\x02" + pack([1, "echo", []]))
            assert await app.receive() == (0, "unsupported", (1, 1))
            for garbage in (
                b"\x01",
                b"\x01\xff\xff",
                b"\x01" + pack([1, "echo"]),
                b"\x01" + pack([0, "echo", []]),
                b"\x01" + pack(["1", "echo", []]),
                b"\x01\x93\x01\xa4echo\x80",
                os.urandom(1000).replace(b"\x01", b"\x00"),
            ):
                await app.socket.send(b"\x01" + garbage[1:] if garbage[:1] != b"\x01" else garbage)
                number, name, _ = await app.receive()
                assert (number, name) == (0, "malformed")
            await app.socket.send_multipart([b"\x01" + pack([1, "echo", []]), b"and more"])
            assert await app.ask("echo", 5) == (7, 0, (5,))

    run(story())


def test_an_answer_too_large_for_a_frame_is_an_error(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (server, app):
            server.on("much", lambda request, _: request.reply(bytes(3 << 20)))
            assert (await app.ask("much"))[:2] == (7, 1)

    run(story())


def test_events_reach_subscribers_only(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (server, app):
            server.on("echo", echo)
            server.on("subscribe", subscribe)
            assert await app.ask("echo") == (7, 0, ())
            server.publish("changes", [1, 2])
            assert await app.ask("subscribe") == (7, 0, None)
            server.publish("changes", [3, 4])
            assert await app.receive() == (0, "changes", (3, 4))

    run(story())


def test_an_app_that_does_not_read_bounds_its_queue_and_is_told_to_ask_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "QUEUE", 10)
    monkeypatch.setattr(local, "WAITING", 50)

    async def story() -> None:
        async with serving(tmp_path) as (server, app):
            server.on("echo", echo)
            server.on("subscribe", subscribe)
            assert await app.ask("subscribe") == (7, 0, None)
            sent = 0
            for _ in range(400):
                for _ in range(10):
                    server.publish("changes", [sent, bytes(20_000)])
                    sent += 1
                await asyncio.sleep(0)
            (queue,) = server._waiting.values()
            assert len(queue.frames) <= 51
            await app.send(9, "echo", ["alive"])
            seen: list[tuple[Value, ...]] = []
            while (9, 0, ("alive",)) not in seen:
                seen.append(await app.receive())
            names = [frame[1] for frame in seen]
            assert "resync" in names
            assert names.count("changes") < sent
            await until(lambda: not server._waiting)

    run(story())


def test_link_json_is_whole_readable_and_goes_with_the_node(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (server, _):
            found = json.loads((tmp_path / "link.json").read_bytes())
            assert found == {
                "port": server.port,
                "public": server._keys.public.decode(),
                "pid": os.getpid(),
                "protocol": [1, 1],
            }
            if sys.platform != "win32":
                assert (tmp_path / "link.json").stat().st_mode & 0o777 == 0o644
        assert not (tmp_path / "link.json").exists()

    run(story())


def test_a_node_with_another_key_than_the_pinned_one_gets_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (server, _):
            server.on("echo", echo)
            path = tmp_path / "link.json"
            found = json.loads(path.read_bytes())
            found["public"] = CurveKeys.generate().public.decode()
            path.write_text(json.dumps(found))
            impostor = App(tmp_path)
            await impostor.send(7, "echo", [])
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await impostor.receive()
            impostor.close()

    run(story())
