"""Whether a question belongs to its course: answer it, ask back, or decline it and say why.

Each question is compared with everything that the course's documents say and with a background of what
people ask outside of courses. The score is held against a threshold that is calibrated for each course. It
saves work and keeps the tutor to its subject; it is no security boundary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from lms_desktop.tutor.background import Background
from lms_desktop.tutor.course_index import CourseIndex
from lms_desktop.tutor.encoder import Encoder, Floats
from lms_desktop.tutor.language import language
from lms_desktop.tutor.passages import readable
from lms_desktop.tutor.protocol import ANSWERED, BORDERLINE, DECLINED, Source
from lms_desktop.tutor.question import asking_clause, content, is_to_the_tutor, leans, without
from lms_desktop.tutor.scoring import ANSWER, DECLINE, Features, Following, log_odds, thousandths
from lms_desktop.tutor.vocabulary import Vocabulary, stem

QUESTION: Final = 2_000  # characters that are read
QUOTE: Final = 300  # characters of the nearest sentence

_PERCENTILE: Final = 97
_TYPICAL: Final = 1.3  # log odds at that percentile, at most, in the courses that the weights were fitted on
_STRICTER: Final = 1.5  # at most, where what does not belong scores higher: in larger courses
_AKIN: Final = 0.5  # a background text this near to a course may well be asked in it: it does not count there
_PROCEDURAL: Final = 0.53  # cosine with a question on handing in, from which it is one
_PROCEDURAL_LEAD: Final = 0.08  # over the cosine with the background
_ROWS: Final = 8_192  # vectors multiplied at once
_FIRST_SENTENCES: Final = 200  # of one other course


class Reason(StrEnum):
    """Why a question got its verdict. What people read is written where it is shown."""

    ON_TOPIC = "on_topic"
    FOLLOW_UP = "follow_up"
    PROCEDURAL = "procedural"
    CONFIRMED = "confirmed"  # it was unclear, and the student said that it is about the course
    UNSURE = "unsure"
    OFF_TOPIC = "off_topic"  # nearer to what is asked outside of courses
    NOT_IN_MATERIAL = "not_in_material"
    TO_THE_TUTOR = "to_the_tutor"  # about the tutor and its rules
    OTHER_LANGUAGE = "other_language"
    NO_WORDS = "no_words"
    NO_TEXT = "no_text"  # the course has none to compare with
    CLOSED = "closed"  # nearest to a document that may not be asked about now


@dataclass(frozen=True, slots=True)
class Asked:
    """A question; `history` is the conversation before it, as (question, answer), the oldest first.

    `closed` are documents that may not be asked about now.
    """

    text: str
    history: tuple[tuple[str, str], ...] = ()
    confirmed: bool = False
    closed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for in the course: the question, joined to the one that it follows where it needs that."""

    text: str
    vector: Floats  # (384,)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`score` and `threshold` are thousandths, from 0 to 1000; a question is answered from the threshold up.
    Of what is clear without its rest, the score is the least or the greatest that it could be.

    `nearest` is the course's sentence that is nearest to the question: what to ask back with, and to offer;
    None where that is of a closed document.
    """

    verdict: int
    score: int
    threshold: int
    reason: Reason
    nearest: Source | None
    query: Query


@dataclass(frozen=True, slots=True)
class Parts:
    """What is encoded of a question: `whole`, mended; the clause that asks; where it follows another, that
    one (`before`) and both `joined`, otherwise empty; and, where the verdict hangs on it, the `rest`: the
    question without the course's own words."""

    whole: str
    clause: str
    rest: str
    before: str
    joined: str

    @property
    def texts(self) -> tuple[str, ...]:
        """What is encoded of every question."""
        texts = (self.whole, self.clause)
        return (*texts, self.before, self.joined) if self.before else texts


class Gate:
    """The check for one course, as its documents are now. It does not change: any thread may use it."""

    def __init__(self, course: CourseIndex, background: Background, others: Sequence[CourseIndex]) -> None:
        """Calibrate by the background and by the first sentences of other courses' passages."""
        texts = [readable(passage.text) for passage in course.passages]
        self.encoder = background.encoder
        self._course = course
        self._vocabulary = Vocabulary(texts, background.words)
        self._languages = {"en", language(" ".join(texts[:50]))}
        self._procedural = background.procedural
        nearness = _nearness(background.vectors, course)
        apart = nearness < _AKIN
        self._background = background.vectors[apart]
        self._stricter = 0.0
        if course.passages:
            kept = [text for text, is_apart in zip(background.texts, apart, strict=True) if is_apart]
            alike = self._background @ self._background.T
            np.fill_diagonal(alike, -1)
            scores = self._plain_scores(kept, nearness[apart], alike.max(axis=1))
            for other in others:
                sentences, vectors = _first_sentences(other)
                scores += self._plain_scores(sentences, _nearness(vectors, course), self.likeness(vectors))
            above = float(np.percentile(scores, _PERCENTILE)) - _TYPICAL
            self._stricter = min(max(above, 0.0), _STRICTER)

    def judge(self, asked: Asked) -> Judgement:
        """Judge one question."""
        return judge([(self, asked)])[0]

    def parts(self, asked: Asked) -> Parts:
        """Return what of the question is to be encoded."""
        whole = self._vocabulary.mended(asked.text[:QUESTION])
        rest = without(whole, self._vocabulary.is_own)
        before = _before(asked.history) if leans(whole) else ""
        return Parts(whole, asking_clause(whole), rest, before, f"{before} {whole}" if before else "")

    def features(self, parts: Parts, vectors: Floats) -> tuple[Features, Following | None]:
        """Return the features of a question, given the vectors of its parts' texts; `rest` is 0 as yet."""
        near, beside = _nearness(vectors, self._course), self.likeness(vectors)
        alone = Features(
            course=float(near[0]),
            clause=float(near[1] - beside[1]),
            words=self._coverage(parts.whole),
            clause_words=self._coverage(parts.clause),
            rest=0.0,
        )
        if not parts.before:
            return alone, None
        return alone, Following(alone=float(near[0] - beside[0]), joined=float(near[3] - near[2]))

    def likeness(self, vectors: Floats) -> Floats:
        """Return each vector's greatest cosine with the background, from 0 to 1."""
        best: Floats = (vectors @ self._background.T).max(axis=1, initial=0.0)
        return best

    def clear_rest(self, alone: Features) -> float | None:
        """Return the likeness of the rest to judge with where no other would change the verdict; None where
        the rest has to be encoded."""
        if log_odds(alone) < DECLINE:
            return 0.0
        return 1.0 if log_odds(alone._replace(rest=1.0)) >= ANSWER + self._stricter else None

    def decide(
        self, asked: Asked, parts: Parts, vectors: Floats, alone: Features, following: Following | None
    ) -> Judgement:
        """Return the verdict, given the vectors of the parts' texts and the features."""
        odds, reason, query = log_odds(alone), Reason.ON_TOPIC, Query(parts.whole, vectors[0])
        if following is not None:  # which does not rise with the size of the course
            following_odds = log_odds(following) + self._stricter
            if following_odds > odds:
                odds, reason, query = following_odds, Reason.FOLLOW_UP, Query(parts.joined, vectors[3])
        verdict, threshold = ANSWERED, ANSWER + self._stricter
        if (refusal := self._refusal(asked, parts)) is not None:
            verdict, reason = DECLINED, refusal
        elif self._is_procedural(vectors[0]):
            reason = Reason.PROCEDURAL
        elif odds < DECLINE:
            verdict = DECLINED
            nearer = alone.course > float(self.likeness(vectors[:1])[0])
            reason = Reason.NOT_IN_MATERIAL if nearer else Reason.OFF_TOPIC
        elif odds < threshold:
            verdict, reason = (ANSWERED, Reason.CONFIRMED) if asked.confirmed else (BORDERLINE, Reason.UNSURE)
        nearest = _nearest(query.vector, self._course)
        if nearest is not None and nearest.document in asked.closed:  # which is not to be quoted either
            nearest = None
            if verdict != DECLINED:
                verdict, reason = DECLINED, Reason.CLOSED
        return Judgement(verdict, thousandths(odds), thousandths(threshold), reason, nearest, query)

    def _refusal(self, asked: Asked, parts: Parts) -> Reason | None:
        """Return why the question is declined whatever its score, if it is."""
        if not any(letter.isalnum() for letter in asked.text):
            return Reason.NO_WORDS
        if not self._course.passages:
            return Reason.NO_TEXT
        if language(asked.text) not in self._languages:
            return Reason.OTHER_LANGUAGE
        return Reason.TO_THE_TUTOR if is_to_the_tutor(parts.whole) else None

    def _is_procedural(self, vector: Floats) -> bool:
        likeness = float((self._procedural @ vector).max())
        return (
            likeness >= _PROCEDURAL
            and likeness - float((self._background @ vector).max()) >= _PROCEDURAL_LEAD
        )

    def _plain_scores(self, texts: Sequence[str], near: Floats, beside: Floats) -> list[float]:
        """Return the scores of texts of a single clause each."""
        shares = [self._coverage(text) for text in texts]
        return [
            log_odds(Features(float(course), float(course - other), share, share, float(other)))
            for course, other, share in zip(near, beside, shares, strict=True)
        ]

    def _coverage(self, text: str) -> float:
        return self._vocabulary.coverage(stem(word) for word in content(text))


def _before(history: Sequence[tuple[str, str]]) -> str:
    """Return the last question that stands by itself: what "why?" after "how?" is about."""
    asked = [question[:QUESTION] for question, _ in history]
    return next((question for question in reversed(asked) if not leans(question)), asked[-1] if asked else "")


def judge(questions: Sequence[tuple[Gate, Asked]]) -> list[Judgement]:
    """Judge several questions at once: all their texts are encoded together."""
    if not questions:
        return []
    encoder = questions[0][0].encoder
    parts = [gate.parts(asked) for gate, asked in questions]
    encoded = _encoded(encoder, [text for each in parts for text in each.texts])
    drafts = []
    for (gate, asked), each in zip(questions, parts, strict=True):
        vectors = np.stack([encoded[text] for text in each.texts])
        drafts.append((gate, asked, each, vectors, *gate.features(each, vectors)))
    rests = [gate.clear_rest(alone) for gate, _, _, _, alone, _ in drafts]
    unclear = _encoded(encoder, [each.rest for each, rest in zip(parts, rests, strict=True) if rest is None])
    judgements = []
    for (gate, asked, each, vectors, alone, following), rest in zip(drafts, rests, strict=True):
        if rest is None:
            rest = float(gate.likeness(unclear[each.rest][None])[0])
        judgements.append(gate.decide(asked, each, vectors, alone._replace(rest=rest), following))
    return judgements


def _encoded(encoder: Encoder, texts: Sequence[str]) -> dict[str, Floats]:
    """Return the vector of each text, encoded once."""
    different = list(dict.fromkeys(texts))
    return dict(zip(different, encoder.encode(different), strict=True)) if different else {}


def _nearness(vectors: Floats, course: CourseIndex) -> Floats:
    """Return each vector's greatest cosine with a passage or a sentence of the course."""
    best = np.zeros(len(vectors), np.float32)
    for table in (course.passage_vectors, course.sentence_vectors):
        for start in range(0, len(table), _ROWS):
            np.maximum(best, (vectors @ table[start : start + _ROWS].T).max(axis=1), out=best)
    return best


def _nearest(vector: Floats, course: CourseIndex) -> Source | None:
    """Return the sentence that is nearest."""
    if not len(course.sentence_vectors):
        return None
    cosines = course.sentence_vectors @ vector
    place = int(cosines.argmax())
    row = int(course.sentence_rows[place])
    passage = course.passages[row]
    start, end = passage.sentences[place - int(np.searchsorted(course.sentence_rows, row))]
    quote = passage.text[start:end]
    if len(quote) > QUOTE:
        quote = quote[: QUOTE + 1].rpartition(" ")[0] or quote[:QUOTE]
    return Source(passage.document, passage.page, quote, round(1000 * float(cosines[place])))


def _first_sentences(course: CourseIndex) -> tuple[list[str], Floats]:
    """Return the first sentence of each passage, with its vector."""
    full = [row for row, passage in enumerate(course.passages) if passage.sentences]
    texts = [
        readable(course.passages[row].text[slice(*course.passages[row].sentences[0])])
        for row in full[:_FIRST_SENTENCES]
    ]
    places = np.searchsorted(course.sentence_rows, full[:_FIRST_SENTENCES])
    return texts, course.sentence_vectors[places]
