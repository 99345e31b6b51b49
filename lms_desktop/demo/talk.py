"""What people of the seeded school asked: the tutor, and their instructor, who has answered all but one."""

import asyncio

from lms_desktop.client import questions, sources, tutor
from lms_desktop.client.questions import QuestionState
from lms_desktop.client.session import Session

READ_S = 60.0
_POLL_S = 0.2

ASKED = "Why does the range never shrink if I write low = middle?"
UNANSWERED = "I see now why it never ends, but which of the two lines do I change in question 2?"
TO_ONE = "My list has an even number of elements. Which one is the middle?"
REPLY = "Either works if you stay with it; the chapter takes the lower one. See the page."
TO_ALL = "Do we lose points for a trace written by hand?"
CLASS_TITLE = "May the trace be written by hand?"
CLASS_ANSWER = "Yes. Scan or photograph it so that every number can be read, and hand in one PDF."


async def talk(instructor: Session, students: list[Session], course: int, assignment: int) -> None:
    """Ask and answer on an assignment of a course: the tutor once, the instructor three times."""
    mia, yusuf, zofia = students[:3]
    to_one = await questions.ask_instructor(yusuf, course=course, assignment=assignment, text=TO_ONE)
    to_all = await questions.ask_instructor(zofia, course=course, assignment=assignment, text=TO_ALL)
    await _arrived(instructor, course, 2)
    first = (await sources.documents(instructor, course=course))[0]
    page = sources.Source(first.document, 2, "")
    await questions.reply(instructor, question=to_one.made, text=REPLY, pages=(page,))
    await questions.answer_class(
        instructor,
        course=course,
        assignment=assignment,
        question=to_all.made,
        title=CLASS_TITLE,
        text=CLASS_ANSWER,
    )
    try:
        conversation, pages = await _ask_tutor(mia, course, assignment)
    except TimeoutError:  # a slow computer: the tutor goes on reading, and the school opens without that
        conversation, pages = None, ()
    await questions.ask_instructor(
        mia,
        course=course,
        assignment=assignment,
        text=UNANSWERED,
        conversation=conversation,
        pages=pages,
    )


async def _arrived(instructor: Session, course: int, count: int) -> None:
    async with asyncio.timeout(READ_S):
        while True:
            cards = await questions.course_questions(instructor, course=course)
            if sum(card.state is QuestionState.UNANSWERED for card in cards) == count:
                return
            await asyncio.sleep(_POLL_S)


async def _ask_tutor(
    student: Session, course: int, assignment: int
) -> tuple[bytes | None, tuple[sources.Source, ...]]:
    """Ask once the course has been read on the student's machine; returns conversation and quoted pages.

    Raises TimeoutError when reading takes longer than READ_S.
    """
    async with asyncio.timeout(READ_S):
        while True:
            if (await tutor.state(student, course=course)).state == "ready":
                break
            await asyncio.sleep(_POLL_S)
    conversation = tutor.new_conversation()
    asking = tutor.ask(student, course=course, assignment=assignment, conversation=conversation, text=ASKED)
    async for update in asking:
        if isinstance(update, tutor.Answered):
            return conversation, update.exchange.sources[: questions.PAGES_AT_MOST]
    return None, ()
