"""The grading room: who has handed in, the work, the form; drafts as typed, one release for all.

A draft is kept on this computer at each keystroke and goes to the class when the person leaves the student.
Nothing is shown to a student before the release, which is another step with its own preview.
"""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QWidget

from lms_desktop.client import grading as api
from lms_desktop.client.errors import BadInput
from lms_desktop.client.grading import GradeState, StudentRow
from lms_desktop.client.points import points_text
from lms_desktop.client.work import Version
from lms_desktop.school.changes import Changes
from lms_desktop.views.grading_form import GradingForm
from lms_desktop.views.page import Context, Page, Place
from lms_desktop.views.pdf_reader import PdfReader
from lms_desktop.views.release import CorrectionDialog, HistoryDialog, ReleaseDialog
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.widgets import button, column, label, named, row, shortcut

PREFETCH = 3
KEPT_OPEN = 6


def standing(student: StudentRow) -> tuple[str, str]:
    """Return how far one student's grading is: words and tone."""
    points = points_text(student.value.points) if student.value else ""
    if student.state == GradeState.RELEASED:
        return (
            (f"{points}, changed", "warning") if student.changed or student.unsaved else (points, "success")
        )
    if student.value is not None and (student.value.points is not None or student.value.feedback):
        return f"{points} draft", "warning"
    if not student.versions:
        return "Missing", "danger"
    return ("Late", "accent") if student.late else ("To grade", "accent")


def to_grade(student: StudentRow) -> bool:
    """True for handed-in work without points."""
    return bool(student.versions) and (student.value is None or student.value.points is None)


class GradingPage(Page):
    """One assignment, as its staff grade it."""

    shows = Changes.SUBMISSIONS | Changes.GRADES | Changes.ASSIGNMENTS
    keys = (
        ("J / K", "Next or previous student"),
        ("Z", "Next ungraded"),
        ("G", "Points"),
        ("C", "Feedback"),
        ("Ctrl+Enter", "Keep and go to the next student"),
        ("Esc", "Leave the field"),
        ("R", "Release ..."),
    )

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        self._assignment = place.key
        self._room: api.GradingRoom | None = None
        self._row: StudentRow | None = None
        self._unkept: dict[int, tuple[int | None, str]] = {}
        self._works: OrderedDict[int, api.OpenedWork] = OrderedDict()
        self._title = label("", "title")
        self._facts = label("", "muted")
        self._release = button(
            "&Release ...", "grading.release", kind="primary", symbol="send", on_click=self.release
        )
        self._next = button(
            "Next ungraded (Z)", "grading.next", accessible="Next ungraded", on_click=self.next_ungraded
        )
        self.list: Table[StudentRow] = Table(
            "grading.students",
            "Students",
            [
                Column(
                    "Student", lambda student: student.name, strong=True, key=lambda student: student.name
                ),
                Column("", lambda student: standing(student)[0], 104, tone=lambda item: standing(item)[1]),
            ],
            identity=lambda student: student.student,
        )
        self.list.picked.connect(self._on_pick)
        self.reader = PdfReader("grading.pdf")
        self.form = GradingForm(context.zone)
        self.list.chosen.connect(lambda _: self.form.points.setFocus())
        self.form.edited.connect(self._on_edit)
        self.form.go_on.connect(lambda: self.step(1))
        self.form.left.connect(self.list.setFocus)
        self.form.correct.connect(self._correct)
        self.form.show_history.connect(self._history)
        self.form.version_chosen.connect(self._show_version)
        split = named(QSplitter(Qt.Orientation.Horizontal), "grading.split", "Students, work and form")
        for part, width in ((self.list, 260), (self.reader, 500), (self.form, 290)):
            split.addWidget(part)
            part.setMinimumWidth(min(width, 250))
        split.setSizes([264, 500, 290])
        split.setStretchFactor(1, 1)
        split.setHandleWidth(12)
        split.setChildrenCollapsible(False)
        split.setStyleSheet("QSplitter::handle { background: transparent; }")
        content = QWidget()
        head = row(column(self._title, self._facts, gap=2), None, self._next, self._release)
        content.setLayout(column(head, split, gap=12, margins=(20, 16, 20, 16), stretch=1))
        self.set_content(content)
        for key, action in {
            "J": lambda: self.step(1),
            "K": lambda: self.step(-1),
            "Z": self.next_ungraded,
            "G": self.form.points.setFocus,
            "C": self.form.feedback.setFocus,
            "R": self.release,
            "Ctrl+Return": self.keep_and_go_on,
        }.items():
            shortcut(self, key, action)

    async def load(self) -> None:
        """Ask and show; what is being typed is never overwritten."""
        self.show_room(await api.grading_room(self.session, assignment=self._assignment))

    def show_room(self, room: api.GradingRoom) -> None:
        """Show what the client found."""
        first = self._room is None
        self._room = room
        self._title.setText(room.title)
        handed_in = sum(bool(student.versions) for student in room.rows)
        waiting = sum(to_grade(student) for student in room.rows)
        drafts = sum(student.changed or student.unsaved for student in room.rows)
        self._facts.setText(
            f"{room.course_title}  ·  {handed_in} of {len(room.rows)} handed in  ·  {waiting} to grade"
            f"  ·  {drafts} to release"
        )
        self._release.setEnabled(drafts > 0)
        self._next.setEnabled(waiting > 0)
        self.list.show_rows(room.rows)
        if first and room.rows:
            start = next((student for student in room.rows if to_grade(student)), room.rows[0])
            self.list.select(start.student)
            self.list.setFocus()
        else:
            current = self.list.current()
            if current is not None and self._row is not None and current.student == self._row.student:
                newer = current.counting != self._row.counting
                self._row = current
                self.form.update_row(current, room.points)
                if newer:
                    self._show_newest(current)

    # Going from one student to another

    def step(self, by: int) -> None:
        """Go `by` rows down the list."""
        rows = self.list.rows.rows
        if not rows or self._row is None:
            return
        at = next((number for number, item in enumerate(rows) if item.student == self._row.student), 0)
        self.list.select(rows[min(max(at + by, 0), len(rows) - 1)].student)

    def keep_and_go_on(self) -> None:
        """Keep what is typed and go to the next student's points."""
        before = self._row
        self.step(1)
        if self._row is before:
            self._put_down()
            self.messages.info("That was the last student")
        self.form.points.setFocus()

    def next_ungraded(self) -> None:
        """Go to the next student whose work has no points, from here round to the top."""
        rows = self.list.rows.rows
        at = next((n for n, item in enumerate(rows) if self._row and item.student == self._row.student), -1)
        for item in (*rows[at + 1 :], *rows[: at + 1]):
            if to_grade(item) and (self._row is None or item.student != self._row.student):
                self.list.select(item.student)
                self.form.points.setFocus()
                return
        self.messages.info("No other work waits to be graded")

    def _on_pick(self, student: StudentRow | None) -> None:
        if student is None or self._room is None:
            return
        if self._row is not None and student.student == self._row.student:
            return
        self._put_down()
        self._row = student
        self.form.show_row(student, self._room.points)
        self._show_newest(student)

    def _show_newest(self, student: StudentRow) -> None:
        if student.counting is not None:
            self._show_version(student.counting)
        else:
            self.reader.close_document()
            self.reader.problem.title.setText("Nothing handed in")
            self.form.show_note("")

    def _show_version(self, version: Version) -> None:
        self.tasks.start(self._open(version), key="open")

    async def _open(self, version: Version) -> None:
        work = await self._work(version)
        self.reader.open_bytes(work.pdf)
        self.form.show_note(work.note)
        for student in self._ahead():
            if student.counting is not None:
                await self._work(student.counting)

    async def _work(self, version: Version) -> api.OpenedWork:
        """The opened version; a few are kept, so that going on does not wait."""
        if version.submission not in self._works:
            self._works[version.submission] = await api.open_work(self.session, version=version)
        self._works.move_to_end(version.submission)
        while len(self._works) > KEPT_OPEN:
            self._works.popitem(last=False)
        return self._works[version.submission]

    def _ahead(self) -> list[StudentRow]:
        rows = self.list.rows.rows
        at = next((n for n, item in enumerate(rows) if self._row and item.student == self._row.student), 0)
        return [item for item in rows[at + 1 :] if item.versions][:PREFETCH]

    # Drafts, release, correction

    def _on_edit(self) -> None:
        student = self._row
        if student is None:
            return
        waiting = bool(self._unkept)
        self._unkept[student.student] = self.form.value()
        if not waiting:
            self.context.later(self._keep_up())

    async def _keep_up(self) -> None:
        """Keep what was typed, sealed on this computer; one write at a time, so that the last one stays."""
        while self._unkept:
            student, (points, feedback) = next(iter(self._unkept.items()))
            await api.keep_draft(
                self.session,
                assignment=self._assignment,
                student=student,
                points=points,
                feedback=feedback,
            )
            if self._unkept.get(student) == (points, feedback):
                del self._unkept[student]

    def _put_down(self) -> None:
        """Send the draft of the student that is being left; a released grade changes by correction only."""
        student = self._row
        if student is None or not self.form.changed or student.state == GradeState.RELEASED:
            return
        if self.form.problem.text():
            self.messages.error(BadInput(f"{student.name}: {self.form.problem.text()}"))
            return
        points, feedback = self.form.value()
        self.form.changed = False
        self.context.later(self._save(student, points, feedback))

    async def _save(self, student: StudentRow, points: int | None, feedback: str) -> None:
        await api.save_draft(
            self.session, assignment=self._assignment, row=student, points=points, feedback=feedback
        )
        self.on_changes(Changes.GRADES)

    def release(self) -> None:
        """Show who will see what, and release after a yes."""
        self.tasks.start(self._prepare_release(), busy=self._release)

    async def _prepare_release(self) -> None:
        student = self._row
        if student is not None and self.form.changed and student.state != GradeState.RELEASED:
            points, feedback = self.form.value()
            self.form.changed = False
            await self._save(student, points, feedback)
        preview = await api.release_preview(self.session, assignment=self._assignment)
        rows = self._room.rows if self._room is not None else ()
        seen = {row.student for row in rows if row.state == GradeState.RELEASED and not row.changed}
        ReleaseDialog(self, self.context, preview, seen, self.refresh).open()

    def _correct(self) -> None:
        student, room = self._row, self._room
        points, feedback = self.form.value()
        if student is None or room is None or points is None:
            self.form.problem.say("Give points first.", "danger")
            return
        dialog = CorrectionDialog(self, self.context, self._assignment, student, points, feedback)
        dialog.accepted.connect(self._corrected)
        dialog.open()

    def _corrected(self) -> None:
        self.form.changed = False
        self.messages.success("The corrected grade is released")
        self.refresh()

    def _history(self) -> None:
        if self._row is not None:
            HistoryDialog(self, self.context, self._assignment, self._row).open()

    def leave(self) -> None:
        """Send the draft that is in the form."""
        self._put_down()

    def close_page(self) -> None:
        """Forget all opened work."""
        super().close_page()
        self.reader.close_document()
        self._works.clear()
