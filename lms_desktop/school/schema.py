"""Commands as positional arrays: what a field may hold, checked where a command is made and where it is read.

A command is a frozen dataclass whose fields are annotated with the checks below
(``name: Annotated[str, Line(200)]``). The checks use no Unicode tables and no locale, because
those differ between Python versions and every replica must judge alike.
"""

from __future__ import annotations

import re
import typing
from dataclasses import astuple, fields
from functools import cache
from typing import Annotated, Any, ClassVar, Protocol, Self

from lms_desktop.school import limits
from lms_desktop.trust.primitives import can_seal_to

Value = int | str | bytes | bool | None | tuple["Value", ...]


class CommandError(ValueError):
    """A field of a command does not hold what it must.

    ``field`` names the field, ``problem`` says for people what is wrong with it.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field.replace('_', ' ')} {problem}")
        self.field = field
        self.problem = problem


class Check(Protocol):
    """What a field may hold."""

    def read(self, field: str, value: Any) -> Any:
        """The value as the dataclass holds it; raises `CommandError`."""


class Int:
    """An integer from ``low`` to ``high``; bools are not integers here."""

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    def read(self, field: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise CommandError(field, "must be a whole number")
        if not self.low <= value <= self.high:
            raise CommandError(field, f"must be from {self.low} to {self.high}")
        return int(value)  # enumerations travel as plain numbers


class Bool:
    """True or False."""

    def read(self, field: str, value: Any) -> bool:
        if type(value) is not bool:
            raise CommandError(field, "must be yes or no")
        return value


class Data:
    """Bytes, from ``low`` to ``high`` of them."""

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    def read(self, field: str, value: Any) -> bytes:
        if type(value) is not bytes:
            raise CommandError(field, "must be bytes")
        if not self.low <= len(value) <= self.high:
            raise CommandError(field, f"must have from {self.low} to {self.high} bytes, not {len(value)}")
        return value


class SealingKey:
    """An X25519 key to which something can be sealed: one of small order would stop whoever tries."""

    def read(self, field: str, value: Any) -> bytes:
        if type(value) is not bytes or not can_seal_to(value):
            raise CommandError(field, "must be a key that can be sealed to")
        return value


# Control characters, line and paragraph separators, halves of characters, and the overrides that make
# text read in another order than it is written. The joiners and direction marks stay: scripts need them.
_CONTROLS = "\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_NOT_IN_LINES = re.compile(f"[{_CONTROLS}]")
_NOT_IN_TEXTS = re.compile(f"(?![\n\t])[{_CONTROLS}]")


class Line:
    """One line of plain text, not blank, with no space at its ends."""

    def __init__(self, longest: int, *, empty: bool = False) -> None:
        self.longest = longest
        self.empty = empty

    def read(self, field: str, value: Any) -> str:
        if type(value) is not str:
            raise CommandError(field, "must be text")
        if len(value) > self.longest:
            raise CommandError(field, f"is longer than {self.longest} characters")
        if _NOT_IN_LINES.search(value):
            raise CommandError(field, "has a control character")
        if value.strip(" ") != value:
            raise CommandError(field, "has spaces at its ends")
        if not value and not self.empty:
            raise CommandError(field, "is missing")
        return value


class Prose:
    """Text of several lines, possibly empty."""

    def __init__(self, longest: int, longest_bytes: int) -> None:
        self.longest = longest
        self.longest_bytes = longest_bytes

    def read(self, field: str, value: Any) -> str:
        if type(value) is not str:
            raise CommandError(field, "must be text")
        if _NOT_IN_TEXTS.search(value):
            raise CommandError(field, "has a control character")
        if len(value) > self.longest or len(value.encode()) > self.longest_bytes:
            raise CommandError(field, f"is longer than {self.longest} characters")
        return value


class Pattern:
    """Text that matches a pattern; ``rule`` says it for people."""

    def __init__(self, pattern: str, rule: str) -> None:
        self.pattern = re.compile(pattern, re.ASCII)
        self.rule = rule

    def read(self, field: str, value: Any) -> str:
        if type(value) is not str or not self.pattern.fullmatch(value):
            raise CommandError(field, self.rule)
        return value


class Maybe:
    """Nothing, or what ``check`` allows."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def read(self, field: str, value: Any) -> Any:
        return None if value is None else self.check.read(field, value)


class Many:
    """An array of ``low`` to ``high`` values, each as ``check`` allows."""

    def __init__(self, check: Check, low: int, high: int) -> None:
        self.check = check
        self.low = low
        self.high = high

    def read(self, field: str, value: Any) -> tuple[Any, ...]:
        if type(value) is not tuple:
            raise CommandError(field, "must be a list")
        if not self.low <= len(value) <= self.high:
            raise CommandError(field, f"must have from {self.low} to {self.high} members, not {len(value)}")
        return tuple(self.check.read(field, item) for item in value)


class Part:
    """A record inside a command: an array on the wire, a `Record` in Python."""

    def __init__(self, record: type[Record]) -> None:
        self.record = record

    def read(self, field: str, value: Any) -> Record:
        return self.record.from_body(value, field)


@cache
def _checks(cls: type[Record]) -> tuple[tuple[str, Check], ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple((field.name, hints[field.name].__metadata__[0]) for field in fields(cls))  # type: ignore[arg-type]


class Record:
    """The base of every dataclass that travels as a positional array."""

    __slots__ = ()

    @classmethod
    def from_body(cls, body: Any, where: str = "command") -> Self:
        """Reads the array, checking every field; raises `CommandError`."""
        checks: tuple[tuple[str, Check], ...] = _checks(cls)  # type: ignore[arg-type]
        if type(body) is not tuple or len(body) != len(checks):
            raise CommandError(where, f"must be a list of {len(checks)} fields")
        return cls(*(check.read(name, value) for (name, check), value in zip(checks, body, strict=True)))

    def body(self) -> tuple[Value, ...]:
        """The array to be signed; raises `CommandError`, so that nothing invalid is ever signed."""
        return astuple(self.from_body(astuple(self)))  # type: ignore[call-overload, no-any-return]


class Command(Record):
    """One kind of command. ``KIND`` is its number on the wire, frozen for ever."""

    __slots__ = ()

    KIND: ClassVar[int]


Flag = Annotated[bool, Bool()]
Number = Annotated[int, Int(1, limits.NUMBER)]
"""The number of a principal, or the reference of a thing (`references.reference`)."""
MaybeNumber = Annotated[int | None, Maybe(Int(1, limits.NUMBER))]
Stamp = Annotated[int, Int(0, limits.STAMP)]
"""A time: milliseconds since 1970, UTC."""
Points = Annotated[int, Int(0, limits.POINTS)]
Port = Annotated[int, Int(1, 65_535)]
Hash = Annotated[bytes, Data(32, 32)]
PublicKey = Annotated[bytes, Data(32, 32)]
SealingPublic = Annotated[bytes, SealingKey()]
Signature = Annotated[bytes, Data(64, 64)]
Name = Annotated[str, Line(limits.NAME)]
Title = Annotated[str, Line(limits.TITLE)]
Username = Annotated[
    str,
    Pattern(
        rf"[a-z0-9][a-z0-9._@+-]{{0,{limits.USERNAME - 1}}}",
        f"must be 1 to {limits.USERNAME} of a-z, 0-9, . _ @ + - and start with a letter or digit",
    ),
]
Text = Annotated[str, Prose(limits.TEXT, limits.TEXT_BYTES)]
Zone = Annotated[str, Pattern(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}", "must be a time zone such as Europe/Oslo")]
Host = Annotated[str, Pattern(rf"[A-Za-z0-9_.:%\[\]-]{{1,{limits.HOST}}}", "must be a host name or address")]
Box = Annotated[bytes, Data(1, limits.BOX_BYTES)]
SlotBox = Annotated[bytes, Data(1, limits.SLOT_BYTES)]
Wrapped = Annotated[bytes, Data(1, limits.WRAPPED_BYTES)]
