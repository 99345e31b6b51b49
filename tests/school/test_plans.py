"""What the queries of questions and exchanges cost as the tables grow: no table that grows is read whole."""

import sqlite3
from collections.abc import Callable, Iterator

import pytest

from lms_desktop.school import tables
from lms_desktop.school.queries import questions, tutor

Query = Callable[..., object]
SMALL = {"m"}  # the machines
NAMES = ("u", "(subquery")  # of what a query has gathered itself
QUERIES: tuple[tuple[Query, tuple[int | bytes, ...]], ...] = (
    (questions.questions, (1,)),
    (questions.my_questions, (1,)),
    (questions.question, (1,)),
    (questions.posts, (1,)),
    (questions.class_answers, (1, 1)),
    (questions.unanswered, (1,)),
    (questions.replies, (1,)),
    (tutor.tutor_settings, (1,)),
    (tutor.tutor_setting, (1, 1, 1)),
    (tutor.exchanges, (1, 0)),
    (tutor.my_exchanges, (1, 1, 0)),
    (tutor.conversation, (bytes(16),)),
    (tutor.course_documents, (1,)),
    (tutor.gpu_hosts, ()),
)


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:")
    tables.create(db)
    yield db
    db.close()


def plan(db: sqlite3.Connection, query: Query, arguments: tuple[int | bytes, ...]) -> list[str]:
    """SQLite's plan of the query."""
    said: list[str] = []
    db.set_trace_callback(said.append)
    query(db, *arguments)
    db.set_trace_callback(None)
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {said[-1]}")]


@pytest.mark.parametrize(("query", "arguments"), QUERIES, ids=lambda value: getattr(value, "__name__", ""))
def test_no_table_that_grows_is_read_whole(
    db: sqlite3.Connection, query: Query, arguments: tuple[int | bytes, ...]
) -> None:
    scans = [step.split()[1] for step in plan(db, query, arguments) if step.startswith("SCAN ")]
    assert [name for name in scans if name not in SMALL and not name.startswith(NAMES)] == []


@pytest.mark.parametrize("query", [questions.questions, questions.my_questions])
def test_which_questions_are_shown_is_told_without_reading_their_sealed_texts(
    db: sqlite3.Connection, query: Query
) -> None:
    steps = plan(db, query, (1,))
    chosen = steps.index(next(step for step in steps if step.startswith("LIST SUBQUERY")))
    assert "SEARCH q USING COVERING INDEX" in steps[chosen + 1]
