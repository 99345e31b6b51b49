"""What the tutor may do in a course or for one assignment, now or for a time."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QCheckBox, QLineEdit, QRadioButton, QSpinBox, QWidget

from lms_desktop.client import tutor_settings as api
from lms_desktop.client.errors import BadInput
from lms_desktop.client.tutor_settings import Setting, TutorMode
from lms_desktop.school import limits
from lms_desktop.views.course_dialogs import DueEdit
from lms_desktop.views.dialogs import Dialog, field
from lms_desktop.views.page import Context, now_ms
from lms_desktop.views.times import when
from lms_desktop.views.widgets import label, named, row

MODES = {
    TutorMode.ON: ("&On", "Students ask; the tutor quotes the course's pages and answers."),
    TutorMode.HINTS: ("&Hints only", "It quotes passages of the course and writes no answer."),
    TutorMode.OFF: ("O&ff", "Students read your reason and can ask you."),
}


MODE_WIDTH = 110


def mode_text(mode: TutorMode) -> str:
    """Return a mode in words."""
    return {TutorMode.ON: "On", TutorMode.HINTS: "Hints only", TutorMode.OFF: "Off"}[mode]


def span_text(setting: Setting, zone: str) -> str:
    """Return when a setting holds, for people; empty where it holds until it is changed."""
    parts = []
    if setting.starts_ms is not None:
        parts.append(f"from {when(setting.starts_ms, zone, now_ms())}")
    if setting.ends_ms is not None:
        parts.append(f"until {when(setting.ends_ms, zone, now_ms())}")
    return " ".join(parts)


class TutorSettingDialog(Dialog):
    """Changes one setting."""

    def __init__(self, parent: QWidget, context: Context, setting: Setting, then: Callable[[], None]) -> None:
        about = f"“{setting.assignment_title}”" if setting.assignment is not None else "the whole course"
        super().__init__(
            parent, "tutor_setting", f"The tutor for {about}", "&Save", context.messages, width=560
        )
        self._session = context.session
        self._setting = setting
        name = "tutor_setting"
        self.modes: dict[TutorMode, QRadioButton] = {}
        for mode, (text, sentence) in MODES.items():
            choice = named(
                QRadioButton(text), f"{name}.{mode.name.lower()}", f"{mode_text(mode)}: {sentence}"
            )
            choice.setChecked(mode is setting.mode)
            choice.setMinimumWidth(MODE_WIDTH)
            self.modes[mode] = choice
            self.add(row(choice, label(sentence, "small"), None, gap=12))
        zone = context.zone
        self.starts = named(QCheckBox("F&rom"), f"{name}.starts", "From a time on")
        self.start = DueEdit(f"{name}.start", f"From, in {zone} time", zone, setting.starts_ms or now_ms())
        self.ends = named(QCheckBox("&Until"), f"{name}.ends", "Until a time")
        self.end = DueEdit(f"{name}.end", f"Until, in {zone} time", zone, setting.ends_ms)
        for box, edit, chosen in (
            (self.starts, self.start, setting.starts_ms),
            (self.ends, self.end, setting.ends_ms),
        ):
            box.setMinimumWidth(80)
            box.setChecked(chosen is not None)
            edit.setEnabled(chosen is not None)
            box.toggled.connect(edit.setEnabled)
            self.add(row(box, edit, None, gap=8))
        self.add(
            label(
                f"{zone.replace('_', ' ')} time. Outside of it the tutor is on. Unticked: from now, or until "
                "you change it.",
                "small",
                wrap=True,
            )
        )
        self.per_hour = named(QSpinBox(), f"{name}.per_hour", "Questions that one student may ask in an hour")
        self.per_hour.setRange(1, limits.ASKS_PER_HOUR_MAX)
        self.per_hour.setValue(setting.per_hour or limits.ASKS_PER_HOUR)
        self.per_hour.setMinimumWidth(90)
        self.per_hour.lineEdit().setTextMargins(10, 0, 8, 0)
        self.reason = named(QLineEdit(setting.reason), f"{name}.reason", "Reason")
        self.reason.setMaxLength(limits.REASON)
        self.add(
            row(field("&Questions per hour", self.per_hour, "for each student"), None),
            field("R&eason", self.reason, "Students read it when the tutor is off or gives hints only."),
        )
        self.work = self._save
        self.accepted.connect(then)

    async def _save(self) -> None:
        starts = self.start.ms() if self.starts.isChecked() else None
        ends = self.end.ms() if self.ends.isChecked() else None
        if starts is not None and ends is not None and ends <= starts:
            self.end.setFocus()
            raise BadInput("It would end before it begins.", next_step="Choose a later end.")
        await api.set_tutor(
            self._session,
            setting=self._setting,
            mode=next(mode for mode, choice in self.modes.items() if choice.isChecked()),
            starts_ms=starts,
            ends_ms=ends,
            per_hour=self.per_hour.value(),
            reason=" ".join(self.reason.text().split()),
        )
