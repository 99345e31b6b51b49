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
from lms_desktop.demo.school import DemoSchool
from lms_desktop.resources import resource
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
from lms_desktop.views.people import AddDialog, SlipsDialog
from lms_desktop.views.people_import import ImportDialog
from lms_desktop.views.release import CorrectionDialog
from lms_desktop.views.signin import LockView, PassphraseView
from lms_desktop.views.theme import PALETTES, prepare, theme
from lms_desktop.views.welcome import KitView, WelcomeView
from lms_desktop.views.window import AppWindow
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
    await camera.screen("reader", window, Place("material", material.material, material.title))
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
    await camera.screen("grades", window, Place("grades"))
    await camera.screen("settings", window, Place("settings"))
    shell.show_waiting()
    await camera.opened("waiting", window, "waiting")
    await window.finish()
    window.close()


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
