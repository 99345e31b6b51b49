"""Whatever becomes of the worker, another one starts, and every question has one end."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from lms_desktop.node.errors import PeerError
from lms_desktop.node.tutoring import process as process_module
from lms_desktop.node.tutoring import supervisor as supervisor_module
from lms_desktop.node.tutoring.process import WorkerProcess
from lms_desktop.node.tutoring.supervisor import Kind, Supervisor
from lms_desktop.tutor.protocol import Ready, Report
from tests.node.links import Station, until
from tests.node.tutoring.school import Lesson, TutoredNode, ended, lesson, run

SEAT = 6


@asynccontextmanager
async def ready_seat(folder: Path) -> AsyncIterator[tuple[Lesson, TutoredNode]]:
    """A student's machine whose light worker has answered a question already."""
    async with lesson(folder, SEAT) as given:
        seat = given.node(SEAT)
        assert await answered(given, seat)
        yield given, seat


async def answered(given: Lesson, seat: TutoredNode) -> bool:
    ask = given.ask()
    await seat.tutoring.ask(ask.encode())
    return (await ended(seat, ask.ask_id, 40))[-1][0] == "answered"


def test_a_killed_worker_is_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    async def story() -> None:
        async with ready_seat(tmp_path) as (given, seat):
            before = seat.worker
            assert before is not None
            os.kill(before, signal.SIGKILL)
            assert await answered(given, seat)
            assert seat.worker not in (None, before)

    run(story())


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process")
def test_a_worker_that_hangs_is_killed_and_its_questions_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "SILENT_S", 3.0)

    async def story() -> None:
        async with ready_seat(tmp_path) as (given, seat):
            before = seat.worker
            assert before is not None
            os.kill(before, signal.SIGSTOP)
            assert await answered(given, seat)
            assert not psutil.pid_exists(before)

    run(story())


def test_a_worker_whose_connection_is_gone_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "SILENT_S", 3.0)

    async def story() -> None:
        async with ready_seat(tmp_path) as (given, seat):
            before, worker = seat.worker, seat.tutoring._supervisor._worker
            assert worker is not None
            worker._reader.close()
            await until(lambda: seat.worker not in (None, before), 15)
            assert await answered(given, seat)

    run(story())


def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    async def story() -> None:
        async with ready_seat(tmp_path) as (given, seat):
            await given.nodes.stop(SEAT)
            index = seat.folder / "tutor" / "index.db"
            for suffix in ("-wal", "-shm"):
                index.with_name(index.name + suffix).unlink(missing_ok=True)
            index.write_bytes(b"no index" * 4_096)
            assert await answered(given, given.start(SEAT))

    run(story())


def test_a_worker_ends_with_its_node(tmp_path: Path) -> None:
    async def story() -> None:
        station = Station(1)
        reports: list[Report] = []
        loop = asyncio.get_running_loop()
        worker = WorkerProcess(
            station.context, loop, station.admission, tmp_path, light=True, on_report=reports.append
        )
        try:
            await until(lambda: any(isinstance(each, Ready) for each in reports), 20)
            assert worker._process.stdin is not None
            worker._process.stdin.close()  # as the system does when the node is killed
            await until(lambda: worker.code is not None)
        finally:
            await worker.kill()
            await station.close()

    run(story())


def test_a_worker_that_cannot_be_started_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "child_command", lambda *_: [str(tmp_path / "no such program")])

    async def story() -> None:
        station = Station(1)
        try:
            loop, sockets = asyncio.get_running_loop(), len(station.context._sockets)
            for _ in range(3):
                with pytest.raises(FileNotFoundError):
                    WorkerProcess(
                        station.context, loop, station.admission, tmp_path, light=True, on_report=print
                    )
            assert len([each for each in station.context._sockets if not each.closed]) == sockets
            assert station.admission.workers == set()
        finally:
            await station.close()

    run(story())


def test_a_worker_that_takes_too_much_memory_is_replaced_ever_more_rarely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "BACK_OFF_S", (0.1, 0.1, 30.0))

    async def story() -> None:
        station = Station(1)
        faults: list[bool] = []
        kinds: list[bool] = []
        supervisor = Supervisor(
            station.context,
            station.admission,
            tmp_path,
            on_report=lambda report: note(report),
            on_ended=faults.append,
            memory=1 << 20,
        )

        def note(report: Report) -> None:
            if isinstance(report, Ready):
                assert supervisor._worker is not None
                kinds.append(supervisor._worker.light)

        supervisor.want(Kind.FULL)
        try:
            await until(lambda: len(faults) == 3, 40)
            began = time.monotonic()
            assert supervisor.crashed
            assert supervisor._failing, "the next one goes without a language model"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await until(lambda: len(kinds) > 3, 2)
            assert time.monotonic() - began < 5
            assert kinds == [False, False, False]
            assert faults == [True, True, True]
        finally:
            await supervisor.close()
            await station.close()

    run(story())


def test_a_tutor_that_does_not_start_is_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [sys.executable, "-c", "raise SystemExit('no encoder here')"]
    monkeypatch.setattr(process_module, "child_command", lambda *_: broken)
    monkeypatch.setattr(supervisor_module, "BACK_OFF_S", (0.1,))

    async def story() -> None:
        async with lesson(tmp_path, SEAT) as given:
            seat, ask = given.node(SEAT), given.ask()
            await seat.tutoring.ask(ask.encode())
            assert (await ended(seat, ask.ask_id, 20))[-1][:2] == ("failed", "interrupted")
            assert seat.tutoring.state().state == "down"
            with pytest.raises(PeerError) as refused:
                await seat.tutoring.ask(given.ask().encode())
            assert refused.value.code == "no_tutor"

    run(story())


def test_a_worker_that_nobody_wants_ends_without_blame(tmp_path: Path) -> None:
    async def story() -> None:
        station = Station(1)
        faults: list[bool] = []
        supervisor = Supervisor(
            station.context, station.admission, tmp_path, on_report=lambda _: None, on_ended=faults.append
        )
        try:
            supervisor.want(Kind.LIGHT)
            await until(lambda: supervisor.ready is not None, 20)
            first = supervisor.pid
            assert first is not None
            supervisor.restart()
            await until(lambda: supervisor.ready is not None and supervisor.pid != first, 20)
            second = supervisor.pid
            for kind in (None, Kind.LIGHT):  # before it has looked: nothing has changed
                supervisor.want(kind)
            await until(lambda: supervisor.load.number > 1)
            assert supervisor.pid == second
            supervisor.want(None)
            await until(lambda: supervisor.pid is None and len(faults) == 2)
            assert faults == [False, False]
            assert supervisor.crashed == ""
            assert not psutil.pid_exists(first)
        finally:
            await supervisor.close()
            await station.close()

    run(story())
