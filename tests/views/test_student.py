"""A student at a seat, in a real window on a real node: sign in, read, hand in, grades, lock."""

import hashlib
from pathlib import Path

import pytest
from pypdf import PdfReader
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from lms_desktop.client.submit import Preflight
from lms_desktop.resources import resource
from lms_desktop.trust.primitives import random_bytes
from lms_desktop.views.page import Place
from lms_desktop.views.signin import LockView
from tests.views.actor import Actor
from tests.views.gate import faults
from tests.views.school import person

SAMPLE = resource("courses", "sample-profile-1.pdf")
OTHER = resource("courses", "sample-profile-2.pdf")


@pytest.fixture
def mia(seat) -> Actor:
    return seat("B").sign_in("mia")


def test_a_wrong_passphrase_is_told_and_the_right_one_enters(seat, school) -> None:
    actor = seat("C")
    view = actor.window.sign_in_view
    actor.waits(lambda: not actor.window.tasks.running)
    view.login.setText("zofia")
    view.passphrase.setText("these are not the words")
    view.enter.click()
    actor.waits(lambda: view.problem.isVisible())
    assert "passphrase is not right" in view.problem.text()
    assert actor.window.session is None
    view.passphrase.setText(person(school, "zofia").passphrase)
    view.enter.click()
    actor.settle()
    actor.reads("Zofia")


def test_today_shows_what_is_due_and_new_in_the_schools_words(mia: Actor) -> None:
    texts = mia.texts()
    assert "Good" in texts
    assert "days to submit" in texts
    assert "New material" in texts
    assert "My progress" in texts


def test_the_focus_stays_on_its_row_when_the_screen_loads_again(mia: Actor) -> None:
    rows = [row for row in mia.page.findChildren(QPushButton) if row.objectName().startswith("today.due.")]
    name = rows[-1].objectName()
    rows[-1].setFocus()
    mia.keys("F5")
    mia.settle()
    mia.waits(lambda: mia.window.focusWidget().objectName() == name)
    assert mia.window.focusWidget() is not rows[-1]


def test_reading_a_material_marks_it_read_and_a_copy_can_be_kept(mia: Actor, tmp_path: Path) -> None:
    row = next(
        widget
        for widget in mia.page.findChildren(QPushButton)
        if widget.objectName().startswith("today.material.")
    )
    number = row.objectName().split(".")[-1]
    row.click()
    mia.settle()
    mia.waits(lambda: mia.page.reader.pages > 1)
    mia.press("reader.save", settle=False)
    mia.choose_file(tmp_path / "copy.pdf")
    mia.waits(lambda: (tmp_path / "copy.pdf").exists())
    assert (tmp_path / "copy.pdf").read_bytes().startswith(b"%PDF")
    mia.window.shell.back()
    mia.settle()
    mia.waits(lambda: not mia.page.findChildren(type(row), f"today.material.{number}"))


def open_due(actor: Actor) -> None:
    """Open the first assignment that is due on Today."""
    due = next(
        widget
        for widget in actor.page.findChildren(QPushButton)
        if widget.objectName().startswith("today.due.")
    )
    due.click()
    actor.settle()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty (work.pdf)."),
        (b"just text, no PDF", "The file is not a PDF (work.pdf)."),
        (SAMPLE.read_bytes()[:2000], "cut off"),
    ],
    ids=["empty", "text", "truncated"],
)
def test_a_bad_file_is_told_before_anything_is_sent(
    mia: Actor, tmp_path: Path, content: bytes, sentence: str
) -> None:
    open_due(mia)
    bad = tmp_path / "work.pdf"
    bad.write_bytes(content)
    mia.page.hand_in.drop.dropped.emit(bad)
    mia.waits(lambda: mia.page.hand_in.problem.isVisible())
    assert sentence in mia.page.hand_in.problem.text()
    assert mia.page.hand_in.drop.isVisible()
    assert mia.page.hand_in.drop.isEnabled()
    assert mia.window.focusWidget() is mia.page.hand_in.drop.choose


def test_handing_in_to_the_receipt_and_again(seat, tmp_path: Path) -> None:
    actor: Actor = seat("C").sign_in("yusuf")
    open_due(actor)
    hand_in = actor.page.hand_in
    actor.press("handin.drop.choose", settle=False)
    actor.choose_file(SAMPLE)
    actor.waits(lambda: hand_in.submit.isVisible())
    assert "2 pages" in actor.texts(hand_in)
    actor.type("handin.note", "Part C is short, sorry.")
    steps: list[int] = []
    shown = hand_in.progress.show_step
    hand_in.progress.show_step = lambda step: (shown(step), steps.append(hand_in.progress.reached))
    QTest.keyClick(hand_in.submit, Qt.Key.Key_Space)
    actor.reads("RECEIPT")
    assert steps == sorted(steps), "progress never goes back"
    assert steps[-1] == 4
    card = hand_in.receipt_box.itemAt(0).widget()
    assert "Safe on" in actor.texts(card)
    assert SAMPLE.name in actor.texts(card)
    actor.press("receipt.save", settle=False)
    actor.choose_file(tmp_path / "receipt.pdf")
    actor.waits(lambda: (tmp_path / "receipt.pdf").exists())
    (page,) = PdfReader(tmp_path / "receipt.pdf").pages
    assert actor.window.session.school in page.extract_text()

    actor.settle()
    actor.press("handin.again", settle=False)
    hand_in.drop.dropped.emit(SAMPLE)
    actor.waits(lambda: hand_in.submit.isVisible())
    assert not hand_in.submit.isEnabled(), "the same file again is no new version"
    assert "same file" in actor.texts(hand_in)
    hand_in.start_over()
    actor.press("handin.again", settle=False)
    hand_in.drop.dropped.emit(OTHER)
    actor.waits(lambda: hand_in.submit.isVisible() and hand_in.submit.isEnabled())
    assert "Replaces version 1" in actor.texts(hand_in)
    hand_in.submit.click()
    actor.reads("Version 2")
    actor.settle()
    actor.press("assignment.version.1")
    actor.waits(lambda: actor.page.reader.pages == 2)
    actor.reads("Part C is short, sorry.")


def test_leaving_the_screen_does_not_stop_a_hand_in(seat) -> None:
    actor: Actor = seat("A").sign_in("zofia")
    open_due(actor)
    assignment = actor.page._assignment
    hand_in = actor.page.hand_in
    hand_in.drop.dropped.emit(OTHER)
    actor.waits(lambda: hand_in.submit.isVisible())
    assert isinstance(hand_in._checked, Preflight)
    hand_in.submit.click()
    actor.window.shell.go(Place("grades"))
    actor.settle()
    actor.window.shell.go(Place("assignment", assignment))
    actor.reads("RECEIPT")


def test_a_hand_in_that_was_cut_off_is_counted_and_goes_on_at_the_next_sign_in(seat) -> None:
    actor: Actor = seat("A").sign_in("zofia")
    open_due(actor)
    assignment, title = actor.page._assignment, actor.page._page.title
    session, lane = actor.window.session, random_bytes(16)
    cut = (assignment, title, "", str(SAMPLE), hashlib.sha256(SAMPLE.read_bytes()).digest(), lane)
    session.drafts.keep(f"submit/{lane.hex()}", cut)  # as `submit` leaves it when the app dies while sealing
    actor.window.shell.refresh_status()
    actor.waits(lambda: "1 item waiting" in actor.window.shell.status.text())
    actor.press("header.status", settle=False)
    table = actor.find("waiting.items")
    actor.waits(lambda: table.rows.rows)
    assert [row.text for row in table.rows.rows] == ["Only on this computer"]
    assert title in table.rows.rows[0].label
    actor.leave()

    again: Actor = seat("A").sign_in("zofia")
    again.window.shell.go(Place("assignment", assignment))
    again.reads("RECEIPT")
    again.waits(lambda: "All work safe" in again.window.shell.status.text())
    assert any("goes on" in message.text for message in again.window.messages.history)


def test_opening_a_grade_takes_the_badge_away(mia: Actor) -> None:
    badge = mia.window.shell.badges["grades"]
    mia.press("nav.grades")
    mia.reads("A clear trace.")
    assert "18 of 20" in mia.texts()
    mia.waits(lambda: not badge.isVisible())


def test_the_lock_wipes_the_keys_and_the_screen_and_brings_both_back(mia: Actor, school) -> None:
    mia.press("nav.grades")
    session = mia.window.session
    mia.window.messages.info("Only Mia may read this")
    mia.keys("Ctrl+L")
    mia.waits(lambda: session.locked)
    assert not mia.window.toasts.shown()
    assert mia.window.shell.page is None
    assert "Grades" not in mia.texts()
    lock = mia.window.findChild(LockView)
    lock.passphrase.setText("wrong")
    lock.enter.click()
    mia.waits(lambda: lock.problem.isVisible())
    assert session.locked
    lock.passphrase.setText(person(school, "mia").passphrase)
    lock.enter.click()
    mia.waits(lambda: not session.locked)
    mia.settle()
    mia.reads("Grades")


def test_an_idle_seat_locks_by_itself(mia: Actor) -> None:
    session = mia.window.session
    mia.window._idle._minutes = lambda: 0.001
    mia.window._idle.restart()
    mia.waits(lambda: session.locked)


def test_another_person_takes_over_the_seat(mia: Actor, school) -> None:
    first = mia.window.session
    mia.window.shell.leaving.emit("switch")
    mia.waits(lambda: first.locked)
    assert mia.find("signin.back_to_locked").text().strip() == "Back to Mia Larsen (locked)"
    mia.sign_in("omar")
    assert mia.window.session.person.login == "omar"
    mia.reads("To grade")
    assert first.locked


def test_what_the_app_said_is_kept_until_the_person_leaves(mia: Actor) -> None:
    mia.window.messages.info("The receipt's code is copied")
    mia.window.shell.show_inbox()
    (message,) = mia.find("inbox.messages").rows.rows
    assert message.text == "The receipt's code is copied"
    assert faults(mia.dialog("inbox")) == []
    mia.press("inbox.ok", settle=False)
    mia.closed("inbox")
    mia.window.sign_out()
    mia.waits(lambda: mia.window.session is None)
    assert not mia.window.messages.history


def test_signing_out_leaves_nothing_behind(mia: Actor) -> None:
    session = mia.window.session
    mia.keys("Ctrl+Shift+Q")
    mia.waits(lambda: mia.window.session is None)
    mia.waits(lambda: mia.window.sign_in_view.isVisible())
    assert session.locked
    assert mia.window.shell is None
    assert mia.window.sign_in_view.passphrase.text() == ""
