"""The app's end of the local link, against the node's own in a process that is killed and restarted."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lms_desktop.client import link as link_module
from lms_desktop.client.errors import IncompatibleNode, NodeRefused, NodeUnreachable
from lms_desktop.client.link import Link
from lms_desktop.client.protocol import Changed, Event, LinkChanged
from lms_desktop.school.changes import Changes

ROOT = Path(__file__).parents[2]
DEADLINE_S = 20.0


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start the server's process."""
    return subprocess.Popen([sys.executable, "-m", "tests.client.link_server", str(folder)], cwd=ROOT)


@asynccontextmanager
async def linked(folder: Path) -> AsyncIterator[tuple[Link, list[Event]]]:
    """A link with the events that it gave."""
    link, events = Link(folder), list[Event]()
    link.subscribe(events.append)
    link.start()
    try:
        yield link, events
    finally:
        link.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition with a deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


def end(server: subprocess.Popen[bytes]) -> None:
    """Kill the server."""
    server.kill()
    server.wait()


def test_calls_events_and_refusals(tmp_path: Path) -> None:
    async def run() -> None:
        async with linked(tmp_path) as (link, events):
            assert await link.call("echo", 1, "two", b"three", None, (True, 5)) == (
                1,
                "two",
                b"three",
                None,
                (True, 5),
            )
            assert await link.call("echo", bytes(1_500_000)) == (bytes(1_500_000),)
            assert (await link.hello()).version == "9.9"
            with pytest.raises(NodeRefused, match="no room") as caught:
                await link.call("refuse")
            assert caught.value.code == "no_room"
            with pytest.raises(NodeRefused) as caught:
                await link.call("no such verb")
            assert caught.value.code == "unknown_verb"
            await until(lambda: link.connected)
            await link.call("tell")
            await until(lambda: Changed(Changes.MATERIALS, 17) in events)
            assert events[0] == LinkChanged(connected=True)

    server = start(tmp_path)
    try:
        asyncio.run(run())
    finally:
        end(server)


def test_a_call_in_flight_survives_a_node_that_is_killed_and_started_again(tmp_path: Path) -> None:
    async def run(server: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        async with linked(tmp_path) as (link, events):
            first = (await link.hello(timeout_s=DEADLINE_S)).machine_name
            call = asyncio.create_task(link.call("wait", timeout_s=DEADLINE_S))
            await until((tmp_path / "waiting").exists)
            end(server)
            await until(lambda: LinkChanged(connected=False) in events)
            (tmp_path / "answer").touch()
            server = start(tmp_path)
            assert await call == "answered"
            assert (await link.hello()).machine_name != first
            assert [event for event in events if isinstance(event, LinkChanged)] == [
                LinkChanged(connected=True),
                LinkChanged(connected=False),
                LinkChanged(connected=True),
            ]
            await link.call("tell")
            await until(lambda: Changed(Changes.MATERIALS, 17) in events)
        return server

    server = start(tmp_path)
    try:
        server = asyncio.run(run(server))
    finally:
        end(server)


def test_calls_made_at_the_very_moment_of_a_kill_are_answered_by_the_next_node(tmp_path: Path) -> None:
    servers = [start(tmp_path)]

    async def run() -> None:
        async with linked(tmp_path) as (link, _):
            calls: list[asyncio.Task[object]] = []
            for _ in range(3):
                await link.hello(timeout_s=DEADLINE_S)
                servers[-1].kill()
                for _ in range(60):
                    calls.append(asyncio.create_task(link.call("echo", timeout_s=DEADLINE_S)))
                    await asyncio.sleep(0.0005)
                end(servers[-1])
                servers.append(start(tmp_path))
            assert await asyncio.gather(*calls) == [()] * len(calls)

    try:
        asyncio.run(run())
    finally:
        end(servers[-1])


def test_a_node_that_is_not_there_is_said_so_within_the_deadline(tmp_path: Path) -> None:
    async def run() -> None:
        async with linked(tmp_path) as (link, _):
            with pytest.raises(NodeUnreachable, match="does not answer") as caught:
                await link.call("echo", timeout_s=0.2)
            assert caught.value.next_step
            late = start(tmp_path)
            try:
                assert await link.call("echo", "now", timeout_s=DEADLINE_S) == ("now",)
            finally:
                end(late)

    asyncio.run(run())


def test_a_link_file_of_a_node_that_died_is_not_believed(tmp_path: Path) -> None:
    end_of_first = start(tmp_path)

    async def run() -> None:
        await until((tmp_path / "link.json").exists)
        end(end_of_first)
        async with linked(tmp_path) as (link, events):
            with pytest.raises(NodeUnreachable):
                await link.call("echo", timeout_s=0.5)
            assert events == []

    asyncio.run(run())


def test_a_node_that_hangs_is_tried_again_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "HELLO_DEADLINE_S", 0.1)
    server = start(tmp_path)

    async def run() -> None:
        await until((tmp_path / "link.json").exists)
        os.kill(server.pid, signal.SIGSTOP)
        async with linked(tmp_path) as (link, _):
            with pytest.raises(NodeUnreachable):
                await link.call("echo", timeout_s=0.5)
            monkeypatch.setattr(link_module, "HELLO_DEADLINE_S", DEADLINE_S)
            os.kill(server.pid, signal.SIGCONT)
            assert await link.call("echo", 1, timeout_s=DEADLINE_S) == (1,)

    try:
        asyncio.run(run())
    finally:
        end(server)


def test_a_node_of_other_protocols_is_refused_saying_what_to_do(tmp_path: Path) -> None:
    address = {"port": 1, "public": "a" * 40, "pid": 1, "protocol": [2, 3]}
    (tmp_path / "link.json").write_text(json.dumps(address))

    async def run() -> None:
        async with linked(tmp_path) as (link, _):
            with pytest.raises(IncompatibleNode, match="versions 2 to 3") as caught:
                await link.call("echo", timeout_s=DEADLINE_S)
            assert "Update" in caught.value.next_step

    asyncio.run(run())


def test_a_closed_link_ends_what_waits(tmp_path: Path) -> None:
    async def run() -> None:
        async with linked(tmp_path) as (link, _):
            call = asyncio.create_task(link.call("echo", timeout_s=DEADLINE_S))
            await asyncio.sleep(0)
            await asyncio.to_thread(link.close)
            with pytest.raises(NodeUnreachable):
                await call
            with pytest.raises(NodeUnreachable):
                await link.call("echo")

    asyncio.run(run())
