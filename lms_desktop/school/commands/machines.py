"""Machines: the tokens that let them join, and what each is to the school."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from lms_desktop.school import limits
from lms_desktop.school.schema import (
    Bool,
    Command,
    Data,
    Flag,
    Hash,
    Host,
    Int,
    Line,
    Maybe,
    Name,
    Number,
    Port,
    PublicKey,
    Signature,
    Stamp,
)

MaybeFlag = Annotated[bool | None, Maybe(Bool())]
Incarnation = Annotated[bytes, Data(16, 16)]


@dataclass(frozen=True, slots=True)
class TokenAdd(Command):
    """An administrator lists a token's two public keys: ``uses`` machines may join until ``expires``."""

    KIND: ClassVar[int] = 20

    label: Name
    signing: PublicKey
    curve: PublicKey
    uses: Annotated[int, Int(1, limits.TOKEN_USES)]
    expires: Stamp


@dataclass(frozen=True, slots=True)
class TokenRevoke(Command):
    """An administrator ends a token; machines that joined with it stay."""

    KIND: ClassVar[int] = 21

    token: Number


@dataclass(frozen=True, slots=True)
class MachineJoin(Command):
    """A token admits a machine with the machine's own keys.

    ``hardware`` is the hash of the hardware, ``proof`` the machine key's signature over `proofs.join`.
    """

    KIND: ClassVar[int] = 22

    name: Name
    signing: PublicKey
    curve: PublicKey
    host: Host
    port: Port
    files_port: Port
    hardware: Hash
    incarnation: Incarnation
    proof: Signature


@dataclass(frozen=True, slots=True)
class MachineSet(Command):
    """An administrator changes what a machine is; nothing stays as it is. Retiring is for good."""

    KIND: ClassVar[int] = 23

    machine: Number
    name: Annotated[str | None, Maybe(Line(limits.NAME))]
    keeper: MaybeFlag
    gpu_host: MaybeFlag
    retire: Flag


@dataclass(frozen=True, slots=True)
class MachineAddress(Command):
    """A machine says where it is reached, and under which incarnation it now runs."""

    KIND: ClassVar[int] = 24

    host: Host
    port: Port
    files_port: Port
    incarnation: Incarnation
