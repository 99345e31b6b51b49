"""Pages are cut into passages and sentences that are verbatim, within one page, and of useful length."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_desktop.tutor.pages import Page
from lms_desktop.tutor.passages import LONGEST, document_passages, passages, readable
from lms_desktop.tutor.sentences import lay_out, normal, split


def sentences(text: str) -> list[str]:
    laid_out = lay_out(text)
    return [normal(laid_out[start:end]) for start, end in split(laid_out)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A stack holds what came last on top. A queue holds it at its end.",
            ["A stack holds what came last on top.", "A queue holds it at its end."],
        ),
        (
            "Trees, e.g. those in Fig. 3 of Knuth et al. 1997, are drawn with their root on top. "
            "See Sec. 4 too.",
            [
                "Trees, e.g. those in Fig. 3 of Knuth et al. 1997, are drawn with their root on top.",
                "See Sec. 4 too.",
            ],
        ),
        (
            'The examiner, Dr. J. Smith, called out: "Stop!" and then he left. '
            "Pi is 3.14 or so, or is it not?",
            [
                'The examiner, Dr. J. Smith, called out: "Stop!" and then he left.',
                "Pi is 3.14 or so, or is it not?",
            ],
        ),
        (
            "Call list.sort() or sorted(list). The first one changes the list in place.",
            ["Call list.sort() or sorted(list).", "The first one changes the list in place."],
        ),
        (
            "Bring these things along:\n• a calculator with a full battery\n• two pencils and a ruler\n"
            "3. an identity card that is still valid",
            [
                "Bring these things along:",
                "• a calculator with a full battery",
                "• two pencils and a ruler",
                "3. an identity card that is still valid",
            ],
        ),
        (
            "The tide is highest when sun and moon pull along one line, which\nhappens twice a month.\n"
            "2.1 The tides of narrow seas\n"
            "In a bay the water can rise much higher than in the open sea,\nsee below.",
            [
                "The tide is highest when sun and moon pull along one line, which happens twice a month.",
                "2.1 The tides of narrow seas",
                "In a bay the water can rise much higher than in the open sea, see below.",
            ],
        ),
        (
            "Limits\n\nA limit is a value that a sequence comes near.",
            ["Limits A limit is a value that a sequence comes near."],
        ),
        (
            "你好，世界。这是第二个很长很长的句子，关于树和图的遍历方法，请仔细阅读。完",
            ["你好，世界。这是第二个很长很长的句子，关于树和图的遍历方法，请仔细阅读。", "完"],
        ),
        (
            "هل هذا سؤال عن موضوع الدرس؟ نعم، هذا سؤال عن الموضوع.",
            ["هل هذا سؤال عن موضوع الدرس؟", "نعم، هذا سؤال عن الموضوع."],
        ),
        ("", []),
        (" \n\t\n ", []),
    ],
    ids=[
        "plain",
        "abbreviations",
        "quoted",
        "code",
        "list",
        "heading",
        "short",
        "Chinese",
        "Arabic",
        "empty",
        "blank",
    ],
)
def test_sentences_end_where_a_reader_sees_them_end(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_sentence_without_end_is_cut_at_its_lines() -> None:
    code = "\n".join(
        f"    total_of_row_{number} = sum(value for value in rows[{number}])" for number in range(30)
    )
    found = sentences(code)
    assert max(map(len, found)) <= 320
    assert all(sentence.startswith("total_of_row_") for sentence in found)
    assert " ".join(found) == normal(code)


PROSE = st.text(alphabet=st.sampled_from("ab AB.,;:?! \n\f-•1(\"'é中。م\u00a0"), max_size=3000)


@given(PROSE | st.text(max_size=400))
def test_passages_are_verbatim_in_order_and_leave_nothing_out(text: str) -> None:
    plain = normal(text)
    found = passages(5, 3, text)
    assert all((passage.document, passage.page) == (5, 3) for passage in found)
    assert all(passage.text == plain[passage.start : passage.end] for passage in found)
    assert " ".join(passage.text for passage in found).replace(" ", "") == plain.replace(" ", "")
    for passage in found:
        assert 0 < len(passage.text) <= LONGEST
        covered = "".join(passage.text[start:end] for start, end in passage.sentences)
        assert covered.replace(" ", "") == passage.text.replace(" ", "")
        assert all(
            passage.text[start:end].strip() == passage.text[start:end] for start, end in passage.sentences
        )


def test_passages_of_prose_have_about_150_words() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    source = random.Random(seed)
    words = ["water", "stone", "the", "of", "measure", "between", "river", "in", "flows", "under", "bridges"]
    for length in range(300, 2000, 100):
        text: list[str] = []
        while len(text) < length:
            sentence = source.choices(words, k=source.randint(8, 24))
            text += [sentence[0].title(), *sentence[1:-1], sentence[-1] + "."]
        found = passages(1, 1, " ".join(text))
        assert all(100 <= len(passage.text.split()) <= 230 for passage in found), length


def test_a_short_page_is_one_passage() -> None:
    (passage,) = passages(1, 1, "Only one line of words stands on this page.")
    assert passage.sentences == ((0, 43),)


def test_a_long_word_is_cut_too() -> None:
    found = passages(1, 1, "x" * 200_000)
    assert max(len(passage.text) for passage in found) <= LONGEST


@pytest.mark.parametrize(
    "unit", [".", ". ", "a. ", "n! ", ".) ", "1. ", "• ", "\n", "\n \n", " ", "-\n", "(", "1 "]
)
def test_a_page_of_one_thing_only_is_cut_in_linear_time(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    found = list(document_passages(1, [Page(number, text) for number in (1, 2, 3)]))
    assert max((len(passage.text) for passage in found), default=0) <= LONGEST


def test_a_heading_is_not_left_behind_at_the_end_of_a_passage() -> None:
    prose = "Rivers carry sand and stones to the sea, year after year, and build new land.\n" * 11
    first, second = passages(1, 1, f"{prose}How deltas are made\n{prose}")
    assert first.text.endswith("new land.")
    assert second.text.startswith("How deltas are made Rivers")


def test_lines_that_run_along_the_pages_are_left_out_and_places_stay_true() -> None:
    pages = [
        Page(
            number,
            f"Rivers and Seas · Reading 2 {number}\nExercise {number}\n"
            + "\n".join(f"Water number {number} of {part} flows to the sea." for part in "abcdef")
            + f"\n– {number} –",
        )
        for number in range(1, 6)
    ]
    found = list(document_passages(1, pages))
    assert len(found) == 5
    for passage, page in zip(found, pages, strict=True):
        assert passage.text.startswith(f"Exercise {page.number} Water")
        assert passage.text.endswith("of f flows to the sea.")
        assert normal(page.text)[passage.start : passage.end] == passage.text


def test_short_pages_alike_keep_their_lines() -> None:
    pages = [Page(number, "The same words on every page.") for number in range(1, 9)]
    assert len(list(document_passages(1, pages))) == 8


def test_a_passage_begins_with_a_heading_where_it_can() -> None:
    prose = "Rivers carry sand and stones to the sea, year after year, and build new land.\n" * 10
    text = f"{prose}3.2 How deltas are made\n{prose}"
    assert passages(1, 1, text)[1].text.startswith("3.2 How deltas are made")


def test_words_cut_by_a_lines_end_are_read_whole_and_quoted_as_they_stand() -> None:
    text = "The recur-\nsion of pre- and postfix forms ends; the ﬁrst one is well-known."
    (passage,) = passages(1, 1, text)
    assert passage.text.startswith("The recur- sion of pre- and postfix")
    assert (
        readable(passage.text) == "The recursion of pre- and postfix forms ends; the first one is well-known."
    )
