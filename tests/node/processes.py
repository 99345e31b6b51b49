"""Node processes on loopback for tests, each with its data folder, and a plain client of their local
links."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import zmq

from lms_desktop.config import Provisioning, Seed
from lms_desktop.school.commands import Command, PersonAdd, Role, TokenAdd, WrappedKeysSet
from lms_desktop.trust.envelope import Envelope
from lms_desktop.trust.genesis import FirstAdministrator, FirstMachine, Genesis
from lms_desktop.trust.invites import token_keys
from lms_desktop.trust.keyring import PersonKeys
from lms_desktop.trust.primitives import CurveKeys, SealingKey, SigningKey, random_bytes
from lms_desktop.trust.wire import pack, unpack
from tests.bench.processes import free_ports

WAIT_S = 30.0
T = TypeVar("T")


class Refused(Exception):
    """The node answered a call with an error code."""


class Process:
    """One machine: its folder, ports and, while it runs, its node process."""

    def __init__(self, folder: Path, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.data = folder / "machine"
        self.data.mkdir(parents=True)
        self.name = folder.name
        self.port, self.files_port = free_ports(2)
        self._context = context
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._numbers = count(1)

    def start(self, *more: str, ahead_ms: int = 0) -> "Process":
        """Start the node; `ahead_ms` turns its clock."""
        (self.data / "link.json").unlink(missing_ok=True)
        launcher = ["-m", "tests.node.launch", str(ahead_ms)] if ahead_ms else ["-m", "lms_desktop", "node"]
        self._process = subprocess.Popen(
            [sys.executable, *launcher, *self.arguments, *more],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).resolve().parents[2],
        )
        return self

    @property
    def arguments(self) -> list[str]:
        return [
            *("--data", str(self.data), "--name", self.name, "--host", "127.0.0.1"),
            *("--port", str(self.port), "--files-port", str(self.files_port)),
        ]

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Cut the power."""
        self.process.kill()
        self._gone()

    def stop(self) -> None:
        """Ask it to end, as a service manager does."""
        self.process.terminate()
        self._gone()

    def refusal(self) -> str:
        """The last line on standard error of a node that does not start, though its input stays open."""
        self.process.wait(WAIT_S)
        _, errors = self.process.communicate(timeout=WAIT_S)
        assert self.process.returncode == 1, errors
        return errors.decode().strip().splitlines()[-1]

    def end_input(self) -> None:
        """What happens to an embedded node's standard input when its app ends."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(WAIT_S)

    def _gone(self) -> None:
        self.process.wait(WAIT_S)
        for stream in (self.process.stdin, self.process.stderr):
            if stream is not None:
                stream.close()
        if self._socket is not None:
            self._socket.close(linger=0)
            self._socket = None

    def call(self, verb: str, *arguments: Any, timeout_s: float = 15.0) -> Any:
        """Ask the node; raises Refused with the code it answered."""
        socket = self._socket or self._connect()
        number = next(self._numbers)
        socket.send(b"\x01" + pack([number, verb, list(arguments)]))
        deadline = time.monotonic() + timeout_s
        while socket.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            answer: Any = unpack(socket.recv()[1:], limit=1 << 21)
            if answer[0] == number:
                if answer[1]:
                    raise Refused(*answer[2])
                return answer[2]
        raise TimeoutError(f"{self.name} did not answer {verb}")

    def _connect(self) -> zmq.Socket[bytes]:
        until(lambda: (self.data / "link.json").exists() or not self.running)
        link = json.loads((self.data / "link.json").read_bytes())
        keys = CurveKeys.generate()
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.CURVE_SERVERKEY, link["public"].encode("ascii"))
        socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
        socket.connect(f"tcp://127.0.0.1:{link['port']}")
        self._socket = socket
        return socket

    @property
    def role(self) -> str:
        return str(self.call("status")[0])

    @property
    def alarm(self) -> str:
        return str(self.call("status")[9] or "")

    @property
    def state(self) -> tuple[int, bytes, bytes]:
        """Applied index, head, verdict digest."""
        status = self.call("status")
        return status[3], status[5], status[6]


class Lab:
    """A school on several node processes, and its administrator's keys."""

    def __init__(self, folder: Path, names: str) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.folder = folder
        self.machines = [Process(folder / name, self.context) for name in names]
        self.keys = PersonKeys.generate()
        self.genesis: Genesis | None = None

    @property
    def cluster_id(self) -> bytes:
        assert self.genesis is not None
        return self.genesis.cluster_id

    def add(self, name: str) -> Process:
        """Another machine, not started."""
        process = Process(self.folder / name, self.context)
        self.machines.append(process)
        return process

    def found(self, machine: Process) -> None:
        """Found a school on a running machine."""
        self.genesis = Genesis.create(
            self.keys.signing,
            rules_version=1,
            school="Hill School",
            zone="Europe/Oslo",
            administrator=FirstAdministrator(
                "ada", "Ada Admin", self.keys.signing.public, self.keys.sealing.public
            ),
            machine=FirstMachine(*machine.call("identity")),
            recovery_public=SealingKey.generate().public,
        )
        machine.call("found", self.genesis.raw, self.sign(WrappedKeysSet(b"wrapped")).raw)

    def sign(self, command: Command) -> Envelope:
        """The administrator's envelope, in a lane of its own."""
        return Envelope.sign(
            self.cluster_id,
            self.keys.signing,
            author=1,
            lane=random_bytes(16),
            seq=0,
            kind=command.KIND,
            body=command.body(),
        )

    def write(self, machine: Process, command: Command) -> int:
        """Hand a command in on a machine and wait until it is applied there; returns the outcome's code."""
        envelope = self.sign(command)
        machine.call("submit", envelope.raw, None, "")
        outcome = until(lambda: machine.call("outcome", envelope.author, envelope.lane, envelope.seq))
        code: int = outcome[1]
        return code

    def add_person(self, machine: Process, login: str) -> None:
        code = self.write(machine, PersonAdd(login, login, int(Role.STUDENT), SigningKey.generate().public))
        assert code == 0

    def provisioning(self, machine: Process, *, known: bool = True) -> bytes:
        """A provisioning file with a new token; `known` False: one that the school never heard of."""
        token = random_bytes(32)
        signing, curve = token_keys(token)
        if known:
            expires = time.time_ns() // 1_000_000 + 86_400_000
            assert self.write(machine, TokenAdd("lab", signing.public, curve.public_raw, 10, expires)) == 0
        key = CurveKeys(bytes.fromhex(json.loads((machine.data / "machine.key").read_text())["curve"])).public
        seed = Seed("127.0.0.1", machine.port, machine.files_port, key)
        return Provisioning(self.cluster_id, (seed,), token).to_json()

    def open(self) -> "Lab":
        """Start all, found on the first, let the others join, and wait until all vote."""
        first, *others = [machine.start() for machine in self.machines]
        self.found(first)
        if others:
            file = self.provisioning(first)
            for other in others:
                other.call("join", file)
            until(lambda: all(machine.role in ("leader", "voter") for machine in self.machines))
        return self

    def leader(self) -> Process:
        """The running machine that leads, once there is one."""
        return until(
            lambda: next((each for each in self.machines if each.running and each.role == "leader"), None)
        )

    def agree(self, at_least: int = 0) -> int:
        """Wait until all running machines have the same applied index, head and digest; returns the index."""

        def same() -> int:
            states = {machine.state for machine in self.machines if machine.running}
            applied, _, _ = states.pop()
            return 0 if states or applied < at_least else applied

        return until(same)

    def close(self) -> None:
        for machine in self.machines:
            if machine.running:
                machine.kill()
            elif machine._process is not None:
                machine._gone()
        self.context.destroy(linger=0)


@contextmanager
def lab(folder: Path, names: str) -> Iterator[Lab]:
    """Machines of these one-letter names, with a school on them."""
    made = Lab(folder, names)
    try:
        yield made.open()
    finally:
        made.close()


def until(condition: Callable[[], T | None], seconds: float = WAIT_S) -> T:
    """Wait until it gives something true, and return that; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)
    return found
