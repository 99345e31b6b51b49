"""The dialogs of a course's staff: the course itself, a material, an assignment, an extension, enrolment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from PySide6.QtCore import QDate, QDateTime, Qt, QTime, QTimeZone
from PySide6.QtWidgets import (
    QComboBox,
    QDateTimeEdit,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QWidget,
)

from lms_desktop.client import course as api
from lms_desktop.client.errors import BadInput
from lms_desktop.client.points import parse_points, points_text
from lms_desktop.school import deadlines, limits
from lms_desktop.views.dialogs import Dialog, field, open_file
from lms_desktop.views.page import Context
from lms_desktop.views.times import local
from lms_desktop.views.widgets import Banner, button, label, named, row

PDF_FILES = "PDF documents (*.pdf)"


class DueEdit(QDateTimeEdit):
    """A date and time on the school's clock, whatever this computer's zone is."""

    def __init__(self, object_name: str, accessible: str, zone: str, ms: int | None = None) -> None:
        super().__init__()
        named(self, object_name, accessible)
        self._zone = zone
        # UTC only keeps Qt from bending the wall clock by this computer's own summer time.
        self.setTimeZone(QTimeZone(QTimeZone.Initialization.UTC))
        self.setDisplayFormat("ddd d MMM yyyy, HH:mm")
        self.setCalendarPopup(True)
        self.setMinimumWidth(220)
        start = local(ms, zone) if ms is not None else self._next_week()
        self.setDateTime(
            QDateTime(
                QDate(start.year, start.month, start.day),
                QTime(start.hour, start.minute),
                QTimeZone(QTimeZone.Initialization.UTC),
            )
        )

    def _next_week(self) -> datetime:
        then = datetime.now(ZoneInfo(self._zone)) + timedelta(days=7)
        return then.replace(hour=17, minute=0)

    def _clock(self) -> datetime:
        date, time = self.date(), self.time()
        return datetime(date.year(), date.month(), date.day(), time.hour(), time.minute())

    def passed(self) -> bool:
        """True once the chosen time is behind this computer's clock: said to people, never judged by."""
        return self._clock() <= datetime.now(ZoneInfo(self._zone)).replace(tzinfo=None)

    def ms(self) -> int:
        """The chosen moment in UTC milliseconds. Raises BadInput for a time that the zone skips."""
        try:
            return deadlines.from_local(self._clock(), self._zone)
        except deadlines.TimeSkipped as error:
            self.setFocus()
            raise BadInput(str(error)) from error


class FileField(QWidget):
    """A PDF to choose: its name, and a button."""

    def __init__(self, object_name: str, accessible: str, empty: str) -> None:
        super().__init__()
        self.path: Path | None = None
        self._name: QLabel = label(empty, "muted")
        self.choose: QPushButton = button(
            "C&hoose a PDF ...",
            f"{object_name}.choose",
            symbol="file",
            accessible=accessible,
            on_click=self._choose,
        )
        self.setLayout(row(self.choose, self._name, None))
        self.chosen: Callable[[Path], None] | None = None

    def _choose(self) -> None:
        open_file(self, "Choose a PDF", PDF_FILES, self.set_path)

    def set_path(self, path: Path) -> None:
        """Take a file as chosen."""
        self.path = path
        self._name.setText(path.name)
        if self.chosen is not None:
            self.chosen(path)


class _CourseDialog(Dialog):
    """What these dialogs share: the context and what to do once the work is done."""

    def __init__(
        self, parent: QWidget, context: Context, name: str, title: str, main: str, then: Callable[[], None]
    ) -> None:
        super().__init__(parent, name, title, main, context.messages)
        self.context = context
        self.session = context.session
        self.work = self.send
        self.accepted.connect(then)

    async def send(self) -> None:
        """Hand over what was filled in."""

    def warn_when_passed(self, due: DueEdit, banner: Banner, sentence: str) -> None:
        """Say `sentence` for as long as a due time is chosen that has passed."""

        def look() -> None:
            banner.say(sentence if due.passed() else "", "warning")
            if self.isVisible():
                self.fit()

        due.dateTimeChanged.connect(look)
        look()

    def need(self, edit: QLineEdit, what: str) -> str:
        """Return the field's text; an empty one is refused by name."""
        text = edit.text().strip()
        if not text:
            edit.setFocus()
            raise BadInput(f"Fill in {what}.")
        return text


class CourseDialog(_CourseDialog):
    """Create a course, or change its texts; `course` is its number, once known."""

    def __init__(
        self, parent: QWidget, context: Context, page: api.CoursePage | None, then: Callable[[], None]
    ) -> None:
        title, main = ("Edit the course", "&Save") if page else ("New course", "&Create the course")
        super().__init__(parent, context, "course_dialog", title, main, then)
        self._page = page
        self.course = page.course if page else 0
        self.title = named(QLineEdit(page.title if page else ""), "course_dialog.title", "Title")
        self.title.setMaxLength(limits.TITLE)
        self.code = named(QLineEdit(page.code if page else ""), "course_dialog.code", "Code")
        self.code.setMaxLength(limits.COURSE_CODE)
        self.about = named(
            QPlainTextEdit(page.description if page else ""), "course_dialog.about", "Description"
        )
        self.about.setTabChangesFocus(True)
        self.about.setFixedHeight(100)
        self.add(
            field("&Title", self.title),
            field("C&ode", self.code, "Short, for lists and tables: PHY-10"),
            field("&Description", self.about),
        )

    async def send(self) -> None:
        """Create or change the course."""
        title, code = self.need(self.title, "a title"), self.need(self.code, "a code")
        about = self.about.toPlainText().strip()
        if self._page is None:
            sent = await api.create_course(self.session, code=code, title=title, description=about)
            self.course = sent.made
        else:
            page = self._page
            await api.edit_course(
                self.session,
                course=page.course,
                replaces=page.revision,
                code=code,
                title=title,
                description=about,
            )


class MaterialDialog(_CourseDialog):
    """Add a PDF for everyone in the course, or change one."""

    def __init__(
        self,
        parent: QWidget,
        context: Context,
        course: int,
        material: api.Material | None,
        then: Callable[[], None],
    ) -> None:
        title, main = ("Change the material", "&Save") if material else ("Add material", "&Add")
        super().__init__(parent, context, "material_dialog", title, main, then)
        self._course = course
        self._material = material
        self.file = FileField(
            "material_dialog.file",
            "Choose the PDF",
            material.file_name if material else "No file chosen yet",
        )
        self.file.chosen = self._on_file
        self.title = named(QLineEdit(material.title if material else ""), "material_dialog.title", "Title")
        self.title.setMaxLength(limits.TITLE)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Upload")
        self._bar.hide()
        hint = "Choosing another file replaces this one for everyone." if material else ""
        self.add(self.file, *([label(hint, "small")] if hint else []), field("&Title", self.title), self._bar)

    def _on_file(self, path: Path) -> None:
        if not self.title.text().strip():
            self.title.setText(path.stem.replace("_", " ").strip())

    def _progress(self, done: int, total: int) -> None:
        self._bar.show()
        self._bar.setRange(0, max(total // 1000, 1))
        self._bar.setValue(done // 1000)

    async def send(self) -> None:
        """Upload the file and publish it."""
        path, material = self.file.path, self._material
        if material is not None:
            await api.edit_material(
                self.session,
                material=material.material,
                replaces=material.revision,
                title=self.need(self.title, "a title"),
                path=path,
            )
            return
        if path is None:
            raise BadInput("Choose a PDF first.")
        title = self.need(self.title, "a title")
        await api.add_material(
            self.session, course=self._course, title=title, path=path, on_progress=self._progress
        )


class AssignmentDialog(_CourseDialog):
    """Set an assignment, or change one."""

    def __init__(
        self,
        parent: QWidget,
        context: Context,
        course: int,
        card: api.AssignmentCard | None,
        then: Callable[[], None],
    ) -> None:
        title, main = ("Edit the assignment", "&Save") if card else ("New assignment", "&Publish")
        super().__init__(parent, context, "assignment_dialog", title, main, then)
        self._course = course
        self._card = card
        name = "assignment_dialog"
        self.title = named(QLineEdit(card.title if card else ""), f"{name}.title", "Title")
        self.title.setMaxLength(limits.TITLE)
        self.text = named(QPlainTextEdit(card.text if card else ""), f"{name}.text", "What to do")
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(120)
        zone = context.zone
        self.due = DueEdit(f"{name}.due", f"Due, in {zone} time", zone, card.due_ms if card else None)
        self.points = named(
            QLineEdit(points_text(card.points) if card else "10"), f"{name}.points", "Points possible"
        )
        self.points.setFixedWidth(100)
        passed = Banner()
        has_pdf = "Has a PDF; choosing another replaces it" if card and card.has_pdf else "None (optional)"
        self.file = FileField(f"{name}.file", "Choose the assignment's PDF", has_pdf)
        self.add(
            field("&Title", self.title),
            field("&What to do", self.text),
            row(
                field("&Due", self.due, f"{zone.replace('_', ' ')} time"),
                field("Point&s", self.points, "possible"),
                None,
                gap=24,
            ),
            passed,
            field("PDF", self.file),
        )
        sentence = "This time has passed: all that is handed in from now on is late."
        self.warn_when_passed(self.due, passed, sentence)

    async def send(self) -> None:
        """Publish or change the assignment."""
        title = self.need(self.title, "a title")
        points = parse_points(self.points.text(), maximum=limits.POINTS)
        if not points:
            self.points.setFocus()
            raise BadInput("Fill in how many points are possible.")
        texts = {"title": title, "text": self.text.toPlainText().strip()}
        if self._card is None:
            await api.add_assignment(
                self.session,
                course=self._course,
                due_ms=self.due.ms(),
                points=points,
                path=self.file.path,
                **texts,
            )
        else:
            await api.edit_assignment(
                self.session,
                assignment=self._card.assignment,
                replaces=self._card.revision,
                due_ms=self.due.ms(),
                points=points,
                path=self.file.path,
                **texts,
            )


class ExtendDialog(_CourseDialog):
    """Give one student a later due time."""

    def __init__(
        self,
        parent: QWidget,
        context: Context,
        card: api.AssignmentCard,
        students: tuple[api.Member, ...],
        then: Callable[[], None],
    ) -> None:
        title = f"Extension for “{card.title}”"
        super().__init__(parent, context, "extend_dialog", title, "&Give the extension", then)
        self._card = card
        self.student = named(QComboBox(), "extend_dialog.student", "Student")
        for member in students:
            self.student.addItem(f"{member.name} ({member.login})", member.person)
        day = 24 * 60 * 60 * 1000
        self.due = DueEdit("extend_dialog.due", "New due time", context.zone, card.due_ms + day)
        self.reason = named(QLineEdit(), "extend_dialog.reason", "Reason")
        self.reason.setMaxLength(limits.NAME)
        passed = Banner()
        self.add(
            label(f"Due for everyone: {api.due_text(context.session, card.due_ms)}", "muted"),
            field("&Student", self.student),
            field("&New due time", self.due, f"{context.zone.replace('_', ' ')} time"),
            passed,
            field("&Reason", self.reason, "Seen by the student and the course's staff only."),
        )
        self.main.setEnabled(bool(students))
        self.warn_when_passed(self.due, passed, "This time has passed: the student would still be late.")

    async def send(self) -> None:
        """Publish the extension."""
        await api.extend(
            self.session,
            assignment=self._card.assignment,
            student=self.student.currentData(),
            due_ms=self.due.ms(),
            reason=self.reason.text().strip(),
        )


class EnrolDialog(_CourseDialog):
    """Choose students of the school for the course."""

    def __init__(self, parent: QWidget, context: Context, course: int, then: Callable[[], None]) -> None:
        super().__init__(parent, context, "enrol_dialog", "Enrol students", "&Enrol", then)
        self._course = course
        self.search = named(QLineEdit(), "enrol_dialog.search", "Find by name or login")
        self.search.setPlaceholderText("Find by name or login")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.list = named(QListWidget(), "enrol_dialog.list", "Students who are not in the course")
        self.list.setMinimumHeight(280)
        self.list.itemChanged.connect(lambda _: self._count())
        self._state = label("", "muted")
        all_button = button("Choose &all shown", "enrol_dialog.all", kind="link", on_click=self._choose_all)
        self.add(self.search, self.list, row(self._state, None, all_button))
        self.main.setEnabled(False)
        self.tasks.start(self._load())

    async def _load(self) -> None:
        for member in await api.candidates(self.session, course=self._course):
            item = QListWidgetItem(f"{member.name}  ({member.login})")
            item.setData(Qt.ItemDataRole.UserRole, member.person)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self._count()

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(number) for number in range(self.list.count())]

    def _filter(self, text: str) -> None:
        for item in self._items():
            item.setHidden(text.casefold() not in item.text().casefold())

    def _choose_all(self) -> None:
        for item in self._items():
            if not item.isHidden():
                item.setCheckState(Qt.CheckState.Checked)

    def _chosen(self) -> tuple[int, ...]:
        checked = (item for item in self._items() if item.checkState() == Qt.CheckState.Checked)
        return tuple(item.data(Qt.ItemDataRole.UserRole) for item in checked)

    def _count(self) -> None:
        chosen = len(self._chosen())
        everyone = "Every student of the school is in the course." if not self.list.count() else ""
        self._state.setText(everyone or f"{chosen} chosen")
        self.main.setEnabled(chosen > 0)

    async def send(self) -> None:
        """Enrol those who are checked."""
        await api.enrol(self.session, course=self._course, students=self._chosen())
