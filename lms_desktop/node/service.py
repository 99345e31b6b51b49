"""The node process: opens what lies in its data folder, founds or joins a school, serves it, and shuts down
in order.

    lms-desktop node --data DIR [--host ADDRESS] [--port P] [--files-port Q] [--provision FILE] [--name NAME]
                     [--embedded]

`--embedded`: a child of the app, which stops when its standard input ends. A node that cannot start says why
in one sentence, its last line on standard error, and exits with status 1.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import logging.handlers
import os
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import zmq

from lms_desktop import config
from lms_desktop.config import ConfigError, Provisioning
from lms_desktop.node import identity as identities
from lms_desktop.node import school_file
from lms_desktop.node.admission import Admission
from lms_desktop.node.clock import SYSTEM, Clock
from lms_desktop.node.errors import LedgerUnreadable, NodeError, OtherSchool, PeerError
from lms_desktop.node.folder import DataFolder
from lms_desktop.node.joining import RETRY_S, join_school
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.local import LocalServer
from lms_desktop.node.machine_verbs import MachineVerbs
from lms_desktop.node.raft.types import ZERO_HEAD, Entry, EntryType, HardState
from lms_desktop.node.school_file import School
from lms_desktop.node.school_node import SchoolNode
from lms_desktop.node.sockets import Context
from lms_desktop.node.storage import Storage
from lms_desktop.node.trace import Trace, silent
from lms_desktop.node.transport import PeerLinks
from lms_desktop.school import outcomes
from lms_desktop.trust.chain import ZERO, entry_head
from lms_desktop.trust.envelope import Envelope
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.genesis import FIRST_MACHINE, Genesis
from lms_desktop.trust.wire import Packable

LOG_BYTES = 2 << 20
LOG_FILES = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How a node is started. `host` is listened on and told to others; None: all addresses, the first one
    told."""

    data: Path
    host: str | None
    port: int
    files_port: int
    name: str
    provision: Path | None = None
    embedded: bool = False


class Node:
    """Builds and owns every part. `run` returns when the node was told to stop."""

    def __init__(self, options: Options, clock: Clock, trace: Trace) -> None:
        self._options = options
        self._clock = clock
        self._trace = trace
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._school: School | None = None
        self._part: SchoolNode | None = None
        self._joining: asyncio.Task[None] | None = None
        self._joining_alarm = ""
        self._failure: Exception | None = None
        self.machine_name = options.name

    # --- the way up and down ---

    async def run(self) -> None:
        """Start, serve until `stop`, shut down. Raises NodeError where it cannot start."""
        async with contextlib.AsyncExitStack() as stack:
            folder = DataFolder.open(self._options.data)
            stack.callback(folder.close)
            self._folder = folder.path
            self._open(stack)
            self._listen(stack)
            self._server.announce()
            self._begin()
            gc.freeze()
            _log.info("node started: machine %s, listening on %s:%d", self.machine, *self.address[:2])
            await self._stop.wait()
            _log.info("node stops")
        if self._failure is not None:
            raise NodeError(
                f"The node had to stop: {self._failure}",
                where=str(self._folder / "node.log"),
                next_step="Start it again; if it stops again, keep this file for support.",
            ) from self._failure

    def stop(self) -> None:
        """End `run` soon."""
        self._stop.set()

    def _open(self, stack: contextlib.AsyncExitStack) -> None:
        """Identity and ledger, which must belong to each other."""
        self.identity = identities.start(self._folder)
        self._storage = Storage.open(self._folder)
        stack.callback(self._storage.close)
        if self._storage.set_aside is not None:
            _log.error("the ledger was damaged; it was kept as %s", self._storage.set_aside)
        if self._storage.incarnation != self.identity.incarnation:
            # This machine's votes and acknowledgements are not these: it goes on as another life of itself.
            self.identity = identities.renew_incarnation(self._folder, self.identity)
            self._storage.adopt(self.identity.incarnation)
        self._school = school_file.load(self._folder)
        pinned = self._school.cluster_id if self._school is not None else self._provisioned()
        founded = self._founded()
        if founded is not None and pinned is not None and founded != pinned:
            raise OtherSchool(
                "The ledger in this folder belongs to another school than this machine",
                where=str(self._storage.path),
                next_step="Give the machine its own folder (--data DIR), or put the right ledger back.",
            )
        self._ledger = Ledger(self._storage.db, pinned=pinned)
        stack.callback(self._ledger.close)
        if self._school is None and founded is not None:
            self._school = self._school_of_ledger()

    def _listen(self, stack: contextlib.AsyncExitStack) -> None:
        context: Context = zmq.Context()
        stack.callback(context.destroy, linger=0)
        self._context = context
        self._admission = Admission(context, self._loop, self._clock.utc_ms)
        stack.callback(self._admission.close)
        self._links = PeerLinks(context, self._loop, self._admission, self.identity, self._clock.utc_ms)
        stack.push_async_callback(self._links.close)
        host = self._options.host or "0.0.0.0"
        ports = self._links.listen(
            f"tcp://{host}:{self._options.port or '*'}", f"tcp://{host}:{self._options.files_port or '*'}"
        )
        self.address = (self._options.host or lan_address(), *ports)
        self._server = LocalServer(context, self._loop, self.identity.curve, self._folder)
        stack.push_async_callback(self._server.close)
        MachineVerbs(self._server, self)
        stack.push_async_callback(self._leave)

    def _begin(self) -> None:
        """Go on with the school that this machine has, or join the one that it was given a file for."""
        if self._school is not None:
            self._enter(self._school)
        elif self._options.provision is not None:
            self._start_joining(read_provisioning(self._options.provision))

    def _enter(self, school: School) -> None:
        self._school = school
        self._part = SchoolNode(
            self._folder,
            school,
            self.identity,
            self.machine_name,
            self.address,
            self._storage,
            self._ledger,
            self._context,
            self._links,
            self._admission,
            self._server,
            self._clock,
            self._trace,
        )
        if self._storage.set_aside is not None:
            self._part.host.alarms["damaged"] = (
                f"The ledger of this machine was damaged; it was kept as {self._storage.set_aside.name}, "
                "and a new one is fetched from the other machines."
            )
        self._part.host.on_failure = self._failed
        self._part.start()

    def _failed(self, error: Exception) -> None:
        self._failure = error
        self.stop()

    async def _leave(self) -> None:
        if self._joining is not None:
            self._joining.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._joining
        if self._part is not None:
            await self._part.close()

    def _founded(self) -> bytes | None:
        """The school whose ledger this is, None where it is empty."""
        first = self._storage.entry(1)
        if first is None:
            return None
        try:
            return Genesis.parse(first.payload).cluster_id
        except TrustError as error:
            raise LedgerUnreadable(
                f"The first entry of this machine's ledger was altered on its disk: {error}",
                where=str(self._storage.path),
                next_step="Move the file away: the machine then fetches the ledger from the others.",
            ) from error

    def _school_of_ledger(self) -> School | None:
        """Who this machine is by its ledger alone: for a folder that lost its `school.json`."""
        if self._ledger.cluster_id is None:
            return None
        for record in self._ledger.machines():
            if record.signing_public == self.identity.signing.public and record.active:
                return School(self._ledger.cluster_id, self._ledger.epoch, record.number, {})
        return None

    # --- what the local link asks (`machine_verbs.Node`) ---

    @property
    def genesis(self) -> Genesis | None:
        return self._ledger.genesis

    @property
    def cluster_id(self) -> bytes | None:
        return self._ledger.cluster_id

    @property
    def machine(self) -> int | None:
        return self._school.machine if self._school is not None else None

    @property
    def db(self) -> sqlite3.Connection:
        return self._storage.db

    def status(self) -> Sequence[Packable]:
        """[role, leader | None, term, applied, commit, head, digest, stamp ms, quorum, alarm | None]"""
        if self._part is not None:
            return self._part.status()
        role = "none" if self._joining is None else "joining"
        return role, None, 0, 0, 0, ZERO, ZERO, 0, False, self._joining_alarm or None

    def machines(self) -> tuple[Sequence[Packable], Sequence[Packable]]:
        return self._part.machines() if self._part is not None else ([], [])

    async def found(self, genesis: bytes, envelope: bytes) -> None:
        """Found a school on this machine, and apply its first command. Repeated with the same bytes, it goes
        on where it was. Raises NodeError, TrustError."""
        founding = Genesis.parse(genesis)
        command = Envelope.parse(envelope)
        if self._part is None and self._joining is None and self._storage.last_index == 0:
            self._write_genesis(founding)
        elif self._ledger.cluster_id != founding.cluster_id or self._part is None:
            raise OtherSchool(
                "This machine belongs to a school already",
                where=str(self._folder),
                next_step="Found the new one on another machine, or with another data folder.",
            )
        assert self._part is not None
        code = await self._part.settle(command)
        if code:
            raise NodeError(outcomes.sentence(code))

    def _write_genesis(self, genesis: Genesis) -> None:
        mine, machine = self.identity, genesis.machine
        if (machine.signing_public, machine.curve_public, machine.incarnation) != (
            mine.signing.public,
            mine.curve.public_raw,
            mine.incarnation,
        ):
            raise OtherSchool(
                "This school is to start on another machine",
                where=machine.name,
                next_step="Found it there, or ask this node who it is and try again.",
            )
        stamp = self._clock.utc_ms()
        head = entry_head(ZERO_HEAD, 1, 1, EntryType.GENESIS, stamp, genesis.raw)
        entry = Entry(1, 1, EntryType.GENESIS, stamp, genesis.raw, head)
        self._storage.write(HardState(term=1, commit=1), None, [entry])
        self._ledger.apply([entry])
        self._storage.commit()
        school = School(genesis.cluster_id, self._ledger.epoch, FIRST_MACHINE, {})
        school_file.save(self._folder, school)
        self.machine_name = machine.name
        self._enter(school)

    async def join(self, provisioning: bytes) -> None:
        """Begin to join a school. Raises NodeError."""
        if self._school is not None or self._storage.last_index:
            raise OtherSchool(
                "This machine belongs to a school already",
                where=str(self._folder),
                next_step="Use another data folder to join a second one.",
            )
        self._start_joining(parse_provisioning(provisioning))

    def _start_joining(self, provisioning: Provisioning) -> None:
        if self._joining is not None:
            self._joining.cancel()
        self._joining = self._loop.create_task(self._join(provisioning))

    async def _join(self, provisioning: Provisioning) -> None:
        while True:
            try:
                school = await join_school(
                    self._context, provisioning, self.identity, self.machine_name, self.address
                )
                break
            except PeerError as error:
                self._joining_alarm = (
                    f"The school has not let this machine in yet: {error} "
                    "If this goes on, the provisioning file may have expired: ask for a new one."
                )
                self._server.publish("status", list(self.status()))
            await asyncio.sleep(RETRY_S)
        school_file.save(self._folder, school)
        self._ledger.close()
        self._ledger = Ledger(self._storage.db, pinned=school.cluster_id)
        self._joining = None
        self._joining_alarm = ""
        self._enter(school)

    def _provisioned(self) -> bytes | None:
        if self._options.provision is None or not self._options.provision.exists():
            return None
        return read_provisioning(self._options.provision).cluster_id


def read_provisioning(path: Path) -> Provisioning:
    """The provisioning file. Raises NodeError."""
    try:
        return parse_provisioning(path.read_bytes())
    except OSError as error:
        raise NodeError(
            f"The provisioning file cannot be read ({error.strerror})",
            where=str(path),
            next_step="Check the path given with --provision.",
        ) from error


def parse_provisioning(data: bytes) -> Provisioning:
    """Raises NodeError for anything but a provisioning file."""
    try:
        return Provisioning.from_json(data)
    except ConfigError as error:
        raise NodeError(str(error)) from error


def lan_address() -> str:
    """The first address of this machine that others on the LAN can reach, else the loopback's."""
    statistics = psutil.net_if_stats()
    for name, addresses in sorted(psutil.net_if_addrs().items()):
        if name in statistics and not statistics[name].isup:
            continue
        for address in addresses:
            if address.family == socket.AF_INET and not address.address.startswith(("127.", "169.254.")):
                return str(address.address)
    return "127.0.0.1"


def parse_options(arguments: Sequence[str]) -> Options:
    """The command line; prints help or what is wrong with it and exits as argparse does."""
    parser = argparse.ArgumentParser(
        prog="lms-desktop node", description="Run this machine's node without a window."
    )
    parser.add_argument("--data", type=Path, default=None, help="data folder (default: this machine's)")
    parser.add_argument("--host", default=None, help="address to listen on (default: all)")
    parser.add_argument("--port", type=int, default=config.DEFAULT_PORT, help="port for consensus; 0: any")
    parser.add_argument(
        "--files-port", type=int, default=config.DEFAULT_FILES_PORT, help="port for files; 0: any"
    )
    parser.add_argument(
        "--provision", type=Path, default=None, help="provisioning file of the school to join"
    )
    parser.add_argument("--name", default=None, help="this machine's name (default: its host name)")
    parser.add_argument("--embedded", action="store_true", help="stop when standard input ends")
    given = parser.parse_args(arguments)
    return Options(
        data=given.data or config.machine_data(),
        host=given.host,
        port=given.port,
        files_port=given.files_port,
        name=given.name or socket.gethostname(),
        provision=given.provision,
        embedded=given.embedded,
    )


def main(arguments: Sequence[str], *, clock: Clock = SYSTEM, trace: Trace = silent) -> int:
    """Run a node until it is told to stop; returns the exit status. Tests hand in another clock and a
    watcher."""
    options = parse_options(arguments)
    if os.name == "posix":
        os.umask(0o077)
    try:
        options.data.mkdir(mode=0o755, parents=True, exist_ok=True)
        if os.name == "posix":
            options.data.chmod(0o755)  # the app reads link.json there; all else is the node's alone
        _log_to(options.data)
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_serve(options, clock, trace))
    except (NodeError, TrustError, OSError, sqlite3.Error) as error:
        _log.error("the node ends: %s", error)
        print(f"lms-desktop node: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


async def _serve(options: Options, clock: Clock, trace: Trace) -> None:
    node = Node(options, clock, trace)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl+C ends the runner by itself
            loop.add_signal_handler(number, node.stop)
    if options.embedded:
        threading.Thread(target=_watch_input, args=(loop, node), daemon=True).start()
    await node.run()


def _watch_input(loop: asyncio.AbstractEventLoop, node: Node) -> None:
    """Ends with the app, however the app ends: the system closes its end of the pipe."""
    with contextlib.suppress(OSError, ValueError):
        # Not sys.stdin: a thread that holds its lock aborts the interpreter when the node ends first.
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop is closed already
        loop.call_soon_threadsafe(node.stop)


def _log_to(folder: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(
        folder / "node.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
