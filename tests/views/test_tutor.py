"""The tutor for those who teach: switched off for a time, with a reason; what students ask; the GPU host."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import QDateTime, QTimeZone

from lms_desktop.client import course as courses_api
from lms_desktop.client import machines as machines_api
from lms_desktop.client import tutor_settings as api
from lms_desktop.client.machines import MachineRow
from lms_desktop.client.tutor_settings import TutorMode
from lms_desktop.views.machines import tutoring
from lms_desktop.views.page import Place
from lms_desktop.views.times import local
from tests.views import talks
from tests.views.actor import Actor
from tests.views.gate import faults

HOUR_MS = 3_600_000


@pytest.fixture
def omar(seat) -> Actor:
    return seat("C").sign_in("omar")


def course(actor: Actor) -> int:
    cards = actor.run(courses_api.courses(actor.window.session))
    return next(card.course for card in cards if card.title == "Marine Biology")


def to_tutor(actor: Actor) -> int:
    number = course(actor)
    actor.window.shell.go(Place("course", number, "Marine Biology"))
    actor.settle()
    actor.press("course.tutor")
    assert actor.page.objectName() == "page.tutor"
    return number


def clock(ms: int, zone: str) -> QDateTime:
    moment = local(ms, zone).replace(tzinfo=UTC)
    return QDateTime.fromMSecsSinceEpoch(
        int(moment.timestamp() * 1000), QTimeZone(QTimeZone.Initialization.UTC)
    )


def test_the_tutor_is_switched_off_for_a_time_and_students_read_why(omar: Actor, seat) -> None:
    number = to_tutor(omar)
    omar.page.tabs.setCurrentIndex(1)
    table = omar.page.settings
    assert table.rows.rows[0].assignment is None
    assignment = table.rows.rows[1]
    assert table.rows.index(1, 1).data() == "As the course"
    table.select(assignment.assignment)
    assert faults(omar.window) == []
    omar.press("tutor.change", settle=False)
    dialog = omar.dialog("tutor_setting")
    dialog.modes[TutorMode.OFF].setChecked(True)
    zone, now = omar.window.session.zone, int(datetime.now(UTC).timestamp() * 1000)
    dialog.ends.setChecked(True)
    dialog.end.setDateTime(clock(now - HOUR_MS, zone))
    omar.press("tutor_setting.ok", settle=False)
    omar.waits(dialog.problem.isVisible)
    assert "passed" in dialog.problem.text()
    dialog.end.setDateTime(clock(now + HOUR_MS, zone))
    dialog.reason.setText("The test is today.")
    omar.press("tutor_setting.ok", settle=False)
    omar.closed("tutor_setting")
    changed = next(row for row in table.rows.rows if row.assignment == assignment.assignment)
    assert changed.mode is TutorMode.OFF
    assert changed.ends_ms is not None
    assert abs(changed.ends_ms - now - HOUR_MS) <= 60_000

    mia: Actor = seat("B").sign_in("mia")
    mia.window.shell.go(Place("ask", number, "Marine Biology", assignment.assignment))
    mia.settle()
    mia.reads("The test is today.")
    assert "switched off" in mia.page._notice.text()
    mia.page.composer.setPlainText("May I ask?")
    assert not mia.page._ask.isEnabled()
    mia.page.composer.clear()
    mia.window.shell.go(Place("ask", number, "Marine Biology"))
    mia.settle()
    assert not mia.page._notice.isVisible()

    omar.run(api.set_tutor(omar.window.session, setting=changed, mode=TutorMode.ON))
    omar.settle()


def test_what_students_ask_is_filtered_and_read_with_its_pages(omar: Actor) -> None:
    to_tutor(omar)
    asked = omar.page.asked
    omar.page.tasks.cancel()
    asked.show_cards(
        "Marine Biology",
        (
            talks.conversation_card(1),
            talks.conversation_card(2, declined=2, author=7, name=talks.LONG_NAME, first=talks.LONG),
            talks.conversation_card(3, assignment=None, assignment_title=""),
        ),
    )
    omar.page.tasks.cancel()
    assert [card.declined for card in asked.table.rows.rows] == [2, 0, 0]
    omar.reads("9 questions of 2 students, 2 declined")
    asked.declined.setChecked(True)
    assert [card.author for card in asked.table.rows.rows] == [7]
    asked.declined.setChecked(False)
    asked.assignment.setCurrentIndex(asked.assignment.findText("The course"))
    assert [card.conversation[0] for card in asked.table.rows.rows] == [3]
    omar.page.tasks.cancel()
    asked.show_conversation(talks.conversation(talks.exchange(), talks.exchange("Who?", **talks.DECLINED)))
    omar.find("tutor.exchange.2.nearest")
    assert faults(omar.window) == []
    assert not [button for button in asked.findChildren(type(asked._save)) if "again" in button.objectName()]


def test_a_machine_is_tagged_and_untagged_as_gpu_host(seat) -> None:
    ines: Actor = seat("A").sign_in("ines")
    ines.window.shell.go(Place("machines"))
    ines.settle()
    table = ines.page.table
    number = next(row.machine for row in table.rows.rows if row.name == "C")
    for tagged in (True, False):
        table.select(number)
        ines.press("machines.gpu", settle=False)
        dialog = ines.dialog("machines.gpu_ask")
        assert faults(dialog) == []
        assert ("runs the tutor" in ines.texts(dialog)) is tagged
        ines.press("machines.gpu_ask.ok", settle=False)
        ines.waits(
            lambda tagged=tagged: (
                next(row for row in table.rows.rows if row.machine == number).gpu_host is tagged
            )
        )
    page = ines.run(machines_api.machines_page(ines.window.session))
    assert not any(machine.gpu_host for machine in page.machines)
    ines.page.show_machines(replace(page, machines=(machine(tutor_state="ready", tutor_words="No model."),)))
    assert "B: No model." in ines.texts(ines.page)


def machine(**changes: object) -> MachineRow:
    facts = (2, "B", "10.0.0.2:7", "voter", True, True, None, 9, b"", b"", "1", False)
    row = MachineRow(*facts, gpu_host=True)
    return MachineRow(**{**{name: getattr(row, name) for name in row.__slots__}, **changes})


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"gpu_host": False}, ("", "")),
        ({}, ("GPU host", "accent")),
        ({"online": False, "tutor_state": "ready"}, ("GPU host, off", "warning")),
        ({"tutor_state": "ready"}, ("Runs the tutor", "success")),
        ({"tutor_state": "ready", "tutor_words": "No model."}, ("Runs the tutor", "warning")),
        ({"tutor_state": "down"}, ("Tutor is down", "danger")),
    ],
)
def test_what_a_gpu_host_does_is_told(changes: dict[str, object], shown: tuple[str, str]) -> None:
    assert tutoring(machine(**changes)) == shown
