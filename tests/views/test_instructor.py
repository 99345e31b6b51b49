"""An instructor at a seat: a course from nothing, the grading room by keyboard, release and correction."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QListWidgetItem, QPushButton

from lms_desktop.client import course as courses_api
from lms_desktop.client import gradebook as gradebook_api
from lms_desktop.client import grading as grading_api
from lms_desktop.client.grading import GradeState
from lms_desktop.resources import resource
from lms_desktop.school import limits
from lms_desktop.views.page import Place
from tests.views.actor import Actor

DAY_MS = 24 * 60 * 60 * 1000
MATERIAL = resource("courses", "reefs.pdf")


@pytest.fixture
def omar(seat) -> Actor:
    return seat("C").sign_in("omar")


def open_grading(actor: Actor, title: str) -> int:
    """Go to the grading room of the assignment of that title."""
    for card in actor.run(courses_api.courses(actor.window.session)):
        page = actor.run(courses_api.course_page(actor.window.session, course=card.course))
        for assignment in page.assignments:
            if assignment.title == title:
                actor.window.shell.go(Place("grading", assignment.assignment, page.title))
                actor.settle()
                return assignment.assignment
    raise AssertionError(f"no assignment {title}")


def first_course(actor: Actor) -> courses_api.CourseCard:
    """The demo's own first course, whatever other tests made."""
    cards = actor.run(courses_api.courses(actor.window.session))
    return next(card for card in cards if card.title == "Introduction to Algorithms")


def pick(actor: Actor, name: str) -> None:
    """Select a student in the grading room."""
    student = next(row for row in actor.page.list.rows.rows if row.name == name)
    actor.page.list.select(student.student)
    actor.settle()


def test_the_longest_title_that_the_form_takes_is_taken(omar: Actor) -> None:
    omar.press("nav.courses")
    omar.press("courses.new", settle=False)
    omar.find("course_dialog.title").setText("T" * limits.TITLE)
    omar.type("course_dialog.code", "LONG-1")
    omar.press("course_dialog.ok", settle=False)
    omar.closed("course_dialog")
    omar.reads("LONG-1")


def test_numbers_go_to_the_places_as_they_stand_in_the_sidebar(omar: Actor) -> None:
    for place, page in enumerate(("page.instructor", "page.answering", "page.course"), start=1):
        omar.keys(f"Ctrl+{place}")
        omar.settle()
        assert omar.page.objectName() == page


def test_a_course_from_nothing_by_its_dialogs(omar: Actor, tmp_path: Path) -> None:
    omar.press("nav.courses")
    omar.press("courses.new", settle=False)
    omar.type("course_dialog.title", "Chemistry & Fire")
    omar.press("course_dialog.ok", settle=False)
    dialog = omar.dialog("course_dialog")
    omar.waits(dialog.problem.text)
    assert "Fill in a code" in dialog.problem.text()
    omar.type("course_dialog.code", "CHE-1")
    QTest.keyClick(omar.find("course_dialog.code"), Qt.Key.Key_Return)
    omar.closed("course_dialog")
    omar.reads("Chemistry & Fire")

    omar.page._tabs.setCurrentIndex(1)
    omar.press("course.add_material", settle=False)
    omar.press("material_dialog.file.choose", settle=False)
    omar.choose_file(MATERIAL)
    assert omar.find("material_dialog.title").text() == "reefs"
    omar.type("material_dialog.title", "Reading 1")
    omar.press("material_dialog.ok", settle=False)
    omar.closed("material_dialog")
    omar.reads("Reading 1")

    omar.page._tabs.setCurrentIndex(0)
    omar.press("course.add_assignment", settle=False)
    omar.type("assignment_dialog.title", "Candle report")
    omar.type("assignment_dialog.points", "lots")
    omar.press("assignment_dialog.ok", settle=False)
    omar.waits(omar.dialog("assignment_dialog").problem.text)
    omar.type("assignment_dialog.points", "12,5")
    omar.press("assignment_dialog.ok", settle=False)
    omar.closed("assignment_dialog")
    omar.reads("Candle report")
    (card,) = omar.page._page.assignments
    assert card.points == 1250

    omar.page._tabs.setCurrentIndex(2)
    omar.press("course.enrol", settle=False)
    people = omar.find("enrol_dialog.list")
    omar.waits(lambda: people.findItems("Zofia", Qt.MatchFlag.MatchStartsWith))
    omar.type("enrol_dialog.search", "zof")
    omar.press("enrol_dialog.all", settle=False)
    checked = [
        item.text()
        for item in (people.item(number) for number in range(people.count()))
        if isinstance(item, QListWidgetItem) and item.checkState() == Qt.CheckState.Checked
    ]
    assert checked == ["Zofia Nowak  (zofia)"]
    omar.press("enrol_dialog.ok", settle=False)
    omar.closed("enrol_dialog")
    omar.waits(lambda: "Zofia Nowak" in [row.name for row in omar.page._people.rows.rows])


def test_an_edit_keeps_the_due_time_to_the_minute(omar: Actor) -> None:
    card = first_course(omar)
    omar.window.shell.go(Place("course", card.course, card.title))
    omar.settle()
    before = omar.page._page.assignments[0]
    omar.page._edit_assignment(before)
    omar.type("assignment_dialog.title", before.title + " (again)")
    omar.press("assignment_dialog.ok", settle=False)
    omar.closed("assignment_dialog")
    omar.reads(before.title + " (again)")
    after = next(item for item in omar.page._page.assignments if item.assignment == before.assignment)
    assert after.due_ms == before.due_ms
    assert after.points == before.points


def test_a_later_due_time_and_an_extension_reach_the_student(omar: Actor, seat) -> None:
    omar.window.shell.go(Place("course", first_course(omar).course))
    omar.settle()
    card = next(item for item in omar.page._page.assignments if item.points == 3000)
    omar.page._edit_assignment(card)
    due = omar.find("assignment_dialog.due")
    due.setFocus()
    due.setDateTime(due.dateTime().addDays(2))
    omar.press("assignment_dialog.ok", settle=False)
    omar.closed("assignment_dialog")

    def shown() -> courses_api.AssignmentCard:
        return next(item for item in omar.page._page.assignments if item.assignment == card.assignment)

    omar.waits(lambda: shown().due_ms == card.due_ms + 2 * DAY_MS)

    omar.page._extend(shown())
    who = omar.find("extend_dialog.student")
    who.setCurrentIndex(who.findText("Zofia", Qt.MatchFlag.MatchStartsWith))
    later = omar.find("extend_dialog.due")
    later.setDateTime(later.dateTime().addDays(1))
    omar.type("extend_dialog.reason", "A broken wrist")
    omar.press("extend_dialog.ok", settle=False)
    omar.closed("extend_dialog")

    zofia: Actor = seat("A").sign_in("zofia")
    zofia.waits(lambda: "extended for you" in zofia.texts() or "extended" in spoken(zofia))
    zofia.window.shell.go(Place("assignment", card.assignment))
    zofia.reads("You have an extension. Reason: A broken wrist")
    assert zofia.page._page.due_ms == card.due_ms + 4 * DAY_MS
    mia: Actor = seat("B").sign_in("mia")
    mia.window.shell.go(Place("assignment", card.assignment))
    mia.settle()
    assert mia.page._page.due_ms == card.due_ms + 2 * DAY_MS
    assert "extension" not in mia.texts()


def spoken(actor: Actor) -> str:
    """What a screen reader would say of every row."""
    return "\n".join(row.accessibleName() for row in actor.page.findChildren(QPushButton))


def test_grading_by_keyboard_to_release_and_correction(omar: Actor, seat) -> None:
    assignment = open_grading(omar, "Reading a Depth Profile")
    form = omar.page.form
    pick(omar, "Mia Larsen")
    omar.waits(lambda: omar.page.reader.pages > 0)
    omar.page.list.setFocus()
    omar.keys("G")
    assert form.points.hasFocus()
    QTest.keyClicks(form.points, "99")
    assert "more than the 25 possible" in form.problem.text()
    form.points.selectAll()
    QTest.keyClicks(form.points, "21.5")
    assert not form.problem.text()
    QTest.keyClick(form.points, Qt.Key.Key_Return)
    assert form.feedback.hasFocus()
    QTest.keyClicks(form.feedback, "jk zg: typed letters are text")
    assert form.feedback.toPlainText() == "jk zg: typed letters are text"
    QTest.keyClick(form.feedback, Qt.Key.Key_Escape)
    assert omar.page.list.hasFocus()
    omar.keys("C")
    omar.keys("Ctrl+Return")
    omar.settle()
    assert omar.page._row.name == "Yusuf Demir"
    assert form.points.hasFocus(), "the next student's points can be typed at once"
    QTest.keyClick(form.points, Qt.Key.Key_Escape)
    omar.waits(lambda: omar.page.list.rows.rows[0].state == GradeState.DRAFT)
    omar.keys("K")
    omar.settle()
    assert form.points.text() == "21.5"
    assert form.feedback.toPlainText() == "jk zg: typed letters are text"

    mia: Actor = seat("B").sign_in("mia")
    mia.press("nav.grades")
    line = next(row for row in mia.page.table.rows.rows if row.assignment == assignment)
    assert line.points is None, "a draft shows nothing to the student"

    pick(omar, "Zofia Nowak")
    omar.page.list.setFocus()
    omar.keys("G")
    QTest.keyClicks(form.points, "0")
    QTest.keyClick(form.points, Qt.Key.Key_Escape)
    omar.keys("R")
    dialog = omar.dialog("release")
    assert "2 will see their grade at once, 1 held." in omar.texts(dialog)
    omar.press("release.ok", settle=False)
    omar.closed("release")
    mia.waits(
        lambda: any(row.assignment == assignment and row.points == 2150 for row in mia.page.table.rows.rows)
    )
    mia.waits(lambda: mia.window.shell.badges["grades"].text() != "0")

    pick(omar, "Mia Larsen")
    omar.waits(lambda: omar.page._row.state == GradeState.RELEASED)
    omar.type("grading.points", "23")
    omar.press("grading.correct", settle=False)
    correction = omar.dialog("correction")
    assert "21.5" in omar.texts(correction)
    assert "23" in omar.texts(correction)
    omar.press("correction.ok", settle=False)
    omar.closed("correction")
    mia.waits(
        lambda: any(row.assignment == assignment and row.points == 2300 for row in mia.page.table.rows.rows)
    )
    mia.page.table.select(assignment)
    mia.reads("21.5 points")
    mia.reads("23 points")
    history = omar.run(
        grading_api.history(
            omar.window.session, assignment=assignment, student=mia.window.session.person.number
        )
    )
    assert [entry.value.points for entry in history if entry.released_ms] == [2300, 2150]


def test_a_draft_survives_the_end_of_the_app_without_leaving_the_student(seat) -> None:
    first: Actor = seat("C").sign_in("omar")
    assignment = open_grading(first, "Sorting by Hand")
    pick(first, "Yusuf Demir")
    first.type("grading.points", "11")
    first.type("grading.feedback", "half a thought")
    first.waits(lambda: not first.page._unkept)
    first.window.shell.close_shell()  # as a crash: nothing is put down in order
    again: Actor = seat("C").sign_in("omar")
    again.window.shell.go(Place("grading", assignment))
    again.settle()
    pick(again, "Yusuf Demir")
    assert again.page.form.points.text() == "11"
    assert again.page.form.feedback.toPlainText() == "half a thought"


def test_next_ungraded_goes_round_and_says_when_there_is_none(omar: Actor) -> None:
    open_grading(omar, "Sorting by Hand")
    assert not omar.page._next.isEnabled()
    omar.page.next_ungraded()
    omar.reads("No other work waits to be graded")


def test_the_gradebook_shows_what_the_grading_room_says(omar: Actor) -> None:
    card = first_course(omar)
    omar.window.shell.go(Place("gradebook", card.course, card.title))
    omar.settle()
    book = omar.run(gradebook_api.gradebook(omar.window.session, course=card.course))
    shown = omar.page.table.rows.rows
    assert [line.name for line in shown] == [line.name for line in book.lines]
    header = omar.page.table.rows.headerData(2, Qt.Orientation.Horizontal)
    assert book.columns[0].title in header
