"""The route to the person: notes go, errors stay with what to do and what to copy."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from lms_desktop.client.errors import BadFile, BadInput, NodeUnreachable, SignedOut
from lms_desktop.views.messages import MAX_KEPT, MAX_SHOWN, Action, Messages, Toasts, explain
from lms_desktop.views.tasks import Tasks
from tests.views.gate import faults
from tests.views.runner import Runner, find


@pytest.fixture
def window(dressed, qtbot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.route = Messages(window)
    window.toasts = Toasts(window, window.route)
    window.show()
    return window


def test_an_expected_error_says_what_where_and_what_to_do(window: QWidget) -> None:
    window.route.error(BadFile("The file is empty.", where="essay.pdf", next_step="Save it again."))
    (toast,) = window.toasts.shown()
    assert toast.message.text == "The file is empty (essay.pdf)."
    assert toast.message.hint == "Save it again."
    assert not toast.message.details


def test_a_fault_of_ours_shows_no_traceback_unless_asked_and_copies_it(window: QWidget, caplog) -> None:
    try:
        raise KeyError("passport")
    except KeyError as error:
        window.route.error(error)
    (toast,) = window.toasts.shown()
    assert "Traceback" not in toast.message.text + toast.message.hint
    assert not [text for text in window.findChildren(QPlainTextEdit) if text.isVisible()]
    find(window, "toast.details").click()
    assert "KeyError: 'passport'" in find(window, "toast.details_text").toPlainText()
    find(window, "toast.copy").click()
    assert "KeyError: 'passport'" in QGuiApplication.clipboard().text()
    assert any(record.exc_info for record in caplog.records), "the fault is in the log too"


def test_notes_pass_and_errors_stay(window: QWidget) -> None:
    window.route.success("Saved")
    window.route.error(NodeUnreachable("The service does not answer."))
    stays = [toast.message.stays for toast in window.toasts.shown()]
    assert stays == [False, True]


def test_escape_closes_the_newest_message(window: QWidget) -> None:
    window.route.error(NodeUnreachable("The service does not answer."))
    window.route.error(BadFile("The file is empty."))
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert [toast.message.text for toast in window.toasts.shown()] == ["The service does not answer."]
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not window.toasts.shown()


def test_an_error_goes_once_the_same_work_succeeds(window: QWidget, run: Runner) -> None:
    tasks = Tasks(window.route)
    reads = iter([BadInput("Line 1: the column name is missing."), None])

    async def read() -> None:
        if error := next(reads):
            raise error

    async def other() -> None:
        pass

    run(tasks.start(read()))
    run(tasks.start(other()))
    assert [toast.message.text for toast in window.toasts.shown()] == ["Line 1: the column name is missing."]
    run(tasks.start(read()))
    assert not window.toasts.shown()
    assert len(window.route.history) == 1, "the inbox keeps it"


def test_that_the_seat_was_locked_meanwhile_is_no_error(window: QWidget, run: Runner) -> None:
    async def read() -> None:
        raise SignedOut("This seat is locked.")

    run(Tasks(window.route).start(read()))
    assert not window.toasts.shown()
    assert not window.route.history


def test_the_corner_is_bounded_and_drops_notes_before_errors(window: QWidget) -> None:
    window.route.error(NodeUnreachable("The service does not answer."))
    for number in range(MAX_SHOWN + 3):
        window.route.info(f"note {number}")
    shown = [toast.message.text for toast in window.toasts.shown()]
    assert len(shown) == MAX_SHOWN
    assert shown[0] == "The service does not answer."
    for number in range(MAX_KEPT + 5):
        window.route.info(f"more {number}")
    assert len(window.route.history) == MAX_KEPT


def test_toasts_lie_in_the_corner_one_under_the_other(window: QWidget) -> None:
    window.route.success("Handed in", hint="Safe on three machines.")
    window.route.error(NodeUnreachable("It does not answer.", next_step="Wait a moment and try again. " * 4))
    first, second = (toast.geometry() for toast in window.toasts.shown())
    assert first.bottom() < second.top()
    corner = window.toasts.geometry().bottomRight()
    assert window.rect().contains(corner)
    window.resize(1000, 700)
    assert window.rect().contains(window.toasts.geometry().bottomRight())


def test_an_action_runs_and_closes_its_note(window: QWidget) -> None:
    done = []
    window.route.info("Cut off", action=Action("Forget it", lambda: done.append(True)))
    find(window, "toast.action").click()
    assert done == [True]
    assert not window.toasts.shown()


def test_every_button_of_a_message_has_its_names(window: QWidget) -> None:
    window.route.error(ValueError("x"))
    assert faults(window) == []


def test_explain_keeps_the_details_apart() -> None:
    message = explain(ZeroDivisionError("division by zero"))
    assert "ZeroDivisionError" in message.details
    assert "ZeroDivisionError" not in message.text
