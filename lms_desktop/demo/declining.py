"""The story's limits of the tutor: what is not of the course is declined, and a human is one click away."""

from lms_desktop.client import conversations, questions, tutor
from lms_desktop.client.conversations import Verdict
from lms_desktop.client.errors import BadInput, CannotOpen
from lms_desktop.client.sources import Source
from lms_desktop.demo.asking import QUESTION, answers_on, ask
from lms_desktop.demo.cast import Cast, StoryFailed, expect, until
from lms_desktop.demo.handing_in import MIA, YUSUF, ZOFIA
from lms_desktop.demo.school import INSTRUCTOR
from lms_desktop.school.queries.questions import QuestionRow

OFF_TOPIC = "Who is going to win the football on Saturday?"
BORDERLINE = "How would a phone book help me find a number quickly?"
TO_INSTRUCTOR = "I see that it never ends, but not which of the two lines I should change."
FROM_ZOFIA = "May we write the trace by hand and photograph it?"


async def decline(cast: Cast) -> None:
    """No machine is tagged now: the light tutor on C declines, asks back, and hands over to a human."""
    seat = cast.seats["C"]
    mia = await cast.sign_in(MIA, seat)
    await answers_on(mia, cast, "here", seat.name)
    name = tutor.new_conversation()
    off = await ask(cast, mia, OFF_TOPIC, step="9 off topic", conversation=name)
    expect(off.verdict is Verdict.DECLINED, f"“{OFF_TOPIC}” is {off.verdict.name.lower()}, not declined.")
    expect(bool(off.reason) and not off.text, "A declined question has no reason, or has an answer.")
    expect(off.answered_by == seat.name, f"Machine {off.answered_by} declined, not the student's own.")
    border = await ask(cast, mia, BORDERLINE, step="9 borderline", conversation=name)
    expect(border.verdict is Verdict.BORDERLINE, f"“{BORDERLINE}” is {border.verdict.name.lower()}.")
    for exchange in (off, border):
        expect(bool(exchange.sources), "The nearest page is not shown with a question that is not answered.")
    sure = await ask(cast, mia, BORDERLINE, step="9 confirmed", conversation=name, confirmed=True)
    expect(sure.verdict is Verdict.ANSWERED, "A confirmed question is not answered.")
    about = await ask(cast, mia, QUESTION, step="9 before the instructor", conversation=name)

    sent = await questions.ask_instructor(
        mia,
        course=cast.course,
        assignment=cast.assignment,
        text=TO_INSTRUCTOR,
        conversation=name,
        pages=about.sources[:2],
    )
    cast.question = sent.made
    await _opens_for_staff_alone(cast, sent.made, about.sources[:2])
    saved = await conversations.save_conversation(
        mia, conversation=name, destination=cast.folder / "conversation.pdf"
    )
    expect(saved.stat().st_size > 0, "The conversation cannot be saved.")
    zofia = await cast.sign_in(ZOFIA, cast.seats["A"])
    await questions.ask_instructor(zofia, course=cast.course, assignment=cast.assignment, text=FROM_ZOFIA)


async def _opens_for_staff_alone(cast: Cast, question: int, pages: tuple[Source, ...]) -> None:
    instructor = await cast.sign_in(INSTRUCTOR.login, cast.seats["B"])

    async def arrived() -> bool:
        return bool(await instructor.query(QuestionRow, "question", question))

    await until(arrived, "The question does not come to the instructor's machine.")
    thread = await questions.thread(instructor, question=question)
    (post,) = thread.posts
    expect(post.text == TO_INSTRUCTOR, "The instructor reads another question.")
    expect([page.quote for page in post.pages] == [page.quote for page in pages], "The cited pages are lost.")
    asked = [exchange.question for exchange in thread.conversation]
    expect(asked == [OFF_TOPIC, BORDERLINE, BORDERLINE, QUESTION], f"The conversation is not whole: {asked}.")
    other = await cast.sign_in(YUSUF, cast.seats["B"])
    try:
        await questions.thread(other, question=question)
    except BadInput:
        pass
    else:
        raise StoryFailed("Another student's app shows the question.")
    (row,) = await other.query(QuestionRow, "question", question)
    try:
        await other.opener.open_as_staff(row, "question")
    except CannotOpen:
        return
    raise StoryFailed("Another student's keys open the question.")
