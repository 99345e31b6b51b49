"""The story's instructor: answers to one and to the class, and the tutor switched off for a while."""

from lms_desktop.client import questions, sources, today, tutor, tutor_settings
from lms_desktop.client.conversations import Verdict
from lms_desktop.client.errors import BadInput, TutorOff
from lms_desktop.client.questions import QuestionState
from lms_desktop.client.session import Session
from lms_desktop.client.tutor_settings import TutorMode
from lms_desktop.demo.asking import QUESTION, ask
from lms_desktop.demo.cast import Cast, StoryFailed, expect, until
from lms_desktop.demo.declining import FROM_ZOFIA, TO_INSTRUCTOR
from lms_desktop.demo.handing_in import MIA, YUSUF, ZOFIA
from lms_desktop.demo.school import INSTRUCTOR
from lms_desktop.school import deadlines

REPLY = "The one that sets low: the middle itself has been compared already."
CLASS_TITLE = "May the trace be written by hand?"
CLASS_ANSWER = "Yes. Scan or photograph it, and hand in one PDF."
REASON = "Try this one without help first."
HOUR_MS = 60 * 60 * 1000


async def reply(cast: Cast) -> None:
    """Unanswered questions by age; a reply to one with a page, an answer for all; badges; they are read."""
    instructor = await cast.sign_in(INSTRUCTOR.login, cast.seats["A"])

    async def both() -> today.InstructorToday | None:
        home = await today.instructor_today(instructor)
        return home if home.waiting == 2 else None

    home = await until(both, "The instructor's Today does not show the two questions.")
    waiting = [(card.text, card.state) for card in home.unanswered]
    expected = [(text, QuestionState.UNANSWERED) for text in (TO_INSTRUCTOR, FROM_ZOFIA)]
    expect(waiting == expected, f"The questions do not stand by age: {waiting}.")

    first, second = home.unanswered
    documents = await sources.documents(instructor, course=cast.course)
    page = sources.Source(documents[0].document, 1, "")
    await questions.reply(instructor, question=first.question, text=REPLY, pages=(page,))
    await questions.answer_class(
        instructor,
        course=cast.course,
        assignment=cast.assignment,
        question=second.question,
        title=CLASS_TITLE,
        text=CLASS_ANSWER,
    )
    expect((await questions.counts(instructor)).unanswered == 0, "Answered questions still wait.")

    mia = await cast.sign_in(MIA, cast.seats["C"])
    unread = await _unread(mia, 2)
    (mine,) = [one for one in unread if not one.to_class]
    thread = await questions.thread(mia, question=cast.question)
    expect([post.text for post in thread.posts] == [TO_INSTRUCTOR, REPLY], "The student reads another reply.")
    (cited,) = thread.posts[-1].pages
    expect((cited.title, cited.page) == (documents[0].title, 1), "The reply's page reference is lost.")
    for one in unread:
        await questions.mark_seen(mia, item=one.item)
    await _unread(mia, 0)
    saved = await questions.save_thread(mia, question=cast.question, destination=cast.folder / "question.pdf")
    expect(saved.stat().st_size > 0, "The question cannot be saved.")
    for login in (YUSUF, ZOFIA):
        other = await cast.sign_in(login, cast.seats["C"])
        (answer,) = await _unread(other, 1)
        expect((answer.to_class, answer.title) == (True, CLASS_TITLE), "A reply to one is shown to another.")
        try:
            await questions.thread(other, question=mine.question or 0)
        except BadInput:
            continue
        raise StoryFailed("Another student's app shows the reply.")


async def switch_off(cast: Cast) -> None:
    """The tutor is off for the assignment, for a time, then for the course; students are told why."""
    instructor = await cast.sign_in(INSTRUCTOR.login, cast.seats["A"])
    mia = await cast.sign_in(MIA, cast.seats["C"])
    ends = await instructor.now_ms() + HOUR_MS
    await _set(cast, instructor, cast.assignment, TutorMode.OFF, ends_ms=ends)
    told = await _told(cast, mia, cast.assignment)
    until_when = deadlines.clock_text(ends, mia.zone)
    expect(told.until_ms == ends and until_when in told.what, f"Until when is not said: {told}")
    about = tutor.ask(mia, course=cast.course, conversation=tutor.new_conversation(), text=QUESTION)
    *_, end = [update async for update in about]
    expect(isinstance(end, tutor.Answered), "Off for an assignment, the tutor is off for the course too.")
    await _set(cast, instructor, cast.assignment, TutorMode.ON)
    await _set(cast, instructor, None, TutorMode.OFF)
    told = await _told(cast, mia, None)
    expect(told.until_ms is None, "The tutor is off without an end, and an end is said.")
    await _set(cast, instructor, None, TutorMode.ON)

    async def on() -> bool:
        found = await tutor_settings.in_force(mia, course=cast.course, assignment=cast.assignment)
        return found.mode is TutorMode.ON

    await until(on, "The tutor is not switched on again.")
    again = await ask(cast, mia, QUESTION, step="10 on again")
    expect(again.verdict is Verdict.ANSWERED, "Switched on again, the tutor does not answer.")


async def _unread(student: Session, count: int) -> tuple[today.Reply, ...]:
    async def look() -> tuple[tuple[today.Reply, ...]] | None:
        replies = (await today.student_today(student)).replies
        counted = (await questions.counts(student)).unread
        return (replies,) if len(replies) == counted == count else None

    name = student.person.name
    return (await until(look, f"{name} does not have {count} unread answers."))[0]


async def _set(
    cast: Cast, instructor: Session, assignment: int | None, mode: TutorMode, *, ends_ms: int | None = None
) -> None:
    found = await tutor_settings.settings(instructor, course=cast.course)
    setting = next(one for one in found if one.assignment == assignment)
    reason = REASON if mode is TutorMode.OFF else ""
    await tutor_settings.set_tutor(instructor, setting=setting, mode=mode, ends_ms=ends_ms, reason=reason)


async def _told(cast: Cast, student: Session, assignment: int | None) -> TutorOff:
    """What the student is told who asks; waits until the setting is on the student's machine."""

    async def off() -> bool:
        found = await tutor_settings.in_force(student, course=cast.course, assignment=assignment)
        return found.mode is TutorMode.OFF

    await until(off, "The tutor is not switched off on the student's machine.")
    name = tutor.new_conversation()
    about = tutor.ask(student, course=cast.course, assignment=assignment, conversation=name, text=QUESTION)
    try:
        async for update in about:
            raise StoryFailed(f"The tutor answers although it is switched off: {update}")
    except TutorOff as error:
        expect(error.reason == REASON, f"The student is told another reason: “{error.reason}”.")
        return error
    raise StoryFailed("The tutor says nothing although it is switched off.")
