"""People: their keys, invitations and roles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar

from lms_desktop.school.schema import (
    Command,
    Flag,
    Int,
    Name,
    Number,
    PublicKey,
    SealingPublic,
    Signature,
    Username,
    Wrapped,
)


class Role(IntEnum):
    """What a person is to the school; numbers frozen."""

    ADMINISTRATOR = 1
    INSTRUCTOR = 2
    STUDENT = 3


RoleNumber = Annotated[int, Int(1, 3)]


@dataclass(frozen=True, slots=True)
class WrappedKeysSet(Command):
    """A person stores their own keys, wrapped by a (new) passphrase.

    The administrator's first command after the genesis, and every change of passphrase.
    """

    KIND: ClassVar[int] = 1

    wrapped: Wrapped


@dataclass(frozen=True, slots=True)
class PersonAdd(Command):
    """An administrator adds a person with an invitation: two principals, the person first."""

    KIND: ClassVar[int] = 2

    name: Name
    username: Username
    role: RoleNumber
    invitation: PublicKey


@dataclass(frozen=True, slots=True)
class PersonInvite(Command):
    """A new invitation for a person whose slip or passphrase is lost; earlier ones stop working.

    By an administrator, or for a student by an instructor of one of their courses.
    """

    KIND: ClassVar[int] = 3

    person: Number
    invitation: PublicKey


@dataclass(frozen=True, slots=True)
class InvitationAccept(Command):
    """The invitation itself publishes the keys that the person's own app made, and is then dead.

    ``proof`` is the new signing key's signature over `proofs.acceptance`.
    """

    KIND: ClassVar[int] = 4

    person: Number
    signing: PublicKey
    sealing: SealingPublic
    wrapped: Wrapped
    proof: Signature


@dataclass(frozen=True, slots=True)
class PersonSetActive(Command):
    """An administrator switches a person's account off, or on again."""

    KIND: ClassVar[int] = 5

    person: Number
    active: Flag
