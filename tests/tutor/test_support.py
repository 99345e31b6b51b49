"""What a generated answer says beyond its sources is marked."""

import pytest

from lms_desktop.tutor.encoder import Encoder, load_encoder
from lms_desktop.tutor.protocol import Source
from lms_desktop.tutor.support import SPANS, unsupported

QUOTE = (
    "Reef-building corals live with algae which give them most of their food and their colour. "
    "When the water stays one degree above the summer maximum for a month, corals expel the algae and bleach."
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(prefer_addon=False)


def marked(text: str, encoder: Encoder, *quotes: str) -> list[str]:
    sources = [Source(1, 1, quote, 900) for quote in quotes]
    return [text[begin:end] for begin, end in unsupported(text, sources, encoder.encode)]


def test_a_paraphrase_passes_and_an_invention_is_marked(encoder: Encoder) -> None:
    text = (
        "Corals get most of their food from the algae that live in them. "
        "The Great Barrier Reef was founded in 1890 by a captain. "
        "In warm water corals lose their algae: they bleach."
    )
    assert marked(text, encoder, QUOTE) == ["The Great Barrier Reef was founded in 1890 by a captain."]


def test_a_quoted_sentence_passes_whatever_stands_round_it(encoder: Encoder) -> None:
    assert marked(QUOTE, encoder, QUOTE, "Something else entirely.") == []


def test_neighbours_are_one_place_and_lines_are_sentences(encoder: Encoder) -> None:
    text = "My cat sleeps on the sofa all day\nThe train to Berlin leaves at nine\n" + QUOTE
    (place,) = marked(text, encoder, QUOTE)
    assert place == "My cat sleeps on the sofa all day\nThe train to Berlin leaves at nine"


def test_without_sources_everything_is_marked_and_without_text_nothing(encoder: Encoder) -> None:
    assert marked("Anything at all goes here.", encoder) == ["Anything at all goes here."]
    assert marked("", encoder, QUOTE) == []


def test_the_places_are_bounded(encoder: Encoder) -> None:
    text = " ".join(f"{QUOTE} My cat number {number} sleeps on the sofa." for number in range(90))
    assert len(marked(text, encoder, QUOTE)) == SPANS
