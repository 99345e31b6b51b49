"""One question to the tutor and what became of it: the check, the quoted passages, the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QPushButton, QWidget

from lms_desktop.client.exchanges import Verdict
from lms_desktop.client.sources import Source
from lms_desktop.views.ask_state import BUSY, AskState, check_text, percent, progress_text
from lms_desktop.views.generated import GeneratedText
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.page import now_ms
from lms_desktop.views.theme import theme
from lms_desktop.views.times import when
from lms_desktop.views.widgets import (
    Banner,
    Card,
    Elided,
    RowButton,
    button,
    clear,
    column,
    label,
    pill,
    plain_tip,
    restore_focus,
    row,
)

FRAME_MS = 60  # at most so often a streaming answer is laid out
CHECK_TONES = {
    Verdict.ANSWERED: ("check-circle", "success"),
    Verdict.BORDERLINE: ("info", "warning"),
    Verdict.DECLINED: ("alert", "warning"),
}


@dataclass(frozen=True, slots=True)
class Acts:
    """What can be done from an exchange; None where the reader may not (staff read, they do not ask)."""

    open_source: Callable[[Source], Any]
    cancel: Callable[[], Any] | None = None
    again: Callable[[AskState], Any] | None = None
    confirm: Callable[[AskState], Any] | None = None
    instructor: Callable[[AskState], Any] | None = None


class ScoreBar(QWidget):
    """A score with the mark that was needed; the words beside it say the same."""

    def __init__(self) -> None:
        super().__init__()
        self._score = 0
        self._needed: int | None = None
        self._tone = "success"
        self.setFixedSize(QSize(96, 12))
        theme.changed.connect(self.update)

    def show_score(self, score: int, needed: int | None, tone: str) -> None:
        """Show a score and threshold in thousandths."""
        self._score, self._needed, self._tone = percent(score), needed, tone
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        room = QRectF(0, 3, self.width(), 6)
        painter.setBrush(QColor(theme.palette.border))
        painter.drawRoundedRect(room, 3, 3)
        painter.setBrush(QColor(getattr(theme.palette, self._tone)))
        painter.drawRoundedRect(QRectF(0, 3, max(room.width() * self._score / 100, 6), 6), 3, 3)
        if self._needed is not None:
            at = room.width() * percent(self._needed) / 100
            painter.setBrush(QColor(theme.palette.text))
            painter.drawRect(QRectF(min(at, room.width() - 2), 0, 2, 12))
        painter.end()


def source_card(object_name: str, source: Source, number: int, on_click: Callable[[], Any]) -> RowButton:
    """Return a quoted passage with its place; pressing it opens the page."""
    quote = label(source.quote, wrap=True)
    lead = [pill(str(number), "accent")] if number else []
    place = row(*lead, Elided(source.place, "strong"), gap=8, stretch=len(lead))
    content = row(
        column(place, quote, gap=4),
        IconLabel("chevron-right", "muted", 16),
        gap=10,
        margins=(12, 10, 10, 10),
        stretch=0,
    )
    card = RowButton(object_name, f"Open {source.place}: {source.quote}", content, kind="tile")
    card.setToolTip(plain_tip(f"Open {source.place} with this passage marked"))
    card.clicked.connect(lambda: on_click())
    return card


class ExchangeCard(QFrame):
    """Shows one `AskState` after another; what has not changed is left as it is, so that focus stays."""

    def __init__(self, name: str, acts: Acts, zone: str, *, by: bool = False) -> None:
        super().__init__()
        self.setObjectName(name)
        self.state: AskState | None = None
        self._acts = acts
        self._zone = zone
        self._by = by
        self._shown: dict[str, Any] = {}
        self._pending: AskState | None = None
        self._frame = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._frame.timeout.connect(self._on_frame)
        self._who = label("", "small")
        self.question = label("", wrap=True, selectable=True)
        asked = QFrame()
        asked.setProperty("role", "asked")
        asked.setLayout(column(self._who, self.question, gap=2, margins=(14, 10, 14, 10)))
        self._check_icon = IconLabel("check-circle", "success", 18)
        self._check = label("", "small", wrap=True)
        self._bar = ScoreBar()
        self._check_row = QWidget()
        self._check_row.setLayout(row(self._check_icon, self._bar, self._check, gap=8, stretch=2))
        self._note = Banner("", "warning")
        self._verdict = column(gap=8)
        self._sources = column(gap=8)
        self._engine = label("", "small", wrap=True)
        self.answer = GeneratedText(f"{name}.answer")
        self._doubt = label("", "small", tone="warning", wrap=True)
        self._generated = Card(
            row(label("Generated answer", "strong"), pill("Language model", "warning"), None),
            self._engine,
            self.answer,
            self._doubt,
            gap=6,
        )
        self._progress = label("", "muted")
        self._progress.setObjectName(f"{name}.progress")
        self.stop = button("Stop", f"{name}.cancel", symbol="stop", on_click=self._on_cancel)
        self._waiting = QWidget()
        self._waiting.setLayout(row(IconLabel("clock", "muted", 16), self._progress, self.stop, None))
        self._end = column(gap=8)
        self.setLayout(
            column(
                asked,
                self._check_row,
                self._waiting,
                self._note,
                self._verdict,
                self._sources,
                self._generated,
                self._end,
                gap=10,
            )
        )

    def show_soon(self, state: AskState) -> None:
        """Show a state of an answer under way: at most every `FRAME_MS`, the end at once."""
        self._pending = state
        if not state.running:
            self._frame.stop()
            self._on_frame()
        elif not self._frame.isActive():
            self._frame.start()

    def _on_frame(self) -> None:
        if self._pending is not None:
            state, self._pending = self._pending, None
            self.show_state(state)

    def show_state(self, state: AskState) -> None:
        """Show a state."""
        self.state = state
        who = state.name if self._by else "You"
        asked = when(state.asked_ms, self._zone, now_ms()) if state.asked_ms else ""
        self._who.setText("  ·  ".join(part for part in (who, asked) if part))
        self.question.setText(state.question)
        self._show_check(state)
        self._note.say(state.note if state.running or state.text else "", "warning")
        if self._differs(
            "verdict", (state.verdict, state.reason, state.nearest, state.confirmed, state.running)
        ):
            clear(self._verdict)
            self._show_verdict(state)
        if self._differs("sources", state.sources):
            clear(self._sources)
            self._show_sources(state.sources)
        self._generated.setVisible(bool(state.generated))
        if state.generated:
            self.answer.show_text(state.generated, state.unsupported)
            self._show_doubt(state)
        self._waiting.setVisible(state.running)
        self._progress.setText(progress_text(state))
        self.stop.setVisible(self._acts.cancel is not None)
        if self._differs(
            "end", (state.failure, state.failure_words, state.problem, state.waits, state.not_kept)
        ):
            clear(self._end)
            self._show_end(state)
        restore_focus(self)

    def _differs(self, part: str, value: Any) -> bool:
        if self._shown.get(part, self) == value:
            return False
        self._shown[part] = value
        return True

    def _show_check(self, state: AskState) -> None:
        self._check_row.setVisible(state.verdict is not None and state.score is not None)
        if state.verdict is not None and state.score is not None and state.verdict in CHECK_TONES:
            symbol, tone = CHECK_TONES[state.verdict]
            self._check_icon.show_icon(symbol, tone)
            self._check.setText(check_text(state))
            self._bar.show_score(state.score, state.threshold, tone)

    def _show_sources(self, sources: tuple[Source, ...]) -> None:
        if sources:
            self._sources.addWidget(label("From the course's pages", "strong"))
        for number, source in enumerate(sources, 1):
            card = source_card(
                f"{self.objectName()}.source.{number}",
                source,
                number,
                lambda source=source: self._acts.open_source(source),
            )
            self._sources.addWidget(card)

    def _show_verdict(self, state: AskState) -> None:
        if state.verdict not in (Verdict.BORDERLINE, Verdict.DECLINED):
            return
        declined = state.verdict is Verdict.DECLINED
        fallback = (
            "The tutor answers from this course's pages only, and found nothing near enough."
            if declined
            else "It may not be a question on this course."
        )
        self._verdict.addWidget(label(state.reason or fallback, wrap=True))
        if state.nearest is not None:
            heading = "The nearest page" if declined else f"Is this about “{state.nearest.place}”?"
            self._verdict.addWidget(label(heading, "strong", wrap=True))
            nearest = state.nearest
            self._verdict.addWidget(
                source_card(
                    f"{self.objectName()}.nearest", nearest, 0, lambda: self._acts.open_source(nearest)
                )
            )
        buttons: list[QPushButton] = []
        if not declined and self._acts.confirm is not None:
            confirm = self._acts.confirm
            buttons.append(
                button(
                    "Yes, answer it",
                    f"{self.objectName()}.yes",
                    kind="primary",
                    on_click=lambda: confirm(state),
                )
            )
        if self._acts.instructor is not None:
            text = "Ask the instructor" if declined else "No, ask the instructor"
            buttons.append(self._to_instructor(state, text, "primary" if declined else ""))
        if buttons:
            self._verdict.addLayout(row(*buttons, None))

    def _to_instructor(self, state: AskState, text: str, kind: str) -> QPushButton:
        return button(
            text,
            f"{self.objectName()}.instructor",
            kind=kind,
            symbol="send",
            on_click=lambda: self._acts.instructor(state),
        )

    def _show_doubt(self, state: AskState) -> None:
        on = f" on {state.answered_by}" if state.answered_by else ""
        self._engine.setText(f"Written by a language model{on}. It may be wrong: check it with the pages.")
        count = len(state.unsupported)
        self._doubt.setText(
            f"{count} {'sentence is' if count == 1 else 'sentences are'} not found in the course's pages: "
            "marked above."
        )
        self._doubt.setVisible(count > 0)
        marked = " ".join(state.generated[start:end] for start, end in state.unsupported)
        self.answer.setAccessibleDescription(f"Not found in the course's pages: {marked}" if marked else "")

    def _show_end(self, state: AskState) -> None:
        if state.problem:
            self._end.addWidget(Banner(state.problem, "danger"))
        elif state.failure == "cancelled":
            self._end.addWidget(Banner("Stopped. What was answered so far stays here.", "accent"))
        elif state.failure:
            tone = "warning" if state.failure == BUSY else "danger"
            self._end.addWidget(Banner(state.failure_words or "The answer was not finished.", tone))
        if state.not_kept:
            self._end.addWidget(Banner(f"This answer could not be kept: {state.not_kept}", "warning"))
        if state.waits:
            self._end.addWidget(
                label("Kept on this computer; it goes to your course by itself.", "small", wrap=True)
            )
        buttons: list[QPushButton] = []
        if state.failure and state.retryable and self._acts.again is not None:
            again = self._acts.again
            name = f"{self.objectName()}.again"
            buttons.append(button("Try again", name, kind="primary", on_click=lambda: again(state)))
        if state.failure and state.failure != "cancelled" and self._acts.instructor is not None:
            buttons.append(self._to_instructor(state, "Ask the instructor", ""))
        if buttons:
            self._end.addLayout(row(*buttons, None))

    def _on_cancel(self) -> None:
        if self._acts.cancel is not None:
            self._progress.setText("Stopping ...")
            self._acts.cancel()
