"""The tutor's screen: asking by keyboard, what each answer looks like, the cited page, handing over."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from lms_desktop.client import course as courses_api
from lms_desktop.client import questions as questions_api
from lms_desktop.client import tutor as api
from lms_desktop.client.sources import DocumentKind
from lms_desktop.client.tutor_settings import InForce, TutorMode
from lms_desktop.views.ask_state import AskState
from lms_desktop.views.exchange import Acts, ExchangeCard
from lms_desktop.views.generated import NOT_FOUND, GeneratedText
from lms_desktop.views.page import Place
from tests.views import talks
from tests.views.actor import Actor
from tests.views.gate import faults
from tests.views.runner import Runner

READY = api.TutorState("host", "LAB-B", "generative", "gpt2", "ready", 0, 4, 4, "")


@pytest.fixture
def mia(seat) -> Actor:
    actor: Actor = seat("B").sign_in("mia")
    page = course(actor)
    actor.window.shell.go(Place("course", page.course))
    actor.settle()
    actor.press("course.ask")
    assert actor.page.objectName() == "page.ask"
    return actor


def course(actor: Actor) -> courses_api.CoursePage:
    cards = actor.run(courses_api.courses(actor.window.session))
    card = next(card for card in cards if card.title == "Introduction to Algorithms")
    return actor.run(courses_api.course_page(actor.window.session, course=card.course))


def show(actor: Actor, state: AskState) -> ExchangeCard:
    """Show one exchange, as the tutor's updates made it."""
    page = actor.page
    page._look.stop()
    page.show_tutor(READY)
    page.show_force(InForce(TutorMode.ON, "", None, 60, ""))
    page._talk.states.append(state)
    page._on_change(len(page._talk.states) - 1)
    card = page._cards[len(page._talk.states) - 1]
    actor.waits(card.isVisible)
    return card


INDEXED_S = 90.0  # on a busy machine; a quiet one reads the demo's course in ten


def test_the_tutor_of_this_computer_answers_from_the_courses_pages_and_declines_the_rest(mia: Actor) -> None:
    page = mia.page
    mia.run.until(lambda: page._state is not None and page._state.state == "ready", timeout_s=INDEXED_S)
    mia.reads("Tutor on this computer")
    page.composer.setFocus()
    QTest.keyClicks(page.composer, "How many comparisons does binary search need for a million elements?")
    QTest.keyClick(page.composer, Qt.Key.Key_Return)
    assert page.composer.toPlainText() == ""
    mia.reads("Belongs to this course")
    mia.waits(lambda: not page._talk.running)
    mia.settle()
    assert faults(mia.window) == []
    assert not page._talk.states[0].generated
    sources = page._talk.states[0].sources
    counting = next(n for n, source in enumerate(sources, 1) if source.title.startswith("Counting"))
    mia.press(f"ask.exchange.1.source.{counting}")
    mia.waits(lambda: page.cited.reader.view.marks)
    mia.keys("Esc")

    page.composer.setPlainText("Who won the football match on Sunday?")
    page.ask()
    mia.reads("Not found in this course")
    mia.waits(lambda: not page._talk.running)
    mia.find("ask.exchange.2.instructor")

    talk = page._talk.conversation
    mia.press("ask.new")
    mia.press("ask.earlier", settle=False)
    dialog = mia.dialog("conversations")
    assert faults(dialog) == []
    assert dialog.table.current().conversation == talk
    mia.press("conversations.ok", settle=False)
    mia.waits(lambda: len(mia.page._talk.states) == 2)
    mia.reads("Who won the football match on Sunday?")


SAYS = {
    "queued": ("3 questions are before yours, about 21 s",),
    "answering": ("Belongs to this course: 71 of 100, needed 55", "Written by a language model"),
    "restarted": ("your answer begins again",),
    "answered": ("1 sentence is not found in the course's pages", "Written by a language model on LAB-B"),
    "borderline": ("Is this about", "May belong to this course: 50 of 100"),
    "declined": ("The nearest page", "This does not seem to be about"),
    "cancelled": ("Stopped.",),
    "busy": ("your question was not taken",),
    "crashed": ("The tutor stopped at this question.",),
}
OFFERS = {
    "queued": {"cancel"},
    "answering": {"source.1", "source.2", "cancel"},
    "answered": {"source.1", "source.2"},
    "extractive": {"source.1", "source.2"},
    "borderline": {"nearest", "yes", "instructor"},
    "declined": {"nearest", "instructor"},
    "busy": {"again", "instructor"},
    "crashed": {"source.1", "source.2", "again", "instructor"},
    "unreachable": {"again", "instructor"},
}


def test_every_state_of_an_answer_passes_the_gate_and_offers_what_helps(mia: Actor) -> None:
    for name, state in talks.states().items():
        mia.page.new_conversation()
        card = show(mia, state)
        text = mia.texts(card)
        assert faults(mia.window) == [], name
        for part in (state.question, *SAYS.get(name, ())):
            assert part in text, name
        offered = {button.objectName().removeprefix("ask.exchange.1.") for button in _buttons(card)}
        assert offered == OFFERS.get(name, offered), name


def _buttons(card: ExchangeCard):
    return [button for button in card.findChildren(QPushButton) if button.isVisible()]


def test_enter_asks_and_shift_enter_breaks_the_line_and_too_much_is_not_sent(mia: Actor) -> None:
    composer = mia.page.composer
    mia.page.show_tutor(READY)
    sent: list[str] = []
    mia.page._start = lambda text, confirmed=False: sent.append(text)
    composer.setFocus()
    QTest.keyClicks(composer, "first")
    QTest.keyClick(composer, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(composer, "second")
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert sent == ["first\nsecond"]
    composer.setPlainText("x" * (api.QUESTION_LENGTH + 1))
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert len(sent) == 1
    mia.reads("2,001 of 2,000")
    composer.clear()
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert len(sent) == 1


def test_what_is_typed_is_there_again_after_another_screen_and_after_a_lock(mia: Actor) -> None:
    place = mia.window.shell._place
    mia.page.composer.setPlainText("Half a question")
    mia.window.shell.go(Place("grades"))
    mia.settle()
    mia.window.shell.go(place)
    mia.waits(lambda: mia.page.loaded and mia.page.composer.toPlainText() == "Half a question")
    mia.page.composer.clear()
    mia.page._kept.keep()
    mia.settle()


def test_a_cited_page_opens_beside_the_answer_with_the_passage_marked(mia: Actor) -> None:
    material = next(item for item in course(mia).materials if item.title.startswith("Counting"))
    state = AskState("How many?").take(
        api.Answered(talks.exchange(sources=(talks.source(document=material.material),)), None)
    )
    card = show(mia, state)
    source = mia.find(f"{card.objectName()}.source.1")
    source.setFocus()
    QTest.keyClick(source, Qt.Key.Key_Return)
    cited = mia.page.cited
    mia.waits(lambda: cited.reader.page == 3 and cited.reader.view.marks)
    mia.settle()
    assert faults(mia.window) == []
    mia.keys("Esc")
    mia.waits(lambda: not cited.isVisible())
    assert mia.window.focusWidget() is source


def test_a_passage_of_an_assignments_own_text_is_marked_in_it(mia: Actor) -> None:
    assignment = course(mia).assignments[0]
    quote = assignment.text.split(". ")[0]
    source = replace(
        talks.source(document=assignment.assignment, page=0, quote=quote), kind=DocumentKind.ASSIGNMENT
    )
    mia.page.open_source(source)
    mia.waits(lambda: mia.page.cited.text.extraSelections())
    (mark,) = mia.page.cited.text.extraSelections()
    assert mark.cursor.selectedText() == quote


def test_the_instructors_reason_is_shown_and_nothing_can_be_asked(mia: Actor) -> None:
    mia.page._look.stop()
    mia.page.show_tutor(READY)
    mia.page.composer.setPlainText("A question")
    assert mia.page._ask.isEnabled()
    mia.page.show_force(InForce(TutorMode.OFF, "Test", None, 60, "The tutor is switched off: test today."))
    mia.reads("The tutor is switched off: test today.")
    assert not mia.page._ask.isEnabled()
    assert mia.find("ask.instructor").isEnabled()
    mia.page.composer.clear()


def test_a_declined_question_goes_to_the_instructor_with_its_pages(mia: Actor, seat) -> None:
    material = next(item for item in course(mia).materials if item.title.startswith("Counting"))
    facts = {**talks.DECLINED, "sources": (talks.source(document=material.material),)}
    asked = "May I hand in a drawing on paper?"
    card = show(mia, AskState(asked).take(api.Answered(talks.exchange(asked, **facts), None)))
    mia.press(f"{card.objectName()}.instructor", settle=False)
    dialog = mia.dialog("ask_instructor")
    assert dialog.text.toPlainText() == asked
    assert dialog.with_pages.isChecked()
    assert "Only you and those who teach" in mia.texts(dialog)
    assert faults(dialog) == []
    dialog.along.setChecked(False)  # this conversation was never in the ledger
    mia.press("ask_instructor.ok", settle=False)
    mia.closed("ask_instructor")
    (found,) = [
        item for item in mia.run(questions_api.my_questions(mia.window.session)) if item.text == asked
    ]
    thread = mia.run(questions_api.thread(mia.window.session, question=found.question))
    assert [page.page for page in thread.posts[0].pages] == [3]


def test_similar_answers_of_the_class_are_offered_while_typing(mia: Actor) -> None:
    mia.page._answers = (talks.class_answer(),)
    mia.page.composer.setPlainText("may my list hold the same number twice?")
    mia.find("ask.similar.41")
    mia.page.composer.setPlainText("what is a reef?")
    assert not mia.page._similar_box.isVisible()
    mia.page.composer.clear()


def test_a_borderline_question_is_asked_again_as_confirmed(mia: Actor) -> None:
    started: list[tuple[str, bool]] = []
    mia.page._start = lambda text, confirmed=False: started.append((text, confirmed))
    state = talks.states()["borderline"]
    show(mia, state)
    mia.press("ask.exchange.1.yes", settle=False)
    assert started == [(state.question, True)]


@pytest.fixture
def answer(dressed, qtbot) -> GeneratedText:
    answer = GeneratedText("answer")
    qtbot.addWidget(answer)
    answer.resize(400, 40)
    answer.show()
    return answer


def test_streamed_text_is_added_to_and_is_never_markup(answer: GeneratedText) -> None:
    changes: list[tuple[int, int, int]] = []
    answer.show_text("<b>not bold</b> ")
    answer.document().contentsChange.connect(lambda *change: changes.append(change))
    answer.show_text("<b>not bold</b> <img src=x> and on")
    assert changes == [(16, 0, len("<img src=x> and on"))]
    assert answer.toPlainText() == "<b>not bold</b> <img src=x> and on"
    before = answer.height()
    answer.show_text(answer.text() + " and on" * 60)
    assert answer.height() > before


def test_unsupported_sentences_are_marked_and_say_why(answer: GeneratedText, monkeypatch) -> None:
    text = "𝑛 steps. It was invented in Babylon."
    start = text.index("It")
    answer.show_text(text, ((start, len(text)),))
    (mark,) = answer.extraSelections()
    assert mark.cursor.selectedText() == "It was invented in Babylon."
    said: list[str] = []
    monkeypatch.setattr(
        "lms_desktop.views.generated.QToolTip.showText", lambda _at, words, _widget: said.append(words)
    )
    for place in (0, len(text) - 2):
        cursor = answer.textCursor()
        cursor.setPosition(place)
        spot = answer.cursorRect(cursor).center()
        event = QHelpEvent(QHelpEvent.Type.ToolTip, spot, answer.viewport().mapToGlobal(spot))
        QApplication.sendEvent(answer.viewport(), event)
    assert said == ["", NOT_FOUND]


def test_a_stream_is_laid_out_seldom_and_its_end_at_once(dressed, qtbot, run: Runner) -> None:
    card = ExchangeCard("card", Acts(lambda _: None), "UTC")
    qtbot.addWidget(card)
    card.resize(600, 400)
    card.show()
    shown: list[str] = []
    show_text: Callable[..., None] = card.answer.show_text
    card.answer.show_text = lambda text, spans=(): (shown.append(text), show_text(text, spans))
    state = AskState("?")
    for number in range(500):
        state = state.take(api.Token(f"word{number} "))
        card.show_soon(state)
    assert not shown
    run.until(lambda: shown)
    assert shown == [state.text]
    card.show_soon(state.take(api.Answered(talks.exchange(), None)))
    assert shown[-1] == talks.WRITTEN
