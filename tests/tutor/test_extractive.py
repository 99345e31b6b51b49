"""The extractive answer quotes whole sentences, word for word, and cites them."""

import random

import pytest

from lms_desktop.tutor import extractive
from lms_desktop.tutor.passages import Passage, passages
from lms_desktop.tutor.protocol import Source
from lms_desktop.tutor.retrieval import Hit

PAGE = """Coral reefs cover less than one percent of the sea floor.
A quarter of all sea fish depend on them at some time of their lives.

Reef-building corals live with algae that feed them.
When the water stays too warm, corals expel
these algae and turn white. They bleach. A bleached coral starves, but it is not dead yet."""


def hit(passage: Passage, *cosines: float, score: float | None = None) -> Hit:
    """A hit whose sentences have these cosines."""
    assert len(cosines) == len(passage.sentences)
    sentences = tuple(
        (begin, end, cosine) for (begin, end), cosine in zip(passage.sentences, cosines, strict=True)
    )
    return Hit(passage, max(cosines, default=0.0) if score is None else score, sentences)


@pytest.fixture
def reef() -> Passage:
    (passage,) = passages(7, 3, PAGE)
    return passage


def test_the_quote_is_the_best_sentence_with_its_likest_neighbours(reef: Passage) -> None:
    assert len(reef.sentences) == 5
    (source,) = extractive.quoted([hit(reef, 0.1, 0.2, 0.6, 0.8, 0.7)])
    assert source.quote.startswith("Reef-building corals")
    assert source.quote.endswith("not dead yet.")
    assert (source.document, source.page, source.score) == (7, 3, 800)


def test_a_short_quote_takes_its_nearest_neighbour_whatever_that_says(reef: Passage) -> None:
    (source,) = extractive.quoted([hit(reef, 0.0, 0.1, 0.2, 0.0, 0.9)])
    assert source.quote.startswith("Reef-building corals")


def test_a_quote_is_verbatim_on_its_page_and_bounded() -> None:
    chance = random.Random(5)
    page = " ".join(PAGE.split())
    text = " ".join(f"{PAGE} This is sentence {number}." for number in range(30))
    plain = " ".join(text.split())
    for passage in passages(1, 1, text):
        for _ in range(20):
            (source,) = extractive.quoted([hit(passage, *(chance.random() for _ in passage.sentences))])
            assert source.quote in plain
            assert 0 < len(source.quote) <= extractive.QUOTE_CHARS
    assert page in plain


def test_a_sentence_without_end_is_cut_after_a_word() -> None:
    text = "word " * 400
    passage = Passage(1, 1, 0, len(text) - 1, text[:-1], ((0, len(text) - 1),))
    (source,) = extractive.quoted([hit(passage, 0.5)])
    assert len(source.quote) <= extractive.QUOTE_CHARS
    assert source.quote.endswith("word")
    unbroken = Passage(1, 1, 0, 2000, "x" * 2000, ((0, 2000),))
    (source,) = extractive.quoted([hit(unbroken, 0.5)])
    assert source.quote == "x" * extractive.QUOTE_CHARS


def test_the_best_passages_come_first_and_none_twice(reef: Passage) -> None:
    (other,) = passages(8, 1, PAGE.replace("Coral", "Sponge"))
    cosines = (0.1, 0.2, 0.3, 0.4, 0.5)
    sources = extractive.quoted([hit(reef, *cosines), hit(reef, *cosines), hit(other, *cosines)])
    assert [(source.document, source.page) for source in sources] == [(7, 3), (8, 1)]
    assert len(extractive.quoted([hit(reef, *cosines), hit(other, *cosines)], limit=1)) == 1
    assert extractive.quoted([]) == ()


def test_the_answer_numbers_its_sources() -> None:
    sources = [Source(1, 2, "First.", 900), Source(3, 4, "Second.", 800)]
    assert extractive.answer(sources) == "“First.” [1]\n\n“Second.” [2]"
