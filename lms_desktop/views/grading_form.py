"""The form beside the work: points, feedback, and the state of both."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QWidget

from lms_desktop.client.errors import BadInput
from lms_desktop.client.grading import GradeState, GradeValue, StudentRow
from lms_desktop.client.points import parse_points, points_text
from lms_desktop.views.dialogs import field
from lms_desktop.views.page import now_ms
from lms_desktop.views.times import way, when
from lms_desktop.views.widgets import Banner, Card, button, column, label, named, pill, restyle, row


class GradingForm(QWidget):
    """One student's points and feedback. `edited` comes with each keystroke."""

    edited = Signal()
    go_on = Signal()
    left = Signal()
    correct = Signal()
    show_history = Signal()
    version_chosen = Signal(object)

    def __init__(self, zone: str) -> None:
        super().__init__()
        self._zone = zone
        self._maximum = 0
        self._row: StudentRow | None = None
        self.changed = False
        self._name = label("", "section", wrap=True)
        self._state = pill()
        self._handed_in = label("", "small", wrap=True)
        self._versions = named(QComboBox(), "grading.version", "Version")
        self._versions.activated.connect(
            lambda number: self.version_chosen.emit(self._versions.itemData(number))
        )
        self._note_text = label("", wrap=True, selectable=True)
        self._note = Card(
            label("STUDENT'S NOTE", "eyebrow"), self._note_text, role="inset", gap=4, padding=10
        )
        self.points = named(QLineEdit(), "grading.points", "Points")
        self.points.setFixedWidth(90)
        self._of = label("", "muted")
        self.problem = Banner("", "danger")
        self._unreadable = Banner("", "danger")
        self.feedback = named(QPlainTextEdit(), "grading.feedback", "Feedback")
        self.feedback.setTabChangesFocus(True)
        self.feedback.setPlaceholderText("What was good, what to work on ...")
        self._kept = label("", "small", wrap=True)
        self.correct_button = button(
            "Release the c&orrection ...", "grading.correct", kind="primary", on_click=self.correct.emit
        )
        self._history = button(
            "&History", "grading.history", symbol="history", on_click=self.show_history.emit
        )
        points_line = QWidget()
        points_line.setLayout(row(self.points, self._of, None))
        points_field = field("Points (&G)", points_line)
        points_field.findChild(type(self._of)).setBuddy(self.points)
        self.setLayout(
            column(
                column(self._name, row(self._state, None), gap=6),
                self._handed_in,
                self._versions,
                self._note,
                self._unreadable,
                points_field,
                self.problem,
                field("Feedback (&C)", self.feedback),
                self._kept,
                self.correct_button,
                row(self._history, None),
                gap=10,
                stretch=7,
            )
        )
        self.points.textEdited.connect(self._on_edit)
        self.feedback.textChanged.connect(self._on_text)
        self.points.returnPressed.connect(self.feedback.setFocus)
        self._filling = False
        for edit in (self.points, self.feedback):
            edit.installEventFilter(self)

    def show_row(self, student: StudentRow, maximum: int) -> None:
        """Start with a student's draft, else the released value, else nothing."""
        self._filling = True
        value = student.value or GradeValue(None, "")
        self.points.setText("" if value.points is None else points_text(value.points))
        self.feedback.setPlainText(value.feedback)
        self._filling = False
        self.changed = student.unsaved
        self.problem.say("")
        self._note.hide()
        self.update_row(student, maximum)

    def update_row(self, student: StudentRow, maximum: int) -> None:
        """Take on what changed about the student, but not over what is being typed."""
        self._row, self._maximum = student, maximum
        self._name.setText(student.name)
        self._of.setText(f"of {points_text(maximum)}")
        released = student.state == GradeState.RELEASED
        text, tone = (
            ("Released, seen" if student.seen else "Released", "success")
            if released
            else ("Draft", "warning")
            if student.value
            else ("Not graded", "")
        )
        self._state.setText(text)
        restyle(self._state, tone=tone)
        self._handed_in.setText(self._handed_in_text(student))
        self._show_versions(student)
        self._unreadable.say(student.written.problem if student.written else "", "danger")
        self._history.setVisible(student.written is not None)
        self._say_kept()

    def _handed_in_text(self, student: StudentRow) -> str:
        version = student.counting
        if version is None:
            return "Nothing handed in." + (" Has an extension." if student.extended else "")
        text = f"Version {version.number}, {when(version.submitted_ms, self._zone, now_ms())}."
        if version.late:
            times = way(version.queued_ms, version.held_ms, version.submitted_ms, self._zone, now_ms())
            text = f"Version {version.number}, {version.late_text}: {times}."
        return text + (" Has an extension." if student.extended else "")

    def _show_versions(self, student: StudentRow) -> None:
        listed = [self._versions.itemData(number) for number in range(self._versions.count())]
        if listed != list(student.versions):
            self._versions.clear()
            for version in student.versions:
                self._versions.addItem(f"Version {version.number}", version)
            if student.counting is not None:
                self._versions.setCurrentIndex(student.versions.index(student.counting))
        self._versions.setVisible(len(student.versions) > 1)

    def show_note(self, note: str) -> None:
        """Show the note that came with the version."""
        self._note_text.setText(note)
        self._note.setVisible(bool(note))

    def value(self) -> tuple[int | None, str]:
        """Points in hundredths (None where there are none that count) and feedback."""
        try:
            points = parse_points(self.points.text(), maximum=self._maximum)
        except BadInput:
            points = None
        return points, self.feedback.toPlainText().strip()

    def _on_text(self) -> None:
        if not self._filling:
            self._on_edit()

    def _on_edit(self) -> None:
        self.changed = True
        try:
            parse_points(self.points.text(), maximum=self._maximum)
            self.problem.say("")
        except BadInput as error:
            self.problem.say(f"{error.what} {error.next_step}".strip(), "danger")
        restyle(self.points, invalid=bool(self.problem.text()))
        self._say_kept()
        self.edited.emit()

    def _say_kept(self) -> None:
        released = self._row is not None and self._row.state == GradeState.RELEASED
        self.correct_button.setVisible(released and self.changed)
        if released:
            text = "Released. Changes are seen when you release the correction."
        elif self.changed:
            text = "Kept on this computer as you type; goes to the class when you leave the student."
        else:
            text = "The student sees nothing until you release."
        self._kept.setText(text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self.left.emit()
                return True
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self.go_on.emit()
                return True
        return False
