"""The machines of the demo: node processes on loopback ports, killed and restarted by process id."""

import asyncio
import contextlib
import random
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lms_desktop.children import NO_WINDOW, child_command, child_environment
from lms_desktop.client.errors import ClientError, NodeUnreachable
from lms_desktop.client.link import Link
from lms_desktop.client.protocol import NodeStatus

START_S = 20.0
STOP_S = 5.0
HOST = "127.0.0.1"
PORTS = range(20_000, 32_000)


class DemoError(ClientError):
    """The demo's machines cannot be set up on this computer."""


@dataclass(slots=True)
class Seat:
    """One machine of the demo: its node's data, its app users' data, and the process while it runs."""

    name: str
    folder: Path
    port: int
    files_port: int
    command: tuple[str, ...]  # what runs a node, before its arguments
    process: subprocess.Popen[bytes] | None = None
    link: Link = field(init=False)

    def __post_init__(self) -> None:
        self.link = Link(self.data)
        self.link.start()

    @property
    def data(self) -> Path:
        """The node's data folder."""
        return self.folder / "machine"

    @property
    def user_data(self) -> Path:
        """What the app keeps for the people who sit here."""
        return self.folder / "user"

    @property
    def pid(self) -> int | None:
        """The node's process id while it runs."""
        process = self.process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def alive(self) -> bool:
        """True while the node's process runs."""
        return self.pid is not None

    def start(self) -> None:
        """Start the node's process; `ready` waits until it answers."""
        if self.alive:
            return
        self._reap()
        self.data.mkdir(parents=True, exist_ok=True)
        arguments = (
            "--embedded",  # it ends with this process, however that ends
            *("--data", str(self.data)),
            *("--name", self.name),
            *("--host", HOST),
            *("--port", str(self.port)),
            *("--files-port", str(self.files_port)),
        )
        with (self.folder / "node.out").open("ab") as output:
            self.process = subprocess.Popen(
                (*self.command, *arguments),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=child_environment(),
                creationflags=NO_WINDOW,
            )

    async def ready(self, *, timeout_s: float = START_S) -> None:
        """Wait until the node answers. Raises NodeUnreachable, saying what it printed last."""
        hello = asyncio.ensure_future(self.link.hello(timeout_s=timeout_s))
        try:
            while not hello.done():
                await asyncio.wait({hello}, timeout=0.2)
                if not self.alive and not hello.done():
                    break
            if hello.done():
                hello.result()
                return
        except NodeUnreachable:
            pass
        finally:
            hello.cancel()
            await asyncio.gather(hello, return_exceptions=True)
        raise NodeUnreachable(f"Machine {self.name} did not start: {self._said()}", where=str(self.data))

    def kill(self) -> int | None:
        """End the node at once, as a power cut does; returns its process id, None when it was not running."""
        pid, process = self.pid, self.process
        if pid is None or process is None:
            return None
        process.kill()
        self._reap()
        return pid

    def ask_to_stop(self) -> None:
        """Tell the node to end in good order, without waiting for it."""
        if self.process is not None and self.alive:
            self.process.terminate()

    def stop(self) -> None:
        """End the node in good order, and wait for it."""
        if self.process is not None and self.alive:
            self.ask_to_stop()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._reap()

    async def restart(self) -> None:
        """Start the node again and wait until it answers."""
        self.start()
        await self.ready()

    async def status(self, *, timeout_s: float = 5.0) -> NodeStatus:
        """Where the node stands. Raises NodeUnreachable."""
        return NodeStatus.from_wire(await self.link.call("status", timeout_s=timeout_s))

    def close(self) -> None:
        """Stop the node and the link."""
        self.stop()
        self.link.close()

    def _reap(self) -> None:
        """Wait for a process that ends or has ended, and close the pipe that kept it alive."""
        process, self.process = self.process, None
        if process is not None:
            process.wait()
            assert process.stdin is not None
            process.stdin.close()

    def _said(self) -> str:
        with contextlib.suppress(OSError):
            lines = (self.folder / "node.out").read_text("utf-8", "replace").splitlines()
            if lines:
                return lines[-1]
        return "it printed nothing."


def close_seats(seats: Iterable[Seat]) -> None:
    """Stop all machines at once."""
    every = tuple(seats)
    for seat in every:
        seat.ask_to_stop()
    for seat in every:
        seat.close()


def make_seats(
    folder: Path, names: tuple[str, ...], *, command: tuple[str, ...] | None = None
) -> tuple[Seat, ...]:
    """Seats in their own folders, on ports that are free now; `command` runs a node (default: this one's)."""
    ports = _free_ports(2 * len(names))
    runs = tuple(child_command("node")) if command is None else command
    return tuple(
        Seat(name, folder / name, ports[2 * place], ports[2 * place + 1], runs)
        for place, name in enumerate(names)
    )


def _free_ports(count: int) -> list[int]:
    """Ports that are free now, below those that systems give to outgoing connections: so they stay free."""
    free: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind((HOST, port))
            free.append(port)
        if len(free) == count:
            return free
    raise DemoError("There are too few free ports on this computer.", next_step="Close other programs.")
