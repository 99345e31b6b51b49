"""Random commands, well formed and mostly senseless: none raises, no refusal leaves a trace, and a second
replica ends with the same tables."""

import random
import typing
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from lms_desktop.school import limits, rules
from lms_desktop.school.commands import (
    COMMANDS,
    GradeSeen,
    MaterialRead,
    QuestionAsk,
    QuestionSeen,
    RulesRaise,
    Submission,
    TutorExchange,
)
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.schema import (
    Bool,
    Command,
    Data,
    Int,
    Line,
    Many,
    Maybe,
    Part,
    Pattern,
    Prose,
    Record,
    SealingKey,
)
from tests.school.test_queries import InUse
from tests.school.world import ADMIN, DAY, MACHINE_A, START, ZONE, World, seed

COMMANDS_PER_SEED = 300
_OF_STUDENTS = Submission | MaterialRead | GradeSeen | QuestionAsk | QuestionSeen | TutorExchange


class Babbler:
    """Makes commands of any kind whose fields are often, but not always, of things that exist."""

    def __init__(self, school: InUse, chance: random.Random) -> None:
        self.chance = chance
        self.numbers: list[int] = [
            *range(1, 16),
            school.art,
            school.later,
            school.map,
            school.drafted,
            12_345,
        ]
        self.likely: dict[str, list[int]] = {
            "course": [school.course],
            "assignment": [school.assignment, school.soon, school.old],
            "material": [school.notes],
            "student": [school.ann, school.bo],
            "students": [school.ann, school.bo, school.outsider],
            "person": [school.teacher, school.other_teacher, school.bo],
            "machine": [MACHINE_A],
            "grade": [school.graded, school.drafted],
            "submission": [school.hers],
            "question": [school.asked, school.open],
            "item": [school.reply, school.answer],
            "document": [school.notes, school.assignment],
            "replaces": [
                school.course,
                school.assignment,
                school.notes,
                school.hers,
                school.drafted,
                school.setting,
            ],
        }
        self.authors = [ADMIN, MACHINE_A, school.ann, school.bo, school.outsider, *[school.teacher] * 6]
        self.students = [school.ann, school.bo]

    def command(self) -> Command:
        """One command."""
        kind: type[Command] = self.chance.choice(
            [each for each in COMMANDS.values() if each is not RulesRaise]
        )
        command: Command = self.record(kind)
        return command

    def author(self, command: Command) -> int:
        """Someone who may say this, often."""
        if isinstance(command, _OF_STUDENTS) and self.chance.random() < 0.9:
            return self.chance.choice(self.students)
        return self.chance.choice(self.authors)

    def record(self, cls: type[Any]) -> Any:
        """A record with every field filled."""
        hints = typing.get_type_hints(cls, include_extras=True)
        return cls(*(self.value(hints[field.name].__metadata__[0], field.name) for field in fields(cls)))

    def value(self, check: object, name: str) -> Any:
        """Something that the check allows."""
        makers: dict[type, Callable[[Any], Any]] = {
            Bool: lambda _: self.chance.random() < (0.1 if name in ("archived", "retire") else 0.8),
            Line: lambda check: "x" * self.chance.randint(1, check.longest),
            Prose: lambda _: "Text.",
            Pattern: lambda _: {"zone": ZONE, "host": "10.0.0.1"}.get(name, f"u{self.chance.randint(0, 9)}"),
            Data: lambda check: seed(str(self.chance.randint(0, 30)))[: check.high].ljust(check.low, b"\0"),
            SealingKey: lambda _: seed(str(self.chance.randint(0, 30))),
            Maybe: lambda check: None if self.chance.random() < 0.4 else self.value(check.check, name),
            Many: lambda check: tuple(
                self.value(check.check, name) for _ in range(self.chance.randint(1, 2))
            ),
            Part: lambda check: self.record(check.record),
            Int: lambda check: self.number(check, name),
        }
        return makers[type(check)](check)

    def number(self, check: Int, name: str) -> int:
        """A number: of a thing, a time, or small."""
        if name in ("key", "number"):
            return 2 if self.chance.random() < 0.25 else 1
        if check.high == limits.NUMBER:
            likely = self.chance.random() < 0.9
            return self.chance.choice(self.likely.get(name, self.numbers) if likely else self.numbers)
        if check.high == limits.STAMP:
            return START + self.chance.randint(-10, 10) * DAY
        return int(self.chance.randint(check.low, min(check.high, check.low + 5)))


@pytest.mark.parametrize("number", range(3))
def test_random_commands(number: int) -> None:
    school = InUse()
    world = school.world
    babbler = Babbler(school, random.Random(number))
    refused = 0
    for _ in range(COMMANDS_PER_SEED):
        before = world.tables()
        command = babbler.command()
        said = world.say(babbler.author(command), command, tickets=(MACHINE_A,), voters=1)
        if said.verdict.code == Outcome.ACCEPTED:
            babbler.numbers.append(said.context.reference)
            babbler.likely["replaces"].append(said.context.reference)
            continue
        refused += 1
        after = world.tables()
        before.pop("school_audit"), after.pop("school_audit")
        assert after == before
    assert COMMANDS_PER_SEED // 10 < refused < COMMANDS_PER_SEED * 9 // 10
    copy = World(genesis=world.genesis)
    for said in world.said:
        verdict = rules.apply(copy.db, said.command.KIND, said.command.body(), said.context)
        assert verdict == said.verdict
    assert copy.tables() == world.tables()


def test_the_babbler_knows_every_check() -> None:
    school = InUse()
    babbler = Babbler(school, random.Random(0))
    for kind in COMMANDS.values():
        made = babbler.record(kind)
        assert isinstance(made, Record)
        assert type(made).from_body(made.body()) == made
