"""Home.

For a student what is due and new, for an instructor what waits, for an administrator how the school stands.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar, QWidget

from lms_desktop.client import today as api
from lms_desktop.client.questions import QuestionCard
from lms_desktop.school.changes import Changes
from lms_desktop.views.icons import IconLabel
from lms_desktop.views.page import Context, Page, Place, now_ms
from lms_desktop.views.times import ago, when
from lms_desktop.views.widgets import (
    Banner,
    Card,
    EmptyState,
    ListCard,
    RowButton,
    Scroll,
    button,
    clear,
    column,
    label,
    list_row,
    pill,
    row,
)

GROUPS = {
    api.When.OVERDUE: ("Overdue", "danger"),
    api.When.TODAY: ("Today", "warning"),
    api.When.THIS_WEEK: ("This week", "accent"),
    api.When.LATER: ("Later", ""),
}
SIDE_WIDTH = 320


class _Home(Page):
    """A greeting, a wide column of lists and a narrow one beside it."""

    shows = ~Changes(0)

    def __init__(self, context: Context, place: Place) -> None:
        super().__init__(context)
        now = datetime.now(ZoneInfo(context.zone))
        part = "morning" if now.hour < 12 else "afternoon" if now.hour < 18 else "evening"
        first = context.session.person.name.split()[0]
        self._main = column(gap=16)
        self._side = column(gap=16)
        main_panel = QWidget()
        main_panel.setLayout(self._main)
        self._side_panel = QWidget()
        self._side_panel.setFixedWidth(SIDE_WIDTH)
        self._side_panel.setLayout(self._side)
        columns = row(main_panel, self._side_panel, gap=24, stretch=0)
        columns.setAlignment(self._side_panel, Qt.AlignmentFlag.AlignTop)
        head = column(
            label(f"Good {part}, {first}", "display"),
            label(f"{now:%A}, {now.day} {now:%B %Y}", "muted"),
            gap=2,
        )
        self.set_content(Scroll(head, columns, None, gap=20, width=1120))

    def fill_columns(self, main: list[QWidget], side: list[QWidget]) -> None:
        """Show these lists."""
        for box, widgets in ((self._main, main), (self._side, side)):
            clear(box)
            for widget in widgets:
                box.addWidget(widget)
            box.addStretch(1)
        self._side_panel.setVisible(bool(side))

    def to(self, name: str, key: int, title: str, item: int | None = None) -> None:
        """Go to a screen."""
        self.context.go(Place(name, key, title, item))


class StudentToday(_Home):
    """What is due, what is new, how far I am."""

    async def load(self) -> None:
        """Ask and show."""
        self.show_today(await api.student_today(self.session))

    def show_today(self, today: api.StudentToday) -> None:
        """Show what the client found."""
        main: list[QWidget] = []
        for group, (heading, tone) in GROUPS.items():
            items = [item for item in today.due if item.when == group]
            if items:
                main.append(ListCard(heading, [self._due(item, tone) for item in items], count=len(items)))
        if not today.progress:
            sentence = "Your courses appear here once an instructor enrols you."
            main.append(Card(EmptyState("book", "You are in no course yet", sentence)))
        elif not today.due:
            main.append(
                Card(EmptyState("check-circle", "Nothing to hand in", "You have handed in all that is set."))
            )
        if today.materials:
            main.append(ListCard("New material", [self._material(item) for item in today.materials]))
        side: list[QWidget] = []
        if today.replies:
            rows: list[QWidget] = [self._reply(item) for item in today.replies]
            side.append(ListCard("New replies", rows, count=len(rows)))
        if today.feedback:
            heading = "New feedback" if any(item.unread for item in today.feedback) else "Feedback"
            side.append(ListCard(heading, [self._feedback(item) for item in today.feedback]))
        if today.progress:
            side.append(progress_card(today.progress))
        self.fill_columns(main, side)

    def _due(self, item: api.DueItem, tone: str) -> RowButton:
        due = when(item.due_ms, self.context.zone, now_ms()) + (
            " (extended for you)" if item.extended else ""
        )
        return list_row(
            f"today.due.{item.assignment}",
            item.title,
            f"due {due}  ·  {item.course_title}",
            lead=IconLabel("assignment", "accent", 22),
            trailing=(pill(item.sentence, tone),),
            spoken=f"{item.sentence}: {item.title}, {item.course_title}, due {due}",
            on_click=lambda: self.to("assignment", item.assignment, item.course_title),
        )

    def _material(self, item: api.NewMaterial) -> RowButton:
        return list_row(
            f"today.material.{item.material}",
            item.title,
            f"{item.course_title}  ·  added {ago(item.added_ms, self.context.zone, now_ms())}",
            lead=IconLabel("file", "muted", 22),
            on_click=lambda: self.to("material", item.material, item.title, item.course),
        )

    def _feedback(self, item: api.Feedback) -> RowButton:
        new = (pill("New", "accent"),) if item.unread else ()
        return list_row(
            f"today.feedback.{item.assignment}",
            item.title,
            item.course_title,
            trailing=new,
            spoken=f"Feedback on {item.title}, {item.course_title}{', unread' if item.unread else ''}",
            on_click=lambda: self.to("assignment", item.assignment, item.course_title),
        )

    def _reply(self, item: api.Reply) -> RowButton:
        about = item.assignment_title or item.course_title
        title = item.title if item.to_class else f"{item.name} replied"
        kind = "answered for the class" if item.to_class else about
        return list_row(
            f"today.reply.{item.item}",
            title,
            f"{kind}  ·  {ago(item.when_ms, self.context.zone, now_ms())}",
            lead=IconLabel("question", "accent", 22),
            spoken=f"New reply: {title}, {about}",
            on_click=lambda: self.to(
                "questions", 0, "Questions", item.item if item.to_class else item.question
            ),
        )


def progress_card(progress: tuple[api.CourseProgress, ...]) -> Card:
    """Return a student's progress, course by course."""
    card = Card(label("My progress", "section"), gap=14)
    for item in progress:
        bar = QProgressBar()
        bar.setRange(0, max(item.assignments, 1))
        bar.setValue(item.submitted)
        bar.setTextVisible(False)
        bar.setAccessibleName(f"{item.title}: {item.submitted} of {item.assignments} handed in")
        card.body.addLayout(
            column(
                label(item.title, "strong", wrap=True),
                bar,
                label(f"{item.submitted} of {item.assignments} handed in, {item.graded} graded", "small"),
                label(f"Materials read: {item.read} of {item.materials}", "small"),
                gap=5,
            )
        )
    return card


class InstructorToday(_Home):
    """What is to grade, and who is missing."""

    async def load(self) -> None:
        """Ask and show."""
        self.show_today(await api.instructor_today(self.session))

    def show_today(self, today: api.InstructorToday) -> None:
        """Show what the client found."""
        waiting = [item for item in today.to_grade if item.to_grade or item.drafts]
        others = [item for item in today.to_grade if not (item.to_grade or item.drafts)]
        main: list[QWidget] = []
        if waiting:
            main.append(ListCard("To grade", [self._grading(item) for item in waiting], count=len(waiting)))
        else:
            main.append(
                Card(EmptyState("check-circle", "Nothing to grade", "Handed-in work will appear here."))
            )
        if others:
            main.append(ListCard("Other assignments", [self._grading(item) for item in others]))
        side: list[QWidget] = []
        if today.unanswered:
            asked: list[QWidget] = [self._question(card) for card in today.unanswered[:6]]
            side.append(ListCard("Unanswered questions", asked, count=today.waiting))
        if today.missing:
            rows = [self._missing(item) for item in today.missing[:12]]
            side.append(ListCard("Not handed in", rows, count=len(today.missing)))
        self.fill_columns(main, side)

    def _grading(self, item: api.ToGrade) -> RowButton:
        zone = self.context.zone
        counts = [f"{item.submitted} of {item.enrolled} handed in"]
        counts += [f"{item.released} released"] if item.released else []
        pills = [pill(f"{item.to_grade} to grade", "accent")] if item.to_grade else []
        pills += [pill(f"{item.drafts} {'draft' if item.drafts == 1 else 'drafts'}", "warning")] * bool(
            item.drafts
        )
        return list_row(
            f"today.grade.{item.assignment}",
            item.title,
            f"{item.course_title}  ·  {', '.join(counts)}  ·  due {when(item.due_ms, zone, now_ms())}",
            lead=IconLabel("grading", "accent", 22),
            trailing=tuple(pills),
            spoken=f"{item.title}, {item.course_title}: {item.to_grade} to grade, {', '.join(counts)}",
            on_click=lambda: self.to("grading", item.assignment, item.title),
        )

    def _question(self, card: QuestionCard) -> RowButton:
        text = " ".join(card.text.split()) or card.problem
        waits = f"waiting {card.age}" if card.age else "new"
        return list_row(
            f"today.question.{card.question}",
            card.name,
            text,
            trailing=(pill(card.age or "new", "warning"),),
            spoken=f"Unanswered question of {card.name}, {waits}: {text}",
            on_click=lambda: self.to("answering", 0, "Questions", card.question),
        )

    def _missing(self, item: api.MissingWork) -> RowButton:
        return list_row(
            f"today.missing.{item.assignment}.{item.student}",
            item.name,
            item.title,
            trailing=(pill("Overdue", "danger"),) if item.overdue else (),
            on_click=lambda: self.to("grading", item.assignment, item.title),
        )


class AdministratorToday(_Home):
    """How the school stands."""

    async def load(self) -> None:
        """Ask and show."""
        self.show_today(await api.administrator_today(self.session))

    def show_today(self, today: api.AdministratorToday) -> None:
        """Show what the client found."""
        main: list[QWidget] = []
        if not today.quorum:
            main.append(
                Banner(
                    "The school cannot take changes now: too few keepers are switched on. Everything stays "
                    "readable, and what is done waits. The machines page names those to switch on.",
                    "warning",
                    button(
                        "&Machines", "today.to_machines", on_click=lambda: self.to("machines", 0, "Machines")
                    ),
                )
            )
        figures = row(gap=16)
        for name, number, text, place in (
            ("people", str(today.people), "people", "people"),
            ("awaiting", str(today.awaiting_first_sign_in), "await their first sign-in", "people"),
            ("online", f"{today.machines_online} of {today.machines}", "machines are on", "machines"),
            ("keepers", str(today.keepers), "keeper" if today.keepers == 1 else "keepers", "machines"),
        ):
            content = column(label(number, "display"), label(text, "muted"), gap=2, margins=(16, 14, 16, 14))
            tile = RowButton(f"today.{name}", f"{number} {text}", content, kind="tile")
            tile.clicked.connect(lambda _=False, place=place: self.to(place, 0, place.capitalize()))
            figures.addWidget(tile, 1)
        tiles = QWidget()
        tiles.setLayout(figures)
        main.append(tiles)
        steps = [
            list_row(
                "today.add_people",
                "Add people",
                "By hand or from a CSV; each gets a slip with six words",
                lead=IconLabel("people", "accent", 22),
                on_click=lambda: self.to("people", 0, "People"),
            ),
            list_row(
                "today.add_machines",
                "Add machines",
                "Make the provisioning file with which a machine joins",
                lead=IconLabel("machine", "accent", 22),
                on_click=lambda: self.to("machines", 0, "Machines"),
            ),
        ]
        main.append(ListCard("What you may want to do", steps))
        side: list[QWidget] = []
        if today.refused_joins:
            side.append(
                Banner(
                    f"{today.refused_joins} refused {'attempt' if today.refused_joins == 1 else 'attempts'} "
                    "to join. See the machines page.",
                    "warning",
                )
            )
        if today.keepers < 3:
            side.append(
                Banner(
                    "With three keepers the school goes on when any one machine fails. "
                    f"Now there {'is 1' if today.keepers == 1 else f'are {today.keepers}'}.",
                    "accent",
                )
            )
        self.fill_columns(main, side)
