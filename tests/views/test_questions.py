"""Questions to the instructor in real windows: asked, answered to one or to the class, read, settled."""

from pathlib import Path

import pytest
from pypdf import PdfReader
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QScrollBar

from lms_desktop.client import course as courses_api
from lms_desktop.client import questions as api
from lms_desktop.client.questions import QuestionState
from lms_desktop.views.page import Place
from lms_desktop.views.thread import ThreadView
from tests.views import talks
from tests.views.actor import Actor
from tests.views.gate import faults


@pytest.fixture
def mia(seat) -> Actor:
    return seat("B").sign_in("mia")


@pytest.fixture
def omar(seat) -> Actor:
    return seat("C").sign_in("omar")


def course(actor: Actor) -> courses_api.CoursePage:
    cards = actor.run(courses_api.courses(actor.window.session))
    card = next(card for card in cards if card.title == "Introduction to Algorithms")
    return actor.run(courses_api.course_page(actor.window.session, course=card.course))


def ask(actor: Actor, text: str) -> int:
    """Hand a question in, as the dialog does; returns its number."""
    page = course(actor)
    sent = actor.run(api.ask_instructor(actor.window.session, course=page.course, text=text))
    assert not sent.waiting
    return sent.made


def shows(actor: Actor, number: int) -> None:
    """Wait until the list shows a question, and choose it."""
    table = actor.page.list
    actor.waits(lambda: any(card.question == number for card in table.rows.rows))
    table.select(number)
    actor.waits(lambda: shown(actor.page.thread_view) == number)
    actor.settle()


def shown(view: ThreadView) -> int | None:
    return getattr(getattr(view.shown, "card", None), "question", None)


def go(actor: Actor, name: str, item: int | None = None) -> None:
    actor.window.shell.go(Place(name, 0, "Questions", item))
    actor.settle()


def badge(actor: Actor, name: str) -> int:
    """What a badge in the navigation shows; 0 where there is none."""
    mark = actor.window.shell.badges[name]
    return int(mark.text()) if mark.isVisible() else 0


def test_a_question_is_answered_to_its_asker_who_gets_a_badge_and_reads_it(
    mia: Actor, omar: Actor, tmp_path: Path
) -> None:
    unread, unanswered = badge(mia, "questions"), badge(omar, "answering")
    number = ask(mia, "May the list of part A hold the same number twice?")
    omar.waits(lambda: badge(omar, "answering") == unanswered + 1)
    assert "unanswered" in omar.find("nav.answering").accessibleName()
    go(omar, "answering")
    shows(omar, number)
    assert faults(omar.window) == []
    omar.type("answering.reply", "Yes, but say which of the two your search finds.")
    omar.press("answering.add_page", settle=False)
    picker = omar.dialog("page_picker")
    omar.waits(lambda: not picker.tasks.running)
    assert faults(picker) == []
    picker.document.setCurrentIndex(picker.document.findText("Counting the Cost", Qt.MatchFlag.MatchContains))
    picker.page.setValue(3)
    picker.quote.setPlainText(talks.HALVING)
    omar.press("page_picker.ok", settle=False)
    omar.closed("page_picker")
    omar.reads("Only Mia Larsen and those who teach")
    omar.press("answering.send")
    omar.waits(lambda: omar.page.thread_view.shown.card.state is QuestionState.ANSWERED)
    omar.reads("Not read yet")

    mia.waits(lambda: badge(mia, "questions") == unread + 1)
    go(mia, "student")
    mia.reads("Omar Haddad replied")
    go(mia, "questions", number)
    mia.waits(lambda: shown(mia.page.thread_view) == number)
    mia.reads("Yes, but say which of the two your search finds.")
    mia.waits(lambda: badge(mia, "questions") == unread)
    assert faults(mia.window) == []

    mia.press("questions.thread.post.2.page.1")
    cited = mia.page.cited
    mia.waits(lambda: cited.reader.page == 3 and cited.reader.view.marks)
    mia.keys("Esc")
    mia.waits(lambda: not cited.isVisible() and mia.page.tabs.isVisible())

    mia.press("questions.save", settle=False)
    mia.choose_file(tmp_path / "question.pdf")
    mia.waits(lambda: (tmp_path / "question.pdf").exists())
    text = " ".join(page.extract_text() for page in PdfReader(tmp_path / "question.pdf").pages)
    assert "which of the two" in " ".join(text.split())

    mia.type("questions.reply", "And if there are three of them?")
    mia.press("questions.send")
    mia.waits(lambda: mia.page.thread_view.shown.card.state is QuestionState.UNANSWERED)
    omar.waits(lambda: omar.page.thread_view.shown.card.state is QuestionState.UNANSWERED)
    omar.reads("And if there are three of them?")


def test_the_newest_reply_is_in_view_below_a_long_question(mia: Actor, omar: Actor) -> None:
    number = ask(mia, "\n".join(f"{line}. How do I begin?" for line in range(60)))
    sent = omar.run(api.reply(omar.window.session, question=number, text="With the shortest list."))
    assert not sent.waiting
    go(mia, "questions", number)
    mia.waits(lambda: shown(mia.page.thread_view) == number)
    view = mia.page.thread_view

    def in_view() -> bool:
        reply = next(text for text in view.findChildren(QLabel) if text.text() == "With the shortest list.")
        return not reply.visibleRegion().isEmpty()

    mia.waits(in_view)
    view.verticalScrollBar().triggerAction(QScrollBar.SliderAction.SliderToMinimum)
    mia.settle()
    assert not in_view()  # one who scrolls is not pulled back


def test_an_answer_to_the_class_shows_the_wording_and_not_the_name(mia: Actor, omar: Actor, seat) -> None:
    number = ask(mia, "I am Mia and I do not get what a sentinel is for.")
    go(omar, "answering")
    shows(omar, number)
    omar.find("answering.to_class").click()
    omar.type("answering.wording", "What is a sentinel for?")
    omar.type("answering.reply", "It stands at the end so that the loop needs no second test.")
    omar.reads("Who asked is not shown")
    assert faults(omar.window) == []
    omar.press("answering.send")
    omar.waits(lambda: omar.page.thread_view.shown.card.state is QuestionState.ANSWERED)
    assert omar.find("answering.to_one").isChecked()  # what is typed next is not for everyone

    zofia: Actor = seat("A").sign_in("zofia")
    unread = badge(zofia, "questions")
    assert unread
    go(zofia, "questions")
    zofia.page.tabs.setCurrentIndex(1)
    answer = next(row for row in zofia.page.answers.rows.rows if row.title == "What is a sentinel for?")
    zofia.page.answers.select(answer.answer)
    zofia.reads("It stands at the end")
    assert "Mia" not in zofia.texts(zofia.page)
    zofia.settle()
    zofia.waits(lambda: badge(zofia, "questions") == unread - 1)


def test_a_question_that_needs_no_reply_leaves_the_list_and_can_be_opened_again(
    mia: Actor, omar: Actor
) -> None:
    number = ask(mia, "Never mind, I have found it.")
    go(omar, "answering")
    shows(omar, number)
    omar.press("answering.settle")
    omar.waits(lambda: omar.page.thread_view.shown.card.state is QuestionState.SETTLED)
    omar.find("answering.state").setCurrentIndex(2)
    omar.settle()
    assert [card.question for card in omar.page.list.rows.rows] == [number]
    omar.press("answering.settle")
    omar.waits(lambda: omar.page.thread_view.shown.card.state is QuestionState.UNANSWERED)


def test_a_reply_that_is_being_typed_is_kept_for_each_question(mia: Actor, omar: Actor) -> None:
    first, second = ask(mia, "The first of two?"), ask(mia, "The second of two?")
    go(omar, "answering")
    shows(omar, first)
    omar.type("answering.reply", "An answer to the first")
    shows(omar, second)
    assert omar.page.reply.text.toPlainText() == ""
    shows(omar, first)
    omar.waits(lambda: omar.page.reply.text.toPlainText() == "An answer to the first")
    go(omar, "instructor")
    go(omar, "answering", second)
    shows(omar, first)
    omar.waits(lambda: omar.page.reply.text.toPlainText() == "An answer to the first")
    omar.type("answering.reply", "")


def test_the_list_is_filtered_and_walked_by_key(omar: Actor) -> None:
    go(omar, "answering")
    page = omar.page
    page.show_questions(
        (
            talks.card(1, text=talks.LONG, age="2 days"),
            talks.card(2, course=2, course_title="Marine Biology", name=talks.LONG_NAME),
            talks.card(3, state=QuestionState.ANSWERED),
        )
    )
    page.tasks.cancel()
    assert [card.question for card in page.list.rows.rows] == [1, 2]
    page.list.setFocus()
    omar.keys("J")
    assert page.list.current().question == 2
    omar.keys("K")
    assert page.list.current().question == 1
    page.course.setCurrentIndex(page.course.findText("Marine Biology"))
    assert [card.question for card in page.list.rows.rows] == [2]
    page.state.setCurrentIndex(3)
    page.course.setCurrentIndex(0)
    assert [card.question for card in page.list.rows.rows] == [1, 2, 3]
    page.tasks.cancel()


def test_a_thread_of_extremes_passes_the_gate(omar: Actor) -> None:
    go(omar, "answering")
    page = omar.page
    page.tasks.cancel()
    page.show_thread(talks.thread(talks.card(9, name=talks.LONG_NAME, text=talks.LONG), answered=True))
    page.thread_view._toggle.click()
    page.reply.add_page(talks.source())
    omar.find("answering.thread.exchange.2.source.1")
    assert faults(omar.window) == []
    assert page.thread_view.horizontalScrollBar().maximum() == 0
    page.reply.text.setPlainText("x" * 8_001)
    assert not page.reply.send.isEnabled()
    QTest.keyClick(page.reply.text, Qt.Key.Key_Backspace)
    assert page.reply.send.isEnabled() is (len(page.reply.text.toPlainText()) <= 8_000)
    page.reply.text.clear()
