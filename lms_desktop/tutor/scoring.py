"""How much a question looks like one of its course: log odds from a few features.

The weights are a logistic regression on the tuning part of `tests/tutor/evaluation` and on
`tests/tutor/gate_questions.jsonl`; `python -m tests.tutor.fit` fits and prints them. The bias of follow-ups
is raised by 0.4: who is in a conversation on the course seldom leaves it.
"""

import math
from typing import Final, NamedTuple


class Features(NamedTuple):
    """Of a question by itself. Cosines are the greatest over passages and sentences, or the background."""

    course: float  # of the question and the course
    clause: float  # of its asking clause and the course, less that clause's with the background
    words: float  # share of its words, by rarity, that one passage holds
    clause_words: float  # the same of the asking clause
    rest: float  # of the background and what the question is without the course's own words


class Following(NamedTuple):
    """Of a question that follows another."""

    alone: float  # its cosine with the course, less that with the background
    joined: float  # by how much joining it to the question before moves that one towards the course


_WEIGHTS: Final = Features(8.17, 8.37, 1.96, 3.70, -4.71)
_BIAS: Final = -4.97
_FOLLOWING_WEIGHTS: Final = Following(9.32, 7.98)
_FOLLOWING_BIAS: Final = 2.13

ANSWER: Final = 0.8  # log odds from which a question is answered, where nothing is known of the course
DECLINE: Final = -1.5  # below which it is declined


def log_odds(features: Features | Following) -> float:
    """Return the log odds that a question with these features belongs to the course."""
    weights, bias = (
        (_WEIGHTS, _BIAS) if isinstance(features, Features) else (_FOLLOWING_WEIGHTS, _FOLLOWING_BIAS)
    )
    return bias + sum(weight * value for weight, value in zip(weights, features, strict=True))


def thousandths(odds: float) -> int:
    """Return log odds as a probability in thousandths, for people to see."""
    return round(1000 / (1 + math.exp(-max(-50.0, odds))))
