"""The verbs of the local link that a node always answers: who it is, how it stands, founding, joining,
stopping.
"""

import sqlite3
from collections.abc import Sequence
from typing import Protocol

from lms_desktop import __version__
from lms_desktop.node.identity import Identity
from lms_desktop.node.local import PROTOCOLS, Arguments, LocalServer, Refused, Request, malformed
from lms_desktop.school import rules
from lms_desktop.school.commands import Role
from lms_desktop.school.rules.base import role_of
from lms_desktop.school.tables import PrincipalKind
from lms_desktop.trust.genesis import Genesis
from lms_desktop.trust.orders import Order
from lms_desktop.trust.wire import Packable


class Node(Protocol):
    """What these verbs ask of the running node (`service.Node`)."""

    @property
    def identity(self) -> Identity:
        """This machine's keys, in this run."""

    @property
    def genesis(self) -> Genesis | None:
        """The school's founding record, None before this machine has it."""

    @property
    def cluster_id(self) -> bytes | None:
        """The school that this machine belongs to or is joining, None before."""

    @property
    def machine(self) -> int | None:
        """This machine's number, None before it is enrolled."""

    @property
    def machine_name(self) -> str:
        """The name that this machine has or would like to have."""

    @property
    def address(self) -> tuple[str, int, int]:
        """Host, consensus port and files port."""

    @property
    def db(self) -> sqlite3.Connection:
        """The ledger's tables."""

    def status(self) -> Sequence[Packable]:
        """[role, leader, term, applied, commit, head, digest, stamp ms, quorum, alarm]"""

    def machines(self) -> tuple[Sequence[Packable], Sequence[Packable]]:
        """The machines as seen from here now, and the attempts of strangers."""

    async def found(self, genesis: bytes, envelope: bytes) -> None:
        """Found a school; returns once its first command is applied. Raises NodeError, TrustError."""

    async def join(self, provisioning: bytes) -> None:
        """Begin to join a school. Raises NodeError."""

    def stop(self) -> None:
        """End this node soon."""


class MachineVerbs:
    """Answers for the apps on this machine, with a school or without one."""

    def __init__(self, server: LocalServer, node: Node) -> None:
        self._server = server
        self._node = node
        server.on("hello", self._hello)
        server.on("subscribe", self._subscribe)
        server.on("status", self._status)
        server.on("identity", self._identity)
        server.on("machines", self._machines)
        server.on("found", self._found)
        server.on("join", self._join)
        server.on("stop", self._stop)

    def _hello(self, request: Request, arguments: Arguments) -> None:
        """hello(app version) -> [protocol, node version, cluster id | nil, machine | nil, machine's name,
        school | nil, zone | nil, rules version, nonce]
        """
        match arguments:
            case (str(),):
                genesis = self._node.genesis
                request.reply(
                    [
                        PROTOCOLS[1],
                        __version__,
                        self._node.cluster_id,
                        self._node.machine,
                        self._node.machine_name,
                        genesis.school if genesis is not None else None,
                        genesis.zone if genesis is not None else None,
                        rules.RULES_VERSION,
                        self._node.identity.nonce,
                    ]
                )
            case _:
                raise malformed("hello")

    def _subscribe(self, request: Request, arguments: Arguments) -> None:
        """subscribe() -> nil; from now on events come"""
        _no(arguments, "subscribe")
        request.subscribe()
        request.reply(None)

    def _status(self, request: Request, arguments: Arguments) -> None:
        """status() -> [role, leader | nil, term, applied, commit, head, digest, stamp ms, quorum, alarm |
        nil]
        """
        _no(arguments, "status")
        request.reply(list(self._node.status()))

    def _identity(self, request: Request, arguments: Arguments) -> None:
        """identity() -> [signing key, CURVE key, name, host, port, files port, incarnation, hardware]"""
        _no(arguments, "identity")
        identity = self._node.identity
        request.reply(
            [
                identity.signing.public,
                identity.curve.public_raw,
                self._node.machine_name,
                *self._node.address,
                identity.incarnation,
                identity.hardware,
            ]
        )

    def _machines(self, request: Request, arguments: Arguments) -> None:
        """machines() -> [[machine as seen from here, ...], [attempt of a stranger, ...]]"""
        _no(arguments, "machines")
        seen, attempts = self._node.machines()
        request.reply([list(seen), list(attempts)])

    def _found(self, request: Request, arguments: Arguments) -> None:
        """found(genesis, first command) -> nil, once both are applied; only while there is no ledger"""
        match arguments:
            case (bytes(genesis), bytes(envelope)):
                self._server.run(request, self._node.found(genesis, envelope))
            case _:
                raise malformed("found")

    def _join(self, request: Request, arguments: Arguments) -> None:
        """join(provisioning file) -> nil, once joining has begun"""
        match arguments:
            case (bytes(provisioning),):
                self._server.run(request, self._node.join(provisioning))
            case _:
                raise malformed("join")

    def _stop(self, request: Request, arguments: Arguments) -> None:
        """stop(order) -> nil; the order is an administrator's, signed for this run of this machine"""
        match arguments:
            case (bytes(raw),):
                order = Order.decode(raw)
            case _:
                raise malformed("stop")
        node = self._node
        school = node.cluster_id
        person = rules.principal(node.db, order.author) if school is not None else None
        if (
            school is None
            or person is None
            or person.kind is not PrincipalKind.PERSON
            or person.public is None
            or not person.active
            or role_of(node.db, order.author) is not Role.ADMINISTRATOR
            or (order.machine, order.nonce, order.verb) != (node.machine, node.identity.nonce, "stop")
            or not order.is_signed_by(school, person.public)
        ):
            raise Refused(
                "not_allowed",
                "Only an administrator's signed order stops this node",
                next_step="Sign in as an administrator and try again.",
            )
        request.reply(None)
        node.stop()


def _no(arguments: Arguments, verb: str) -> None:
    if arguments:
        raise malformed(verb)
