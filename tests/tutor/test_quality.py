"""Gate and retrieval are as good as promised, on the tuning part; `tests.bench` reports on the other."""

from collections.abc import Sequence

import pytest

from lms_desktop.tutor.protocol import ANSWERED
from lms_desktop.tutor.relevance import Judgement
from tests.tutor import evaluation
from tests.tutor.evaluation import Right, figures
from tests.tutor.evaluation.reading import Reading, read

pytestmark = pytest.mark.timeout(400)
QUESTIONS = evaluation.tuning()


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return read(tmp_path_factory.mktemp("tutor"))


@pytest.fixture(scope="module")
def judgements(reading: Reading) -> Sequence[Judgement]:
    return reading.judged(QUESTIONS)


def test_the_gate_answers_what_belongs_to_the_course_and_little_else(judgements: Sequence[Judgement]) -> None:
    found = figures.relevance(QUESTIONS, judgements)
    print(found)
    assert found["on_topic_refused_pct"] <= 3
    assert found["off_topic_passed_pct"] <= 2
    assert found["other_course_passed_pct"] <= 6
    assert found["wrapped_passed_pct"] <= 12


def test_no_question_in_another_language_is_answered(judgements: Sequence[Judgement]) -> None:
    pairs = zip(QUESTIONS, judgements, strict=True)
    foreign = [judged for question, judged in pairs if question.right is Right.INSTRUCTOR]
    assert foreign
    assert all(judged.verdict != ANSWERED for judged in foreign)


def test_the_right_page_is_among_the_three_quoted_and_every_quote_stands_on_its_page(
    reading: Reading, judgements: Sequence[Judgement]
) -> None:
    found = figures.retrieval(reading, QUESTIONS, judgements)
    print(found)
    assert found["hit3_pct"] >= 90
    assert found["verbatim_pct"] == 100
