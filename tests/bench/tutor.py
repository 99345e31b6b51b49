"""The light tutor on a student's machine: how soon it is there, how fast it judges and quotes, what reading
costs.

A real node and its worker; questions go through the local link, but for those of which thirty come at once:
no machine has so many students.
"""

import asyncio
import contextlib
import hashlib
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import zmq

from lms_desktop.node.tutoring.process import WorkerProcess
from lms_desktop.school.commands import FileRef, MaterialPublish
from lms_desktop.trust.envelope import make_payload
from lms_desktop.trust.primitives import random_bytes
from lms_desktop.trust.wire import Packable
from lms_desktop.tutor.protocol import Ask, Gate, Ready, Report, Sources
from tests.bench.processes import Client
from tests.node.blobs.files import store_whole
from tests.node.links import Station, until
from tests.node.tutoring.school import TERMINALS, Lesson, TutoredNode, lesson
from tests.tutor.pdfs import rich

SEAT, OTHER = 6, 4
PAGES, QUICK_PAGES, WORDS = 500, 50, 300
QUESTIONS = (
    "Where does the smallest value of a heap stand?",
    "How many steps does taking the smallest value out of a heap take?",
    "At which places do the children of a value in the array stand?",
    "In which order does breadth-first search visit the nodes?",
    "When does Dijkstra's algorithm find the shortest paths?",
)
LOOK_S = 0.002


def measure(quick: bool) -> Mapping[str, float]:
    """`ready_s`: from the first sign that somebody will ask to a worker that takes questions, with a course
    that it has read before. `relevance_p50_ms` and `thirty_ms`: from the worker's socket to its verdict, of
    one question and of the last of thirty. `extract_ms`: from asking to the quoted passages at the app,
    median. `index_500_pages_s` (`index_50_pages_s` if quick), and meanwhile `worst_loop_lag_ms` of the node.
    """
    with tempfile.TemporaryDirectory(prefix="lms-bench-") as folder:
        times, pages = (20, QUICK_PAGES) if quick else (60, PAGES)
        return asyncio.run(_measure(Path(folder), times, pages))


async def _measure(folder: Path, times: int, pages: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    async with lesson(folder, SEAT) as given:
        seat = given.node(SEAT)
        with _linked(seat) as link:
            await _state(link, given, {"ready"})
        await given.nodes.stop(SEAT)
        seat = given.start(SEAT)
        with _linked(seat) as link:
            began = time.perf_counter()
            await _state(link, given, {"ready", "indexing"})
            figures["ready_s"] = time.perf_counter() - began
            figures["first_answer_s"] = await _extract_ms(link, given) / 1000 + figures["ready_s"]
            figures["extract_ms"] = statistics.median([await _extract_ms(link, given) for _ in range(times)])
            assert seat.worker is not None
            figures["memory_mb"] = psutil.Process(seat.worker).memory_info().rss / 1e6
        figures |= await _of_worker(seat, given, times)
        figures |= await _reading(seat, given, pages)
    return {name: round(value, 3) for name, value in figures.items()}


@contextlib.contextmanager
def _linked(seat: TutoredNode) -> Iterator[Client]:
    """An app on that machine."""
    seat.local.announce()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    client = Client(context, seat.folder)
    try:
        yield client
    finally:
        client.close()
        context.term()


async def _call(link: Client, verb: str, *arguments: Packable) -> Any:
    link.ask(verb, *arguments)
    answer = await asyncio.to_thread(link.answer, 30.0)
    assert answer is not None
    assert answer[1], answer
    return answer[2]


async def _state(link: Client, given: Lesson, wanted: set[str]) -> None:
    """Wait until the tutor, as an app sees it, is in one of these states."""
    give_up = time.monotonic() + 60
    while (await _call(link, "tutor_state", given.school.course))[4] not in wanted:
        assert time.monotonic() < give_up
        await asyncio.sleep(LOOK_S)


async def _extract_ms(link: Client, given: Lesson) -> float:
    """From handing in a question to its sources."""
    ask = given.ask(QUESTIONS[0])
    given.node(SEAT).tutoring.answering._permission._asked.clear()  # nobody asks so often in an hour
    began = time.perf_counter()
    await _call(link, "tutor_ask", ask.encode())
    after, found = 0, 0.0
    while True:
        for message in await _call(link, "tutor_next", ask.ask_id, after, 5_000):
            after = message[0]
            if message[1] == "sources":
                found = (time.perf_counter() - began) * 1000
            elif message[1] in TERMINALS:
                assert found, message
                return found


async def _of_worker(seat: TutoredNode, given: Lesson, times: int) -> dict[str, float]:
    """A worker of its own on the same data, spoken to directly."""
    contents = await seat.tutoring._reading._library.contents(given.school.course)
    await given.nodes.stop(SEAT)
    station = Station(1)
    loop = asyncio.get_running_loop()
    reports: dict[bytes, tuple[float, float]] = {}
    asked: dict[bytes, float] = {}
    ready = asyncio.Event()

    def hear(report: Report) -> None:
        now = (time.perf_counter() - asked.get(getattr(report, "id", b""), 0.0)) * 1000
        match report:
            case Ready():
                ready.set()
            case Gate(id=ask_id):
                reports[ask_id] = (now, 0.0)
            case Sources(id=ask_id):
                reports[ask_id] = (reports[ask_id][0], now)

    folder = seat.folder / "tutor"
    worker = WorkerProcess(station.context, loop, station.admission, folder, light=True, on_report=hear)
    try:
        await ready.wait()
        for told in contents.opens:
            worker.send(told)

        async def ask(count: int) -> list[tuple[float, float]]:
            ids = [random_bytes(16) for _ in range(count)]
            for number, ask_id in enumerate(ids):
                text = QUESTIONS[number % len(QUESTIONS)]
                asked[ask_id] = time.perf_counter()
                worker.send(Ask(ask_id, number, given.school.course, 0, text, (), False, False, (), 60_000))
            await until(lambda: all(reports.get(each, (0.0, 0.0))[1] for each in ids), 60)
            return [reports[each] for each in ids]

        await ask(3)
        single = [(await ask(1))[0][0] for _ in range(times)]
        thirty = [max(sources for _, sources in await ask(30)) for _ in range(max(3, times // 10))]
        return {"relevance_p50_ms": statistics.median(single), "thirty_ms": statistics.median(thirty)}
    finally:
        await worker.kill()
        await station.close()


async def _reading(seat: TutoredNode, given: Lesson, pages: int) -> dict[str, float]:
    """Publish a long PDF, and watch the node's loop until it is read."""
    pdf = await asyncio.to_thread(rich, seat.folder / "long.pdf", pages, words=WORDS)
    data = pdf.read_bytes()
    seat = given.start(SEAT)
    await given.start(OTHER).tutoring.close()  # it only makes the majority: the processor is the seat's
    leader = await given.nodes.leader()
    name, _ = await asyncio.to_thread(store_whole, seat.store, data, 1 << 20)
    file = FileRef("long.pdf", name, len(data), hashlib.sha256(data).digest(), pages)
    envelope = given.school.sign(given.school.teacher, MaterialPublish(given.school.course, "Long", file))
    seat.tutoring.wake()
    await until(lambda: seat.is_ready, 30)
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LOOK_S)
            worst = max(worst, (time.perf_counter() - began - LOOK_S) * 1000)

    watching = asyncio.create_task(watch())
    began = time.perf_counter()
    leader.host.propose(make_payload(envelope.raw), lambda _: None)

    def read() -> bool:
        found = [each for each in seat.tutoring._reading.courses if each.course == given.school.course]
        return bool(found) and found[0].state == "ready" and found[0].total == 3

    await until(read, 600)
    seconds = time.perf_counter() - began
    watching.cancel()
    return {f"index_{pages}_pages_s": seconds, "worst_loop_lag_ms": worst}
