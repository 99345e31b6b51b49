"""What one ask has come to, update by update, in words for people."""

from dataclasses import replace

import pytest

from lms_desktop.client import tutor as api
from lms_desktop.client.exchanges import Verdict
from lms_desktop.views.ask_state import AskState, Phase, check_text, of_exchange, progress_text, where_text
from lms_desktop.views.similar import similar
from tests.views import talks


def test_the_score_is_told_in_words_with_what_was_needed() -> None:
    states = talks.states()
    assert check_text(states["answered"]) == "Belongs to this course: 71 of 100, needed 55"
    assert check_text(states["declined"]) == "Not found in this course: 21 of 100, needed 55"
    assert check_text(of_exchange(talks.exchange())) == "Belongs to this course: 71 of 100"
    assert check_text(states["queued"]) == ""
    confirmed = replace(states["answered"], confirmed=True, score=520)
    assert check_text(confirmed) == "Confirmed as a question on this course: 52 of 100, needed 55"


@pytest.mark.parametrize(
    ("position", "eta", "words"),
    [
        (0, 0, "Yours is next"),
        (1, 4_000, "1 question is before yours, about 4 s"),
        (12, 150_000, "12 questions are before yours, about 2 minutes"),
    ],
)
def test_the_place_in_the_queue_is_told(position: int, eta: int, words: str) -> None:
    assert progress_text(AskState("?").take(api.Accepted(position, eta))) == words


def test_tokens_add_up_and_a_restart_voids_them() -> None:
    state = AskState("?")
    for update in talks.streaming():
        state = state.take(update)
    assert talks.WRITTEN.startswith(state.text.strip())
    assert state.phase is Phase.ANSWERING
    again = state.take(api.Restarted("It begins again."))
    assert (again.text, again.note, again.sources) == ("", "It begins again.", state.sources)


def test_the_signed_answer_stands_in_the_place_of_what_was_streamed() -> None:
    state = AskState("?").take(api.Token("something else"))
    ended = state.take(api.Answered(talks.exchange(), None, "The disk is full."))
    assert ended.text == talks.WRITTEN
    assert not ended.running
    assert ended.not_kept == "The disk is full."


def test_an_extractive_answer_is_its_passages_and_no_generated_text() -> None:
    assert talks.states()["extractive"].generated == ""
    assert talks.states()["answered"].generated == talks.WRITTEN


def test_what_was_declined_keeps_its_nearest_page_when_read_again() -> None:
    state = of_exchange(talks.exchange(**talks.DECLINED))
    assert state.verdict is Verdict.DECLINED
    assert state.nearest is not None
    assert state.nearest.page == 1
    assert state.sources == ()


def test_where_the_tutor_runs_is_told() -> None:
    state = api.TutorState("host", "LAB-B", "generative", "gpt2", "ready", 0, 4, 4, "")
    assert where_text(state) == ("Tutor on LAB-B, with gpt2", "success")
    here = replace(state, where="here", machine="", model="", state="indexing", done=2)
    assert where_text(here) == ("Tutor on this computer: reading the course, 2 of 4 documents", "warning")
    gone = replace(state, where="none", state="unreachable", words="No machine answers.")
    assert where_text(gone) == ("No machine answers.", "danger")


def test_class_answers_that_resemble_what_is_typed_are_found() -> None:
    twice = talks.class_answer()
    due = talks.class_answer(42, title="When is the second assignment due?", text="On Friday.")
    assert similar("may my list contain the same numbers twice", (due, twice)) == (twice,)
    assert similar("is the second assignment due on friday", (due, twice)) == (due,)
    assert similar("what is a coral reef made of", (due, twice)) == ()
    assert similar("the", (due, twice)) == ()
