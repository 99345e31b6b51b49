"""What makes grades seen: the release with its preview, the correction, and the history of both."""

from __future__ import annotations

from collections.abc import Callable, Set

from PySide6.QtWidgets import QWidget

from lms_desktop.client import grading as api
from lms_desktop.client.grading import ReleaseLine, StudentRow
from lms_desktop.client.points import points_text
from lms_desktop.views.dialogs import Dialog
from lms_desktop.views.grades import history_card
from lms_desktop.views.page import Context
from lms_desktop.views.tables import Column, Table
from lms_desktop.views.widgets import Banner, Card, Scroll, column, label, row


class ReleaseDialog(Dialog):
    """Who will see what; releasing shows it to them at once. `seen` are those who have this grade already."""

    def __init__(
        self,
        parent: QWidget,
        context: Context,
        preview: api.ReleasePreview,
        seen: Set[int],
        then: Callable[[], None],
    ) -> None:
        main = f"&Release {preview.will_see} {'grade' if preview.will_see == 1 else 'grades'}"
        super().__init__(parent, "release", "Release grades", main, context.messages, width=860)
        self._context = context
        self._preview = preview
        table: Table[ReleaseLine] = Table(
            "release.lines",
            "Who will see what",
            [
                Column("Student", lambda line: line.name, 180, strong=True),
                Column("Points", lambda line: points_text(line.points), 80, right=True),
                Column(
                    "",
                    lambda line: (
                        "Will see" if line.will_see else "Has it" if line.student in seen else "Held"
                    ),
                    100,
                    tone=lambda line: "success" if line.will_see else "",
                ),
                Column("", lambda line: line.reason, 150, muted=True),
                Column("Feedback", lambda line: " ".join(line.feedback.split()), muted=True),
            ],
            identity=lambda line: line.student,
        )
        table.show_rows(preview.lines)
        table.fit(10)
        has = sum(line.student in seen and not line.will_see for line in preview.lines)
        text = f"{preview.will_see} will see their grade at once, {preview.held - has} held"
        text += f", {has} {'has' if has == 1 else 'have'} it already." if has else "."
        self.add(Banner(text, "accent"), table)
        self.main.setEnabled(preview.will_see > 0)
        self.main.setFocus()
        self.work = self._release
        self.accepted.connect(then)

    async def _release(self) -> None:
        await api.release(self._context.session, preview=self._preview)
        count = self._preview.will_see
        self.messages.success(f"Released to {count} {'student' if count == 1 else 'students'}")


class CorrectionDialog(Dialog):
    """Replace a released grade: the old value and the new one, side by side."""

    def __init__(
        self,
        parent: QWidget,
        context: Context,
        assignment: int,
        student: StudentRow,
        points: int,
        feedback: str,
    ) -> None:
        super().__init__(
            parent,
            "correction",
            f"Correct {student.name}'s grade",
            "&Release the correction",
            context.messages,
        )
        self._context = context
        self._new = (assignment, student, points, feedback)
        shown = student.shown
        before = Card(
            label("SHOWN NOW", "eyebrow"),
            label(points_text(shown.points if shown else None), "title"),
            label(shown.feedback if shown else "", "muted", wrap=True),
            None,
            role="inset",
        )
        after = Card(
            label("FROM NOW ON", "eyebrow"),
            label(points_text(points), "title"),
            label(feedback, wrap=True),
            None,
            role="inset",
        )
        self.add(
            row(before, after, gap=12),
            label("Both values stay in the grade's history.", "muted", wrap=True),
        )
        self.work = self._correct

    async def _correct(self) -> None:
        assignment, student, points, feedback = self._new
        await api.correct(
            self._context.session, assignment=assignment, row=student, points=points, feedback=feedback
        )


class HistoryDialog(Dialog):
    """Every value that a grade has had."""

    def __init__(self, parent: QWidget, context: Context, assignment: int, student: StudentRow) -> None:
        super().__init__(parent, "history", f"{student.name}'s grade", "&Close", context.messages)
        self.cancel.hide()
        self._context = context
        self._of = (assignment, student.student)
        self._box = column()
        scroll = Scroll(padding=0)
        scroll.setMinimumHeight(260)
        scroll.body.addLayout(self._box)
        scroll.body.addStretch(1)
        self.add(scroll)
        self.tasks.start(self._load())

    async def _load(self) -> None:
        assignment, student = self._of
        entries = await api.history(self._context.session, assignment=assignment, student=student)
        self._box.addWidget(history_card(entries, self._context.zone))
