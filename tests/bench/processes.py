"""Three node processes on loopback, and a client of their local links."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgpack
import psutil
import zmq

from lms_desktop.node import identity as identities
from lms_desktop.node.raft.types import Configuration, Entry, HardState, Server, encode_configuration
from lms_desktop.node.storage import Storage
from lms_desktop.trust.primitives import CurveKeys, random_bytes
from lms_desktop.trust.wire import Packable, pack
from tests.bench.plan import Machine, Plan

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 30.0


class Client:
    """One connection to one node's local link: a DEALER, many requests under way."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", folder: Path) -> None:
        link = json.loads((folder / "link.json").read_bytes())
        keys = CurveKeys.generate()
        self._socket = context.socket(zmq.DEALER)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.SNDHWM, 4096),
            (zmq.RCVHWM, 4096),
            (zmq.CURVE_SERVERKEY, link["public"].encode("ascii")),
            (zmq.CURVE_PUBLICKEY, keys.public),
            (zmq.CURVE_SECRETKEY, keys.secret),
        ):
            self._socket.setsockopt(option, value)
        self._socket.connect(f"tcp://127.0.0.1:{link['port']}")
        self._number = 0

    def close(self) -> None:
        self._socket.close(linger=0)

    def ask(self, verb: str, *arguments: Packable) -> int:
        """Send a request; returns its number."""
        self._number += 1
        self._socket.send(b"\x01" + pack([self._number, verb, list(arguments)]))
        return self._number

    def answer(self, timeout_s: float) -> tuple[int, bool, object] | None:
        """The next answer as (number, whether it went well, value), None when none comes in time."""
        if not self._socket.poll(int(timeout_s * 1000)):
            return None
        number, status, value = msgpack.unpackb(self._socket.recv()[1:], use_list=False)
        return number, status == 0, value

    def load(self, payloads: Iterator[bytes], outstanding: int, seconds: float) -> tuple[float, list[float]]:
        """Keep `outstanding` commands under way; returns commits per second and each one's latency in s."""
        socket_, clock = self._socket, time.perf_counter
        sent: deque[float] = deque()  # answers come in the order of the requests

        def send_one() -> None:
            self._number += 1
            sent.append(clock())
            socket_.send(b"\x01" + msgpack.packb((self._number, "propose", (next(payloads),))))

        latencies: list[float] = []
        for _ in range(outstanding):
            send_one()
        start = clock()
        while clock() - start < seconds:
            latencies.append(self._accepted() - sent.popleft())
            send_one()
        elapsed = clock() - start
        for _ in range(outstanding):
            self._accepted()
        return len(latencies) / elapsed, latencies

    def _accepted(self) -> float:
        answer = self.answer(WAIT_S)
        if answer is None or answer[1:] != (True, 0):
            raise RuntimeError(f"a command was not accepted: {answer}")
        return time.perf_counter()


class Cluster:
    """Three nodes that all vote. `entries` is their log before the first start, without the configuration."""

    def __init__(self, folder: Path, mode: str, numbers: Sequence[int]) -> None:
        self._folder = folder
        ports = iter(free_ports(2 * len(numbers)))
        self.plan = Plan(
            mode, tuple(_machine(folder / str(each), each, next(ports), next(ports)) for each in numbers)
        )
        self._plan_file = folder / "plan.json"
        self._plan_file.write_text(json.dumps(self.plan.to_json()), encoding="ascii")
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def configuration(self, admitted: int) -> bytes:
        """The payload of the entry that makes all three vote."""
        servers = [Server(each.number, bytes.fromhex(each.incarnation)) for each in self.plan.machines]
        return encode_configuration(Configuration.of(servers), admitted)

    def write(self, entries: Sequence[Entry]) -> None:
        """Give every node this log, committed."""
        for machine in self.plan.machines:
            storage = Storage.open(Path(machine.folder))
            storage.adopt(bytes.fromhex(machine.incarnation))
            storage.write(HardState(term=1, commit=len(entries)), None, entries)
            storage.commit()
            storage.close()

    def start(self, number: int) -> None:
        """Start a node that is not running."""
        machine = next(each for each in self.plan.machines if each.number == number)
        (Path(machine.folder) / "link.json").unlink(missing_ok=True)
        self._processes[number] = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.cluster_node", str(self._plan_file), str(number)], cwd=ROOT
        )

    def start_all(self) -> None:
        for machine in self.plan.machines:
            self.start(machine.number)

    def client(self, number: int) -> Client:
        """A new connection to a node, once it has announced its link."""
        folder = Path(next(each for each in self.plan.machines if each.number == number).folder)
        deadline = time.monotonic() + WAIT_S
        while not (folder / "link.json").exists():
            if time.monotonic() > deadline or self._processes[number].poll() is not None:
                raise RuntimeError(f"node {number} did not start")
            time.sleep(0.01)
        return Client(self._context, folder)

    def leader(self) -> int:
        """The number of the leader, once all running nodes name the same."""
        clients = {number: self.client(number) for number in self._processes}
        try:
            deadline = time.monotonic() + WAIT_S
            while time.monotonic() < deadline:
                for client in clients.values():
                    client.ask("leader")
                answers = [client.answer(1.0) for client in clients.values()]
                named = {answer[2] for answer in answers if answer is not None}
                if len(named) == 1 and None not in answers and None not in named:
                    (leader,) = named
                    assert isinstance(leader, int)
                    return leader
                time.sleep(0.05)
        finally:
            for client in clients.values():
                client.close()
        raise RuntimeError("no leader was elected")

    def signal(self, number: int, which: signal.Signals) -> None:
        os.kill(self._processes[number].pid, which)

    def kill(self, number: int) -> None:
        """SIGKILL, and wait until it is gone."""
        process = self._processes.pop(number)
        process.kill()
        process.wait()

    def memory_mb(self) -> float:
        """Resident memory of the largest node, in MB."""
        return max(psutil.Process(each.pid).memory_info().rss for each in self._processes.values()) / 1e6

    def close(self) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
        self._context.destroy(linger=0)


def _machine(folder: Path, number: int, port: int, files_port: int) -> Machine:
    """Make a machine's folder with its key."""
    folder.mkdir()
    identity = identities.start(folder)
    return Machine(
        number,
        identity.curve.public.decode("ascii"),
        identity.incarnation.hex(),
        port,
        files_port,
        str(folder),
    )


def free_ports(count: int) -> list[int]:
    """Ports below the range that outgoing connections take theirs from."""
    found: list[int] = []
    port = 20_000 + int.from_bytes(random_bytes(2), "big") % 8_000
    while len(found) < count:
        port += 1
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    return found
