"""A picture of every screen, light and dark, from a real school: `python -m tests.screens DIR [NAME ...]`.

With names, only the screens whose name contains one of them are written.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import qasync
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QApplication, QDialog, QTabWidget, QWidget

from lms_desktop.client import course as courses_api
from lms_desktop.client import people as people_api
from lms_desktop.client import submit as submit_api
from lms_desktop.client import today as today_api
from lms_desktop.client.questions import QuestionState
from lms_desktop.client.tutor import TutorState
from lms_desktop.client.tutor_settings import InForce, TutorMode
from lms_desktop.demo.school import DemoSchool
from lms_desktop.resources import resource
from lms_desktop.views.ask_state import of_exchange
from lms_desktop.views.chooser import ChooserWindow
from lms_desktop.views.course_dialogs import (
    AssignmentDialog,
    CourseDialog,
    EnrolDialog,
    ExtendDialog,
    MaterialDialog,
)
from lms_desktop.views.dialogs import Dialog
from lms_desktop.views.machines import ProvisioningDialog
from lms_desktop.views.page import Place
from lms_desktop.views.page_picker import PagePickerDialog
from lms_desktop.views.people import AddDialog, SlipsDialog
from lms_desktop.views.people_import import ImportDialog
from lms_desktop.views.release import CorrectionDialog
from lms_desktop.views.signin import LockView, PassphraseView
from lms_desktop.views.theme import PALETTES, prepare, theme
from lms_desktop.views.tutor_settings import TutorSettingDialog
from lms_desktop.views.welcome import KitView, WelcomeView
from lms_desktop.views.window import AppWindow
from tests.views import talks
from tests.views.school import SEED_S, SIZE, open_window, page_of, person, quiet, settled

ROSTER = "name;login;room\nNils Holm;nils;12\n;nobody;12\nAda Berg;ada;14\nMia Again;mia;12\n"
WORDS = "marble-lantern-quiet-orchard"


class Camera:
    """Writes the pictures of one scheme."""

    def __init__(self, folder: Path, wanted: list[str]) -> None:
        self._folder = folder
        self._wanted = wanted
        self.taken: list[Path] = []

    def shoot(self, name: str, widget: QWidget, dialog: QDialog | None = None) -> None:
        """Write `widget`, with `dialog` over its middle."""
        if self._wanted and not any(part in name for part in self._wanted):
            return
        picture = widget.grab()
        if dialog is not None:
            painter = QPainter(picture)
            painter.fillRect(picture.rect(), QColor(0, 0, 0, 96))
            room = picture.rect().center() - dialog.rect().center()
            painter.drawPixmap(QPoint(room.x(), room.y()), dialog.grab())
            painter.end()
        target = self._folder / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        if not picture.save(str(target)):
            raise OSError(f"cannot write {target}")
        self.taken.append(target)

    async def view(self, name: str, view: QWidget) -> None:
        """Show a view by itself and write it."""
        view.resize(*SIZE)
        view.show()
        await quiet(view.isVisible)
        self.shoot(name, view)
        view.close()

    async def dialog(self, name: str, window: AppWindow, dialog: QDialog) -> None:
        """Open a dialog over a window, write both, close it."""
        dialog.open()
        await self.opened(name, window, dialog.objectName())

    async def opened(self, name: str, window: AppWindow, dialog_name: str) -> None:
        """Write a dialog that is opening over its window, and close it."""
        await quiet(lambda: loaded_dialog(window, dialog_name) is not None)
        dialog = loaded_dialog(window, dialog_name)
        assert dialog is not None
        self.shoot(name, window, dialog)
        dialog.reject()

    async def screen(self, name: str, window: AppWindow, place: Place) -> None:
        """Go somewhere and write the window."""
        assert window.shell is not None
        window.shell.go(place)
        await quiet(lambda: settled(window))
        self.shoot(name, window)


def loaded_dialog(window: AppWindow, name: str) -> Dialog | None:
    """The open dialog of that name, once nothing is under way in it."""
    for dialog in window.findChildren(Dialog, name):
        if dialog.isVisible() and not dialog.tasks.running:
            return dialog
    return None


async def sign_in(school: DemoSchool, window: AppWindow, login: str) -> None:
    """Sign in by the form."""
    view = window.sign_in_view
    view.login.setText(login)
    view.passphrase.setText(person(school, login).passphrase)
    view.enter.click()
    await quiet(lambda: settled(window))


async def before_sign_in(camera: Camera, school: DemoSchool) -> None:
    """What is seen before anybody is signed in."""
    welcome = WelcomeView("PC-01")
    for page, name in enumerate(("welcome", "create-school", "join-school")):
        welcome.turn_to(page)
        await camera.view(name, welcome)
    await camera.view("recovery-kit", KitView(Path("/home/ines/Documents/recovery-kit.pdf")))
    await camera.view("passphrase", PassphraseView("Mia Larsen", "mia", WORDS))
    window = open_window(school, "B")
    await quiet(lambda: not window.tasks.running)
    camera.shoot("sign-in", window)
    window.sign_in_view.show_slip(True)
    camera.shoot("first-sign-in", window)
    window.close()


async def student(camera: Camera, school: DemoSchool) -> None:
    """Mia, at B."""
    window = open_window(school, "B")
    await sign_in(school, window, "mia")
    session, shell = window.session, window.shell
    assert session is not None
    assert shell is not None
    camera.shoot("student-today", window)
    await camera.view("lock", LockView(session.person))
    first, *_ = await courses_api.courses(session)
    page = await courses_api.course_page(session, course=first.course)
    await camera.screen("student-course", window, Place("course", first.course))
    material = page.materials[0]
    await camera.screen("reader", window, Place("material", material.material, material.title, first.course))
    today = await today_api.student_today(session)
    due = today.due[0]
    await camera.screen("assignment", window, Place("assignment", due.assignment, due.course_title))
    sample = resource("courses", "sample-halving-1.pdf")
    checked = await submit_api.check(session, assignment=due.assignment, path=sample)
    hand_in = page_of(window).hand_in
    hand_in.show_checked(checked)
    camera.shoot("hand-in-check", window)
    hand_in.start_over()
    done = next(item for item in page.assignments if item.submitted)
    await camera.screen("handed-in", window, Place("assignment", done.assignment, page.title))
    await asking(camera, window, Place("ask", first.course, page.title, due.assignment), material.material)
    await camera.screen("questions-empty", window, Place("questions"))
    questions = page_of(window)
    mine = (talks.card(state=QuestionState.ANSWERED, unread=1), talks.card(22, text=talks.ARABIC))
    questions.show_questions(mine, (talks.class_answer(), talks.class_answer(42, title=talks.LONG[:200])))
    questions.tasks.cancel()
    questions.show_thread(talks.thread(mine[0], answered=True))
    await asyncio.sleep(0.2)
    camera.shoot("questions", window)
    questions.tabs.setCurrentIndex(1)
    questions._on_answer(talks.class_answer(unread=False))
    await asyncio.sleep(0.2)
    camera.shoot("questions-class", window)
    await camera.screen("grades", window, Place("grades"))
    await camera.screen("settings", window, Place("settings"))
    shell.show_waiting()
    await camera.opened("waiting", window, "waiting")
    await window.finish()
    window.close()


async def asking(camera: Camera, window: AppWindow, place: Place, material: int) -> None:
    """The tutor's screen: what the client may tell, one after the other."""
    await camera.screen("ask-empty", window, place)
    page = page_of(window)
    for name, state in talks.states().items():
        page.new_conversation()
        await quiet(lambda: settled(window))
        page.show_tutor(TutorState("host", "B", "generative", "gpt2-sample", "ready", 0, 4, 4, ""))
        page.show_force(InForce(TutorMode.ON, "", None, 60, ""))
        page._talk.states.append(state)
        page._on_change(0)
        await asyncio.sleep(0.2)
        camera.shoot(f"ask-{name}", window)
    page.composer.setPlainText("May the list hold the same number more than once?")
    page._answers = (talks.class_answer(),)
    page._on_edit()
    page.open_source(talks.source(document=material))
    await quiet(lambda: settled(window))
    await asyncio.sleep(0.3)
    camera.shoot("ask-cited", window)
    page.cited.close_panel()
    page.show_force(
        InForce(TutorMode.OFF, "Test on Friday", talks.NOW, 60, "The tutor is switched off: Test on Friday.")
    )
    page.show_tutor(TutorState("host", "B", "", "", "indexing", 0, 2, 4, ""))
    page._talk.states.append(talks.states()["answered"])
    page._on_change(1)
    page._talk.states.append(of_exchange(talks.exchange(talks.LONG, text=talks.ARABIC * 3, unsupported=())))
    page._on_change(2)
    page.composer.setPlainText(talks.LONG + " and more")
    await asyncio.sleep(0.2)
    page._scroll.verticalScrollBar().setValue(page._scroll.verticalScrollBar().maximum())
    await asyncio.sleep(0.2)
    camera.shoot("ask-off-long", window)
    page.composer.setPlainText("Who won the match?")
    page.ask_instructor(talks.states()["declined"])
    await camera.opened("ask-instructor", window, "ask_instructor")
    page._earlier = (talks.conversation_card(), talks.conversation_card(2, first=talks.LONG))
    page.show_earlier()
    await camera.opened("ask-earlier", window, "conversations")
    page.composer.clear()
    page.new_conversation()


async def answering(camera: Camera, window: AppWindow, course: int, title: str) -> None:
    """Omar's questions and his tutor."""
    assert window.shell is not None
    await camera.screen("answering-empty", window, Place("answering"))
    page = page_of(window)
    cards = (
        talks.card(text=talks.LONG),
        talks.card(22, name=talks.LONG_NAME, text=talks.ARABIC, age="5 hours"),
        talks.card(23, age="20 minutes"),
    )
    page.show_questions(cards)
    page.tasks.cancel()
    page.show_thread(talks.thread(cards[2]))
    page.reply.text.setPlainText("Yes. Say which of the two your search finds.")
    page.reply.add_page(talks.source())
    await asyncio.sleep(0.2)
    camera.shoot("answering", window)
    page.reply.to_class.setChecked(True)
    page.thread_view._toggle_talk()
    await asyncio.sleep(0.2)
    camera.shoot("answering-class", window)
    page.reply.text.clear()
    await camera.dialog(
        "page-picker", window, PagePickerDialog(window, window.shell.context, course, lambda _: None)
    )
    await camera.screen("tutor-asked-empty", window, Place("tutor", course, title))
    page = page_of(window)
    page.asked.show_cards(
        title,
        (
            talks.conversation_card(declined=1),
            talks.conversation_card(2, name=talks.LONG_NAME, author=7, first=talks.LONG),
        ),
    )
    page.tasks.cancel()
    page.asked.show_conversation(
        talks.conversation(talks.exchange(), talks.exchange("Who won?", **talks.DECLINED))
    )
    await asyncio.sleep(0.2)
    camera.shoot("tutor-asked", window)
    page.tabs.setCurrentIndex(1)
    await asyncio.sleep(0.2)
    camera.shoot("tutor-settings", window)
    setting = page.settings.rows.rows[1]
    await camera.dialog(
        "tutor-setting", window, TutorSettingDialog(window, window.shell.context, setting, lambda: None)
    )


async def instructor(camera: Camera, school: DemoSchool) -> None:
    """Omar, at C."""
    window = open_window(school, "C")
    await sign_in(school, window, "omar")
    session, shell = window.session, window.shell
    assert session is not None
    assert shell is not None
    camera.shoot("instructor-today", window)
    first, *_ = await courses_api.courses(session)
    page = await courses_api.course_page(session, course=first.course)
    await camera.screen("course-assignments", window, Place("course", first.course))
    tabs = window.findChild(QTabWidget, "course.tabs")
    for number, name in ((1, "course-materials"), (2, "course-people")):
        tabs.setCurrentIndex(number)
        await quiet(lambda: settled(window))
        camera.shoot(name, window)
    context = shell.context
    card, students = page.assignments[0], tuple(member for member in page.members if not member.staff)
    for name, dialog in (
        ("course-dialog", CourseDialog(window, context, page, lambda: None)),
        ("material-dialog", MaterialDialog(window, context, first.course, page.materials[0], lambda: None)),
        ("assignment-dialog", AssignmentDialog(window, context, first.course, card, lambda: None)),
        ("extension-dialog", ExtendDialog(window, context, card, students, lambda: None)),
        ("enrol-dialog", EnrolDialog(window, context, first.course, lambda: None)),
    ):
        await camera.dialog(name, window, dialog)
    await camera.screen("courses", window, Place("courses"))
    place = Place("grading", page.assignments[0].assignment, page.title)
    await camera.screen("grading", window, place)
    shell.show_keys()
    await camera.opened("keyboard", window, "shortcuts")
    grading = page_of(window)
    grading.form.points.setText("17.5")
    grading.form.points.textEdited.emit("17.5")
    grading.form.feedback.setPlainText("Good: every step is shown. Say in part B why the loop must end.")
    grading.release()
    await camera.opened("release", window, "release")
    rows = grading.list.rows.rows
    graded = next(row for row in rows if row.shown is not None)
    dialog = CorrectionDialog(window, context, place.key, graded, 1900, "Part B is right after all.")
    await camera.dialog("correction", window, dialog)
    grading.list.select(next(row.student for row in rows if not row.versions))
    await quiet(lambda: settled(window))
    camera.shoot("grading-nothing-handed-in", window)
    await camera.screen("gradebook", window, Place("gradebook", first.course, page.title))
    await answering(camera, window, first.course, page.title)
    await window.finish()
    window.close()


async def administrator(camera: Camera, school: DemoSchool, folder: Path) -> None:
    """Ines, at A."""
    window = open_window(school, "A")
    await sign_in(school, window, "ines")
    session, shell = window.session, window.shell
    assert session is not None
    assert shell is not None
    camera.shoot("administrator-today", window)
    await camera.screen("people", window, Place("people"))
    roster = folder / "class-2b.csv"
    roster.write_text(ROSTER, "utf-8")
    preview = await people_api.preview_roster(session, path=roster)
    await camera.dialog("import", window, ImportDialog(window, shell.context, preview, lambda _: None))
    slips = tuple(
        people_api.Slip(new.name, new.login, new.role, "marble lantern quiet orchard tunnel breeze", "")
        for new in preview.add
    )
    await camera.dialog("person-dialog", window, AddDialog(window, shell.context, lambda _: None))
    await camera.dialog("slips", window, SlipsDialog(window, shell.context, slips))
    await camera.screen("machines", window, Place("machines"))
    await camera.dialog("provisioning", window, ProvisioningDialog(window, shell.context))
    await window.finish()
    window.close()


async def chooser(camera: Camera, school: DemoSchool) -> None:
    """The demo's first window."""
    window = ChooserWindow(school)
    window.show()
    await quiet(lambda: not window.tasks.running)
    camera.shoot("demo-chooser", window)
    window.finish()
    window.close()


async def take_all(folder: Path, wanted: list[str], say: Callable[[str], None]) -> list[Path]:
    """Seed a school and write every picture; returns their paths."""
    taken: list[Path] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
        school = DemoSchool(Path(work))
        try:
            await asyncio.wait_for(school.seed(say), SEED_S)
            for scheme in PALETTES:
                theme.apply(scheme)
                camera = Camera(folder / scheme, wanted)
                await before_sign_in(camera, school)
                await student(camera, school)
                await instructor(camera, school)
                await administrator(camera, school, Path(work))
                await chooser(camera, school)
                taken += camera.taken
        finally:
            await asyncio.to_thread(school.close)
    return taken


def main(arguments: list[str]) -> int:
    """Run from the command line; returns the exit status."""
    if not arguments:
        print(__doc__)
        return 2
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    prepare(app)
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        taken = loop.run_until_complete(take_all(Path(arguments[0]), arguments[1:], print))
    print(f"{len(taken)} pictures in {arguments[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
