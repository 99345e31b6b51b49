"""Three node processes, CURVE and fsync on: commits per second, latency, failover, memory.

`commits_per_s_*` and `commit_p50_ms_1`: 340-byte opaque commands through the leader's local link, one frame
and one acknowledgement (after commit and apply) a command, on one connection with that many under way.
`signed_per_s_64`: real school commands (a student has read a material) of 64 lanes, signed beforehand,
verified and applied on all three.
`failover_*`: SIGKILL (`_stop`: SIGSTOP) of the leader to the next accepted write, asking the others all the
time.
"""

import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count, repeat
from pathlib import Path

from lms_desktop.node.raft.types import ZERO_HEAD, Entry, EntryType
from lms_desktop.school.commands import MaterialRead
from lms_desktop.trust.envelope import Envelope, make_payload
from lms_desktop.trust.primitives import random_bytes
from tests.bench.opaque import chain
from tests.bench.processes import Cluster
from tests.node.classroom import Classroom
from tests.node.ledger_kit import Author

COMMAND_BYTES = 340
VOTERS = (2, 4, 6)
LANES = 64


def measure(quick: bool) -> Mapping[str, float]:
    """All figures; `quick` takes shorter samples and fewer failovers."""
    figures: dict[str, float] = {}
    span = 3.0 if quick else 10.0
    with tempfile.TemporaryDirectory() as folder:
        figures |= _raw(Path(folder), span, 4 if quick else 10)
    with tempfile.TemporaryDirectory() as folder:
        figures |= _signed(Path(folder), span)
    return figures


def _raw(folder: Path, span: float, failovers: int) -> Mapping[str, float]:
    cluster = Cluster(folder, "raw", VOTERS)
    try:
        cluster.write(_opaque_log(cluster.configuration(1)))
        cluster.start_all()
        client = cluster.client(cluster.leader())
        payloads = repeat(os.urandom(COMMAND_BYTES))
        client.load(payloads, 64, span / 3)  # warm up
        _, alone = client.load(payloads, 1, span / 2)
        at_64, _ = client.load(payloads, 64, span)
        at_256, _ = client.load(payloads, 256, span)
        client.close()
        figures = {
            "commits_per_s_64": at_64,
            "commits_per_s_256": at_256,
            "commit_p50_ms_1": statistics.median(alone) * 1000,
            "node_rss_mb": cluster.memory_mb(),
        }
        for name, fell, rise in (
            ("failover", cluster.kill, cluster.start),
            ("failover_stop", _signaller(cluster, signal.SIGSTOP), _signaller(cluster, signal.SIGCONT)),
        ):
            spans = [_failover(cluster, fell, rise) for _ in range(failovers)]
            figures[f"{name}_median_s"] = statistics.median(spans)
            figures[f"{name}_worst_s"] = max(spans)
        return figures
    finally:
        cluster.close()


def _signaller(cluster: Cluster, which: signal.Signals) -> Callable[[int], None]:
    return lambda number: cluster.signal(number, which)


def _failover(cluster: Cluster, fell: Callable[[int], None], rise: Callable[[int], None]) -> float:
    """Take the leader away; seconds until one of the others accepts a write. Then bring it back."""
    leader = cluster.leader()
    clients = [cluster.client(number) for number in VOTERS if number != leader]
    for client in clients:  # connected before the clock starts
        client.ask("leader")
        assert client.answer(5.0) is not None
    payload = os.urandom(COMMAND_BYTES)
    start = time.perf_counter()
    fell(leader)
    try:
        for client in clients:
            client.ask("propose", payload)
        while True:
            for client in clients:
                answer = client.answer(0.002)
                if answer is None:
                    continue
                if answer[1]:
                    return time.perf_counter() - start
                client.ask("propose", payload)
            if time.perf_counter() - start > 30:
                raise RuntimeError("nobody took over")
    finally:
        for client in clients:
            client.close()
        rise(leader)
        cluster.leader()


def _signed(folder: Path, span: float) -> Mapping[str, float]:
    cluster = Cluster(folder, "signed", VOTERS)
    try:
        school = Classroom()
        material = school.publish_material(school.teacher, school.course)
        school.append(EntryType.CONFIG, cluster.configuration(len(school.entries)))
        cluster.write(school.entries)
        cluster.start_all()
        client = cluster.client(cluster.leader())
        payloads = _reads(school, material)
        client.load(payloads, 64, span / 3)
        rate, _ = client.load(payloads, 64, span)
        client.close()
        return {"signed_per_s_64": rate, "signed_node_rss_mb": cluster.memory_mb()}
    finally:
        cluster.close()


def _reads(school: Classroom, material: int) -> Iterator[bytes]:
    """Signed commands of a student in turn on 64 lanes, as from as many sign-ins; signed ahead of the
    clock."""
    lanes = [Author(school.alice.number, school.alice.key, random_bytes(16)) for _ in range(LANES)]
    command = MaterialRead(material, material)

    def envelope(place: int) -> Envelope:
        return school.sign(lanes[place % LANES], command)

    ready = [make_payload(envelope(place).raw, []) for place in range(60_000)]
    yield from ready
    yield from (make_payload(envelope(place).raw, []) for place in count())


def _opaque_log(configuration: bytes) -> list[Entry]:
    head, entries = ZERO_HEAD, []
    for index, (type_, payload) in enumerate(
        ((EntryType.GENESIS, b""), (EntryType.CONFIG, configuration)), 1
    ):
        head = chain(head, index, 1, type_, 0, payload)
        entries.append(Entry(index, 1, int(type_), 0, payload, head))
    return entries
