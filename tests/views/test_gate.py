"""The gate on every screen and dialog: names for all that takes the focus, plain words, all by keyboard."""

import re
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog

from lms_desktop.client import course as courses_api
from lms_desktop.client.people import Slip
from lms_desktop.client.session import Role
from lms_desktop.client.tutor_settings import Setting
from lms_desktop.resources import resource
from lms_desktop.views.chooser import ChooserWindow
from lms_desktop.views.course_dialogs import (
    AssignmentDialog,
    CourseDialog,
    EnrolDialog,
    ExtendDialog,
    MaterialDialog,
)
from lms_desktop.views.machines import ProvisioningDialog
from lms_desktop.views.page import Place
from lms_desktop.views.page_picker import PagePickerDialog
from lms_desktop.views.people import AddDialog, SlipsDialog
from lms_desktop.views.shortcuts import ShortcutsDialog
from lms_desktop.views.tutor_settings import TutorSettingDialog
from lms_desktop.views.waiting import WaitingDialog
from tests.views.actor import Actor
from tests.views.gate import faults, interactive

SEATS = {"mia": "B", "omar": "C", "ines": "A"}


def first_course(actor: Actor) -> courses_api.CoursePage:
    cards = actor.run(courses_api.courses(actor.window.session))
    card = next(card for card in cards if card.title == "Introduction to Algorithms")
    return actor.run(courses_api.course_page(actor.window.session, course=card.course))


def places(actor: Actor) -> list[Place]:
    """Every place that this person can go to."""
    page = first_course(actor)
    course, assignment = Place("course", page.course), page.assignments[0].assignment
    material = Place("material", page.materials[0].material, page.materials[0].title, page.course)
    return {
        Role.STUDENT: [
            Place("student"),
            course,
            material,
            Place("assignment", assignment),
            Place("brief", assignment, "Task", page.course),
            Place("ask", page.course, page.title),
            Place("ask", page.course, page.title, assignment),
            Place("questions"),
            Place("grades"),
            Place("settings"),
        ],
        Role.INSTRUCTOR: [
            Place("instructor"),
            Place("courses"),
            course,
            material,
            Place("grading", assignment),
            Place("gradebook", page.course),
            Place("answering"),
            Place("tutor", page.course, page.title),
        ],
        Role.ADMINISTRATOR: [Place("administrator"), Place("people"), Place("machines"), course],
    }[actor.window.session.person.role]


@pytest.mark.parametrize("login", SEATS)
def test_every_screen_names_all_that_takes_the_focus(seat, login: str) -> None:
    actor: Actor = seat(SEATS[login]).sign_in(login)
    for place in places(actor):
        actor.window.shell.go(place)
        actor.settle()
        assert faults(actor.window) == [], place
        assert not re.search(r"\braft\b", actor.texts(), re.IGNORECASE)


@pytest.mark.parametrize("title", ["Search by Halves", "Sorting by Hand"])
def test_a_hand_in_under_review_passes_the_gate(seat, title: str) -> None:
    actor: Actor = seat("B").sign_in("mia")
    (card,) = (card for card in first_course(actor).assignments if card.title == title)
    actor.window.shell.go(Place("assignment", card.assignment))
    actor.settle()
    if not actor.page.hand_in.drop.isVisible():
        actor.page.hand_in.again.click()
        actor.waits(lambda: actor.page.hand_in.receipt_box.count())
        assert faults(actor.window) == []
    actor.page.hand_in.drop.dropped.emit(resource("courses", "sample-profile-1.pdf"))
    actor.waits(lambda: actor.page.hand_in.submit.isVisible())
    assert faults(actor.window) == []


DIALOGS: dict[str, tuple[str, Callable[[Actor], QDialog]]] = {
    "course": ("omar", lambda a: CourseDialog(a.window, a.page.context, None, lambda: None)),
    "material": ("omar", lambda a: MaterialDialog(a.window, a.page.context, 1, None, lambda: None)),
    "assignment": ("omar", lambda a: AssignmentDialog(a.window, a.page.context, 1, None, lambda: None)),
    "extension": (
        "omar",
        lambda a: ExtendDialog(
            a.window, a.page.context, first_course(a).assignments[0], first_course(a).members, lambda: None
        ),
    ),
    "enrol": ("omar", lambda a: EnrolDialog(a.window, a.page.context, first_course(a).course, lambda: None)),
    "person": ("ines", lambda a: AddDialog(a.window, a.page.context, lambda _: None)),
    "slips": (
        "ines",
        lambda a: SlipsDialog(a.window, a.page.context, (Slip("Nils", "nils", Role.STUDENT, "words", "S"),)),
    ),
    "provisioning": ("ines", lambda a: ProvisioningDialog(a.window, a.page.context)),
    "tutor setting": (
        "omar",
        lambda a: TutorSettingDialog(a.window, a.page.context, Setting(1, None, ""), lambda: None),
    ),
    "page picker": (
        "omar",
        lambda a: PagePickerDialog(a.window, a.page.context, first_course(a).course, lambda _: None),
    ),
    "waiting": ("omar", lambda a: WaitingDialog(a.window, a.window.session, a.window.messages)),
    "keys": ("omar", lambda a: ShortcutsDialog(a.window, a.window.messages, ())),
}


@pytest.mark.parametrize("login", ["omar", "ines"])
def test_every_dialog_passes_the_gate_and_closes_by_escape(seat, login: str) -> None:
    actor: Actor = seat(SEATS[login]).sign_in(login)
    for name, (whose, make) in DIALOGS.items():
        if whose == login:
            dialog = make(actor)
            dialog.open()
            actor.waits(lambda dialog=dialog: dialog.isVisible() and not dialog.tasks.running)
            assert faults(dialog) == [], name
            done: list[int] = []
            dialog.finished.connect(done.append)
            QTest.keyClick(dialog, Qt.Key.Key_Escape)
            if name == "slips":  # words that are not saved are given up only when asked twice
                assert not done
                QTest.keyClick(dialog, Qt.Key.Key_Escape)
            assert done == [0], name


def test_the_chooser_passes_the_gate(school, run, qtbot) -> None:
    chooser = ChooserWindow(school)
    qtbot.addWidget(chooser)
    chooser.show()
    run.until(lambda: not chooser.tasks.running)
    assert faults(chooser) == []
    chooser.finish()


def test_tab_goes_round_from_the_sidebar_over_the_header_to_the_screen_and_enter_presses(seat) -> None:
    actor: Actor = seat("B").sign_in("mia")
    wanted = {widget.objectName() for widget in interactive(actor.window) if widget.isEnabled()}
    actor.window.activateWindow()
    actor.waits(actor.window.isActiveWindow)
    actor.find("nav.student").setFocus()
    reached = ["nav.student"]
    while len(reached) <= len(wanted):
        QTest.keyClick(actor.window.focusWidget(), Qt.Key.Key_Tab)
        name = actor.window.focusWidget().objectName()
        if name == reached[0]:
            break
        reached.append(name)
    assert set(reached) == wanted
    order = [name.split(".")[0] for name in reached]
    assert order == sorted(order, key=["nav", "header", "page", "today"].index), reached
    QTest.keyClick(actor.window.focusWidget(), Qt.Key.Key_Backtab)
    assert actor.window.focusWidget().objectName() == reached[-1]

    actor.find("nav.grades").setFocus()
    QTest.keyClick(actor.find("nav.grades"), Qt.Key.Key_Return)
    actor.settle()
    actor.reads("My progress")
    assert actor.page.objectName() == "page.grades"
