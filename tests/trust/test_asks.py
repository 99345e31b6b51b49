"""Asks and answers: a person's question to the tutor, and what a machine answered to exactly that."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_desktop.trust import answers, asks, wire
from lms_desktop.trust.answers import Answer, AnswerError, Source, Verdict
from lms_desktop.trust.asks import Ask, AskError
from lms_desktop.trust.primitives import SigningKey

HISTORY = (("What is a mole?", "A number of particles."), ("Why?", "To count by weighing."))
SOURCES = (Source(50, 3, "A mole is 6.022e23 particles.", 712), Source(51, 0, "Explain the mole.", -40))
TEXT = "It counts particles. It is blue."


def ask(
    cluster_id: bytes,
    signer: SigningKey,
    text: str = "And how many grams?",
    history: Sequence[tuple[str, str]] = HISTORY,
) -> Ask:
    return Ask.sign(
        cluster_id,
        signer,
        author=3,
        course=50,
        assignment=0,
        ask_id=bytes(range(16)),
        time_ms=1_700_000_000_000,
        text=text,
        history=history,
    )


def answer(cluster_id: bytes, machine: SigningKey, asked: Ask, **changes: object) -> Answer:
    fields: dict[str, object] = {
        "machine": 2,
        "ask_digest": asked.digest(cluster_id),
        "time_ms": 1_700_000_001_000,
        "verdict": Verdict.ANSWERED,
        "score": 431,
        "engine": "extractive",
        "text": TEXT,
        "sources": SOURCES,
        "unsupported": ((21, 32),),
    }
    return Answer.sign(cluster_id, machine, **(fields | changes))  # type: ignore[arg-type]


def test_an_ask_is_its_authors_in_one_school(cluster_id: bytes, signer: SigningKey) -> None:
    asked = ask(cluster_id, signer)
    again = Ask.decode(asked.encode())
    assert again == asked
    assert again.history == HISTORY
    assert again.is_signed_by(cluster_id, signer.public)
    assert not again.is_signed_by(bytes(32), signer.public)
    assert not again.is_signed_by(cluster_id, SigningKey.generate().public)
    for other in (
        replace(asked, author=4),
        replace(asked, course=51),
        replace(asked, assignment=9),
        replace(asked, ask_id=bytes(16)),
        replace(asked, time_ms=1_700_000_000_001),
        replace(asked, text="And how many litres?"),
        replace(asked, history=HISTORY[:1]),
        replace(asked, confirmed=True),
    ):
        assert not other.is_signed_by(cluster_id, signer.public)
        assert other.digest(cluster_id) != asked.digest(cluster_id)
    assert replace(asked, signature=bytes(64)).digest(cluster_id) != asked.digest(cluster_id)
    assert asked.digest(bytes(32)) != asked.digest(cluster_id)


def test_an_answer_is_a_machines_to_one_ask(cluster_id: bytes, signer: SigningKey) -> None:
    machine, asked = SigningKey(bytes([5]) * 32), ask(cluster_id, signer)
    given = answer(cluster_id, machine, asked)
    again = Answer.decode(given.encode())
    assert again == given
    assert again.verdict is Verdict.ANSWERED
    assert again.sources == SOURCES
    assert again.text[slice(*again.unsupported[0])] == "It is blue."
    assert again.is_signed_by(cluster_id, machine.public)
    assert not again.is_signed_by(bytes(32), machine.public)
    assert not again.is_signed_by(cluster_id, signer.public)
    for other in (
        replace(given, machine=3),
        replace(given, ask_digest=bytes(32)),
        replace(given, verdict=Verdict.DECLINED),
        replace(given, score=430),
        replace(given, text="It counts grams."),
        replace(given, sources=SOURCES[:1]),
        replace(given, unsupported=()),
    ):
        assert not other.is_signed_by(cluster_id, machine.public)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "question is empty"),
        (" \n", "question is empty"),
        ("x" * (asks.TEXT + 1), "at most 2,000 characters; this one has 2,001"),
        ("x" * 50_000, "at most 2,000 characters; this one has 50,000"),
        ("\ud83d", "cannot be sent"),
    ],
    ids=["nothing", "blank", "long", "pasted", "half a character"],
)
def test_a_question_is_not_empty_and_not_too_long(
    text: str, why: str, cluster_id: bytes, signer: SigningKey
) -> None:
    with pytest.raises(AskError, match=why):
        ask(cluster_id, signer, text)


def test_of_a_long_conversation_goes_along_what_fits(cluster_id: bytes, signer: SigningKey) -> None:
    many = [(f"question {number}", "x" * 5_000) for number in range(20)]
    asked = ask(cluster_id, signer, history=many)
    assert [question for question, _ in asked.history] == [f"question {number}" for number in range(14, 20)]
    assert {len(text) for _, text in asked.history} == {asks.TEXT}
    widest = [("字" * asks.TEXT, "𝒳" * asks.TEXT)] * 6
    cut = ask(cluster_id, signer, "𝒳" * asks.TEXT, history=widest)
    assert len(cut.history) == 1, "one pair fits, and it is the newest"
    assert len(cut.encode()) <= asks.MAX_ASK


def _body(*fields: wire.Packable) -> bytes:
    return wire.pack(fields)


GOOD_ASK: tuple[wire.Packable, ...] = (1, 3, 50, 0, bytes(16), 5, _body("Why?", (), False), bytes(64))


@pytest.mark.parametrize(
    "change",
    [
        {0: 2},
        {0: True},
        {1: 0},
        {1: True},
        {2: 0},
        {3: -1},
        {3: None},
        {4: bytes(15)},
        {5: -1},
        {5: asks.LATEST_MS + 1},
        {6: b"\xc1"},
        {6: _body("Why?", (), False, 1)},
        {6: _body("Why?", (), 0)},
        {6: _body("", (), False)},
        {6: _body("x" * 2_001, (), False)},
        {6: _body("Why?", (("a", "b"),) * 7, False)},
        {6: _body("Why?", (("a",),), False)},
        {6: _body("Why?", (("a", "x" * 2_001),), False)},
        {7: bytes(63)},
    ],
    ids=lambda change: str(change)[:40],
)
def test_what_is_not_an_ask_is_refused(change: dict[int, wire.Packable]) -> None:
    assert Ask.decode(wire.pack(GOOD_ASK)).text == "Why?"
    with pytest.raises(AskError):
        Ask.decode(wire.pack([change.get(place, field) for place, field in enumerate(GOOD_ASK)]))


GOOD_ANSWER: tuple[wire.Packable, ...] = (
    *(1, 2, bytes(32), 5, 3, -20, "It is about cooking.", "", "text", ((50, 3, "A quote.", 712),), ((0, 4),)),
    bytes(64),
)


@pytest.mark.parametrize(
    "change",
    [
        {0: 2},
        {0: True},
        {1: 0},
        {1: True},
        {2: bytes(31)},
        {3: -1},
        {3: asks.LATEST_MS + 1},
        {4: 0},
        {4: 4},
        {4: True},
        {5: 10_001},
        {5: "high"},
        {6: "x" * 301},
        {7: "x" * 101},
        {8: "x" * 4_001},
        {9: ((50, 3, "A quote.", 712),) * 9},
        {9: ((0, 3, "A quote.", 712),)},
        {9: ((50, -1, "A quote.", 712),)},
        {9: ((50, True, "A quote.", 712),)},
        {9: ((50, answers.PAGES + 1, "A quote.", 712),)},
        {9: ((50, 3, "x" * 801, 712),)},
        {9: ((50, 3, "A quote."),)},
        {10: ((0, 5),)},
        {10: ((2, 2),)},
        {10: ((-1, 2),)},
        {10: ((0, 1),) * 65},
        {10: ((0,),)},
        {11: bytes(63)},
    ],
    ids=lambda change: str(change)[:40],
)
def test_what_is_not_an_answer_is_refused(change: dict[int, wire.Packable]) -> None:
    assert Answer.decode(wire.pack(GOOD_ANSWER)).verdict is Verdict.DECLINED
    with pytest.raises(AnswerError):
        Answer.decode(wire.pack([change.get(place, field) for place, field in enumerate(GOOD_ANSWER)]))


@pytest.mark.parametrize("raw", [b"", b"\xc1", wire.pack(()), wire.pack("x"), bytes(33 * 1024)])
def test_other_bytes_are_neither(raw: bytes) -> None:
    with pytest.raises(AskError):
        Ask.decode(raw)
    with pytest.raises(AnswerError):
        Answer.decode(raw)


@given(st.data())
def test_altered_bytes_are_refused_or_say_what_they_say(data: st.DataObject) -> None:
    for good, kind, refusal in ((GOOD_ASK, Ask, AskError), (GOOD_ANSWER, Answer, AnswerError)):
        raw = bytearray(wire.pack(good))
        for _ in range(data.draw(st.integers(1, 3))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        try:
            read = kind.decode(bytes(raw))
        except refusal:
            continue
        assert read.encode() == raw


def test_an_answer_over_its_limits_is_never_signed(cluster_id: bytes, signer: SigningKey) -> None:
    asked = ask(cluster_id, signer)
    widest = tuple(Source(50, 1, "𝒳" * answers.QUOTE, 1) for _ in range(answers.SOURCES))
    for wrong in (
        {"text": "x" * (answers.TEXT + 1)},
        {"text": "\ud83d"},
        {"sources": widest, "text": "字" * answers.TEXT},
        {"unsupported": ((30, 40),)},
        {"score": 1 << 70},
    ):
        with pytest.raises(AnswerError):
            answer(cluster_id, signer, asked, **wrong)
    assert len(answer(cluster_id, signer, asked, text="", sources=widest, unsupported=()).encode()) > 25_000
