"""Fit the gate's weights on the tuning part: `python -m tests.tutor.fit` prints them, and how they do.

To the questions of the tuning part come those of `gate_questions.jsonl`, written for this. Each course is
judged by weights fitted on the other courses only; the figures are of those judgements. Nothing of the test
part is read.
"""

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lms_desktop.tutor.encoder import load_encoder
from lms_desktop.tutor.relevance import Asked, Gate
from lms_desktop.tutor.scoring import Features, Following
from tests.tutor import evaluation
from tests.tutor.courses import gates, indexed
from tests.tutor.evaluation import Category, Question, Right

RIDGE = 3.0  # how strongly weights are held small, on some hundred questions
UNTRIED = (Category.PROCEDURAL, Category.OTHER_LANGUAGE)  # decided by other means than the score


class Sample(NamedTuple):
    """A question with what the score is made of, in the question's own form and as a follow-up."""

    question: Question
    features: Features
    following: Following | None


def samples(gate_of: dict[str, Gate], questions: Iterable[Question]) -> list[Sample]:
    """Return the features of all questions."""
    asked = [
        (gate_of[one.course], one, gate_of[one.course].parts(Asked(one.text, one.history)))
        for one in questions
    ]
    texts = list(dict.fromkeys(text for _, _, parts in asked for text in (*parts.texts, parts.rest)))
    vectors = dict(zip(texts, next(iter(gate_of.values())).encoder.encode(texts), strict=True))
    found = []
    for gate, question, parts in asked:
        alone, following = gate.features(parts, np.stack([vectors[text] for text in parts.texts]))
        rest = float(gate.likeness(vectors[parts.rest][None])[0])
        found.append(Sample(question, alone._replace(rest=rest), following))
    return found


def more_questions() -> list[Question]:
    """Return the questions that were written for fitting."""
    text = Path(__file__).with_name("gate_questions.jsonl").read_text(encoding="utf-8")
    return [_question(json.loads(line)) for line in text.splitlines()]


def logistic(rows: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """Return weights and, last, the bias of a ridge logistic regression, both classes weighing the same."""
    table, target = np.array(rows, float), np.array(right, float)
    values = np.column_stack([table, np.ones(len(table))])
    share = np.where(target == 1, 0.5 / target.mean(), 0.5 / (1 - target.mean()))
    ridge = np.diag([*[RIDGE * 10 / len(table)] * table.shape[1], 0.0])
    weights = np.zeros(values.shape[1])
    for _ in range(50):  # Newton's method
        chance = 1 / (1 + np.exp(-values @ weights))
        slope = values.T @ (share * (chance - target)) + ridge @ weights
        curve = (values * (share * chance * (1 - chance))[:, None]).T @ values + ridge
        weights -= np.linalg.solve(curve, slope)
    return weights


def main() -> None:
    encoder = load_encoder(prefer_addon=False)
    with tempfile.TemporaryDirectory() as folder, indexed(Path(folder), encoder) as courses:
        found = samples(gates(courses, encoder), (*evaluation.tuning(), *more_questions()))
    plain = [s for s in found if s.following is None and s.question.category not in UNTRIED]
    follow = [s for s in found if s.following is not None]
    _fit("Features", plain, [s.features for s in plain])
    _fit("Following", follow, [s.following for s in follow if s.following])


def _fit(name: str, chosen: Sequence[Sample], rows: Sequence[Sequence[float]]) -> None:
    right = np.array([s.question.right is Right.ANSWER for s in chosen])
    courses = np.array([s.question.course for s in chosen])
    table = np.array(rows)
    odds = np.empty(len(chosen))
    for course in set(courses):
        weights = logistic(table[courses != course], right[courses != course])
        odds[courses == course] = table[courses == course] @ weights[:-1] + weights[-1]
    weights = logistic(table, right)
    print(f"{name}({', '.join(f'{weight:.2f}' for weight in weights[:-1])}), bias {weights[-1]:.2f}")
    wanted = np.sort(odds[right])
    print(
        "  right: least",
        wanted[:8].round(1),
        *(f"{p} %: {np.quantile(wanted, p / 100):.1f}" for p in (2, 3, 5, 10)),
    )
    for category in dict.fromkeys(s.question.category for s in chosen):
        of_it = np.array([s.question.category is category for s in chosen])
        print(
            f"  {category:16}",
            *(f"{int((odds[of_it & ~right] > bar).sum()):3}" for bar in (-2, -1, 0, 0.5, 1, 1.5)),
            f"of {int((of_it & ~right).sum())}",
        )


def _question(row: dict[str, Any]) -> Question:
    return Question(
        row["id"],
        row["course"],
        Category(row["category"]),
        Right(row["right"]),
        row["text"],
        row.get("assignment", ""),
        tuple((asked, answered) for asked, answered in row.get("history", ())),
        (),
    )


if __name__ == "__main__":
    main()
