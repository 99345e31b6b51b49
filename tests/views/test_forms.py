"""Coming in, and the forms' own manners: keys, focus, what is wrong, nothing lost; all named."""

import sys
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QProgressBar, QWidget

from lms_desktop.client.errors import BadInput, SignInFailed
from lms_desktop.client.session import Person, Role
from lms_desktop.client.submit import Copy, Step
from lms_desktop.views.course import size_text
from lms_desktop.views.course_dialogs import DueEdit
from lms_desktop.views.dialogs import Dialog, field
from lms_desktop.views.dropzone import DropZone
from lms_desktop.views.messages import Messages
from lms_desktop.views.preferences import Preferences
from lms_desktop.views.progress import StageProgress
from lms_desktop.views.signin import LockView, PassphraseView, SignInView
from lms_desktop.views.welcome import WelcomeView
from lms_desktop.views.widgets import Banner, Scroll, button, label, named
from tests.views.gate import faults
from tests.views.runner import Runner, find


@pytest.fixture
def shown(dressed, qtbot):
    def show(view: QWidget) -> QWidget:
        qtbot.addWidget(view)
        view.resize(1280, 800)
        with qtbot.waitActive(view):
            view.show()
            view.activateWindow()
        return view

    return show


def test_sign_in_by_keyboard_alone(shown, qtbot) -> None:
    view = shown(SignInView())
    view.login.setFocus()
    QTest.keyClicks(view.login, "mia ")
    QTest.keyClick(view.login, Qt.Key.Key_Return)
    assert view.passphrase.hasFocus()
    QTest.keyClicks(view.passphrase, "four quiet words here")
    with qtbot.waitSignal(view.sign_in) as asked:
        QTest.keyClick(view.passphrase, Qt.Key.Key_Return)
    assert asked.args == ["mia", "four quiet words here"]
    assert not view.enter.isEnabled()


def test_a_passphrase_is_hidden_until_asked(shown) -> None:
    view = shown(SignInView())
    assert view.passphrase.echoMode() == QLineEdit.EchoMode.Password
    view.show_words.click()
    assert view.passphrase.echoMode() == QLineEdit.EchoMode.Normal


def test_a_failed_sign_in_says_why_and_keeps_the_login(shown) -> None:
    view = shown(SignInView())
    view.login.setText("mia")
    view.passphrase.setText("wrong")
    view.enter.click()
    view.fail(SignInFailed("The passphrase is not right.", next_step="Try again."))
    assert view.problem.text() == "The passphrase is not right. Try again."
    assert view.login.text() == "mia"
    assert view.passphrase.hasFocus()
    assert view.enter.isEnabled()


def test_an_empty_sign_in_asks_for_what_is_missing(shown, qtbot) -> None:
    view = shown(SignInView())
    with qtbot.assertNotEmitted(view.sign_in):
        view.enter.click()
    assert view.problem.isVisible()
    assert view.login.hasFocus()


def test_a_dialog_opens_in_its_first_field_and_tabs_on_to_the_buttons(shown, qtbot) -> None:
    view = shown(QWidget())
    dialog = Dialog(view, "sample", "Sample", "&Save", Messages(view))
    title, code = QLineEdit(), QLineEdit()
    dialog.add(field("&Title", title), field("&Code", code))
    dialog.main.setEnabled(False)
    with qtbot.waitActive(dialog):
        dialog.open()
    assert dialog.focusWidget() is title
    dialog.main.setEnabled(True)
    order = [title, code, dialog.cancel, dialog.main, title]
    assert dialog.focusWidget() is title
    for before, after in pairwise(order):
        QTest.keyClick(before, Qt.Key.Key_Tab)
        assert dialog.focusWidget() is after


def test_a_dialog_without_fields_opens_on_its_main_button(shown, qtbot) -> None:
    view = shown(QWidget())
    dialog = Dialog(view, "sample", "Sample", "&Save", Messages(view))
    with qtbot.waitActive(dialog):
        dialog.open()
    assert dialog.focusWidget() is dialog.main


def test_a_dialog_is_as_tall_as_its_lines_when_it_opens(shown) -> None:
    view = shown(QWidget())
    dialog = Dialog(view, "sample", "Sample", "&Save", Messages(view), width=860)
    banner = Banner("1 will see their grade at once, 1 held, 1 has it already.")
    dialog.add(banner)
    dialog.open()
    assert banner.height() == banner.heightForWidth(banner.width())


def test_a_page_whose_lines_fit_does_not_scroll(shown) -> None:
    sentence = "A sentence that wraps only where the page is narrow. " * 2
    page = shown(Scroll(*(label(sentence, wrap=True) for _ in range(8))))
    page.resize(1280, 330)
    assert page.widget().heightForWidth(page.viewport().width()) <= page.viewport().height()
    assert page.verticalScrollBar().maximum() == 0
    page.resize(1280, 120)
    assert page.verticalScrollBar().maximum() > 0


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (2_822, "2.8 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (340_499, "340 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1_250_001, "1.3 MB"),
    ],
)
def test_a_size_is_rounded_not_cut(size: int, text: str) -> None:
    assert size_text(size) == text


def test_a_due_time_that_has_passed_is_said_at_once(shown) -> None:
    due = shown(DueEdit("test.due", "Due", "Europe/Oslo"))
    assert not due.passed()
    due.setDateTime(due.dateTime().addDays(-8))
    assert due.passed()


def test_the_six_words_have_their_own_form(shown, qtbot) -> None:
    view = shown(SignInView())
    find(view, "signin.to_slip").click()
    assert view.words.hasFocus()
    QTest.keyClicks(view.words, "one two three four five six")
    with qtbot.waitSignal(view.use_slip) as asked:
        QTest.keyClick(view.words, Qt.Key.Key_Return)
    assert asked.args == ["one two three four five six"]


def test_a_passphrase_must_be_confirmed_and_can_be_copied(shown, qtbot) -> None:
    view = shown(PassphraseView("Mia Larsen", "mia", "marble lantern quiet orchard"))
    assert not view.go_on.isEnabled()
    view.copy.click()
    assert QGuiApplication.clipboard().text() == "marble lantern quiet orchard"
    view.written.click()
    with qtbot.waitSignal(view.confirmed):
        view.go_on.click()


def test_unlocking_asks_for_the_passphrase_only(shown, qtbot) -> None:
    view = shown(LockView(Person(7, "mia", "Mia Larsen", Role.STUDENT, 1)))
    view.passphrase.setFocus()
    QTest.keyClicks(view.passphrase, "words")
    with qtbot.waitSignal(view.unlock) as asked:
        QTest.keyClick(view.passphrase, Qt.Key.Key_Return)
    assert asked.args == ["words"]


def test_creating_a_school_names_what_is_missing(shown) -> None:
    view = shown(WelcomeView("PC-01"))
    find(view, "welcome.create").click()
    find(view, "welcome.create_now").click()
    assert view.create_problem.text() == "Fill in the school's name."
    assert view.school.hasFocus()
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert find(view, "welcome.join")


def test_the_demo_starts_as_a_program_of_its_own(shown, run: Runner, tmp_path: Path, monkeypatch) -> None:
    script = tmp_path / "demo.py"
    script.write_text(
        f"import sys, pathlib; pathlib.Path({str(tmp_path / 'verb')!r}).write_text(sys.argv[1])"
    )
    monkeypatch.setattr(
        "lms_desktop.views.welcome.child_command", lambda *words: [sys.executable, str(script), *words]
    )
    view = shown(WelcomeView("PC-01"))
    demo = find(view, "welcome.demo")
    demo.click()
    assert not demo.isEnabled(), "a second press starts no second demo"
    run.until(lambda: (tmp_path / "verb").exists() and (tmp_path / "verb").read_text() == "demo")


def test_a_demo_that_cannot_start_is_told(shown, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(
        "lms_desktop.views.welcome.child_command", lambda *words: [str(tmp_path / "missing"), *words]
    )
    view = shown(WelcomeView("PC-01"))
    find(view, "welcome.demo").click()
    assert "cannot be started" in " ".join(text.text() for text in view.findChildren(QLabel))
    assert find(view, "welcome.demo").isEnabled()


def test_a_dropped_file_and_a_chosen_one_are_the_same(shown, qtbot, tmp_path: Path) -> None:
    zone = shown(DropZone("test.drop", "Drop it here"))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "essay.pdf"))])
    with qtbot.waitSignal(zone.dropped) as dropped:
        zone.dropEvent(
            QDropEvent(
                QPointF(5, 5),
                Qt.DropAction.CopyAction,
                data,
                Qt.MouseButton.LeftButton,
                Qt.KeyboardModifier.NoModifier,
            )
        )
    assert dropped.args == [tmp_path / "essay.pdf"]


@pytest.fixture
def dialog(shown, run: Runner):
    parent = shown(QWidget())
    dialog = Dialog(parent, "test_dialog", "A question", "&Do it", Messages(parent))
    dialog.answer = named(QLineEdit(), "test_dialog.answer", "Answer")
    dialog.add(field("&Answer", dialog.answer))
    dialog.open()
    yield dialog
    parent.close()


def test_an_error_stays_in_the_dialog_and_nothing_typed_is_lost(dialog: Dialog, run: Runner) -> None:
    async def refuse() -> None:
        raise BadInput("This login is taken.", next_step="Choose another.")

    dialog.work = refuse
    dialog.answer.setText("mia")
    QTest.keyClick(dialog.answer, Qt.Key.Key_Return)
    run.until(lambda: dialog.problem.text())
    assert dialog.problem.text() == "This login is taken. Choose another."
    assert dialog.isVisible()
    assert dialog.answer.text() == "mia"
    assert dialog.main.isEnabled()


def test_work_that_succeeds_closes_the_dialog(dialog: Dialog, run: Runner, qtbot) -> None:
    done = []

    async def work() -> None:
        done.append(dialog.answer.text())

    dialog.work = work
    dialog.answer.setText("yes")
    closed: list[int] = []
    dialog.finished.connect(closed.append)
    QTest.keyClick(dialog.answer, Qt.Key.Key_Return)
    run.until(lambda: closed)
    assert done == ["yes"]


def test_escape_cancels_a_dialog(dialog: Dialog, run: Runner) -> None:
    closed: list[int] = []
    dialog.finished.connect(closed.append)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert closed == [0]


@pytest.mark.parametrize(
    "make",
    [
        SignInView,
        lambda: WelcomeView("PC-01"),
        lambda: PassphraseView("Mia Larsen", "mia", "marble lantern"),
        lambda: LockView(Person(7, "mia", "Mia Larsen", Role.STUDENT, 1)),
    ],
    ids=["sign in", "welcome", "passphrase", "lock"],
)
def test_every_widget_of_these_screens_has_its_names(shown, make) -> None:
    assert faults(shown(make())) == []


def test_the_gate_sees_a_nameless_button(shown) -> None:
    box = QWidget()
    inner = button("", "", symbol="plus", accessible="")
    inner.setParent(box)
    shown(box)
    assert len(faults(box)) == 2


def test_preferences_survive_and_nonsense_is_put_right(tmp_path: Path) -> None:
    first = Preferences(tmp_path)
    first.scheme = "dark"
    first.idle_minutes = 5
    del first
    assert Preferences(tmp_path).scheme == "dark"
    assert Preferences(tmp_path).idle_minutes == 5
    (tmp_path / "app.ini").write_text("[General]\nscheme=loud\nidle_minutes=-4\n")
    other = Preferences(tmp_path)
    assert (other.scheme, other.idle_minutes) == ("system", 10)


def test_a_new_hand_in_shows_no_copies_of_the_one_before(shown) -> None:
    view = shown(StageProgress())
    view.show_step(Step(None, 0, 0, (), (Copy("A", 9, 9), Copy("B", 9, 9))))
    assert len(view.findChildren(QProgressBar)) == 3
    view.show_step(Step(None, 1, 9, (), ()))
    assert [bar for bar in view.findChildren(QProgressBar) if bar.isVisible()] == [view.bar]
