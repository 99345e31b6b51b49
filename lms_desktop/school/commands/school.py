"""The school itself, and the command that does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from lms_desktop.school.schema import Command, Int


@dataclass(frozen=True, slots=True)
class Void(Command):
    """Takes the place of a command that its author dropped; any author."""

    KIND: ClassVar[int] = 160


@dataclass(frozen=True, slots=True)
class RulesRaise(Command):
    """An administrator raises the school's rules by one version; nodes without it ask to be updated."""

    KIND: ClassVar[int] = 161

    version: Annotated[int, Int(2, 1_000_000)]
