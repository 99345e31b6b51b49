"""Rows: what a query answers, as frozen dataclasses of wire values.

The node sends ``row.wire()``, the client rebuilds ``Row(*values)``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from typing import TypeVar

from lms_desktop.school.schema import Value


class Row:
    """The base of every row: a frozen dataclass whose fields are integers, text, bytes, bools or nil."""

    __slots__ = ()

    def wire(self) -> tuple[Value, ...]:
        """The fields in their order."""
        return tuple(getattr(self, name) for name in _names(type(self)))  # type: ignore[arg-type]


R = TypeVar("R", bound=Row)


@cache
def _names(cls: type[Row]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))  # type: ignore[arg-type]


@cache
def _flags(cls: type[Row]) -> tuple[bool, ...]:
    return tuple(field.type == "bool" for field in fields(cls))  # type: ignore[arg-type]


def rows(cls: type[R], cursor: Iterable[tuple[Value, ...]]) -> list[R]:
    """Rows from a cursor whose columns are the fields in their order; SQLite's 0 and 1 become bools."""
    flags: tuple[bool, ...] = _flags(cls)  # type: ignore[arg-type]
    return [
        cls(*(bool(value) if flag else value for flag, value in zip(flags, values, strict=True)))
        for values in cursor
    ]


Arguments = int | str | bytes | bool | None
Database = sqlite3.Connection


@dataclass(frozen=True, slots=True)
class SealedRow(Row):
    """A sealed item with the context it is bound to. ``*_key`` says which key a slot was made for:
    the course key generation for staff, the count of the person's keys for a student."""

    course: int
    assignment: int
    author: int
    lane: bytes
    seq: int
    stamp: int
    box: bytes
    commitment: bytes
    staff_key: int
    staff_box: bytes
    student_key: int | None
    student_box: bytes | None
