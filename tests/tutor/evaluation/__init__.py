"""The labelled questions that gate and retrieval are judged by, and the courses that they are asked in.

README.md beside this tells how they came about. Tune on `tuning()` only; report on `held_out()` only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from tests.tutor.evaluation.material import Course, courses

__all__ = ["Category", "Course", "Question", "Right", "courses", "held_out", "part", "tuning"]

_HERE = Path(__file__).parent


class Category(StrEnum):
    """What kind of question it is."""

    ON_TOPIC = "on_topic"
    MISSPELT = "misspelt"
    PROCEDURAL = "procedural"
    FOLLOW_UP = "follow_up"
    OFF_TOPIC = "off_topic"
    OTHER_COURSE = "other_course"
    SAME_DISCIPLINE = "same_discipline"
    WRAPPED = "wrapped"
    INJECTION = "injection"
    OTHER_LANGUAGE = "other_language"


class Right(StrEnum):
    """What the tutor should do."""

    ANSWER = "answer"
    DECLINE = "decline"
    INSTRUCTOR = "instructor"  # say that it did not understand and offer the instructor; never answer


@dataclass(frozen=True, slots=True)
class Question:
    """`course`, `assignment` (empty: asked of the whole course) and the documents in `pages` are names of
    `courses()`; `pages` are all (document, page) that answer it, empty where nobody judged."""

    id: str
    course: str
    category: Category
    right: Right
    text: str
    assignment: str
    history: tuple[tuple[str, str], ...]
    pages: tuple[tuple[str, int], ...]


def tuning() -> tuple[Question, ...]:
    """What thresholds and weights may be chosen by."""
    return _read("tuning")


def held_out() -> tuple[Question, ...]:
    """What figures are reported on. It does not change, and nothing is chosen by it."""
    return _read("test")


def part(name: str) -> str:
    """The text of `tuning.jsonl` or `test.jsonl`, with line ends as committed."""
    return (_HERE / f"{name}.jsonl").read_text(encoding="utf-8")


@cache
def _read(name: str) -> tuple[Question, ...]:
    return tuple(_question(json.loads(line)) for line in part(name).splitlines())


def _question(row: Mapping[str, Any]) -> Question:
    return Question(
        id=row["id"],
        course=row["course"],
        category=Category(row["category"]),
        right=Right(row["right"]),
        text=row["text"],
        assignment=row.get("assignment", ""),
        history=tuple((asked, answered) for asked, answered in row.get("history", ())),
        pages=tuple((document, page) for document, page in row.get("pages", ())),
    )
