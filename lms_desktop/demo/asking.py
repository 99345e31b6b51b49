"""The story's tutor: a machine is tagged for it, a student asks, the pages answer; then a model does."""

from functools import cache, partial
from typing import Any

import psutil

from lms_desktop.client import machines, sources, tutor
from lms_desktop.client.conversations import Exchange, Verdict
from lms_desktop.client.session import Session
from lms_desktop.client.tutor import Answered, Asking, Failed, Token, Update
from lms_desktop.demo.cast import Cast, StoryFailed, expect, until
from lms_desktop.demo.handing_in import MIA
from lms_desktop.demo.modelling import add_model, can_generate
from lms_desktop.demo.school import ADMINISTRATOR
from lms_desktop.demo.seats import Seat

HOST, ASKER = "B", "C"
QUESTION = "Why does the range never shrink if I write low = middle?"
FOLLOW_UP = "why?"
OPEN_QUESTION = "How many comparisons does binary search need, and why?"
MORE_QUESTIONS = (
    "Why must the list be sorted for binary search?",
    "How many comparisons does binary search need?",
)
TOKENS = 20
STOPS = 5
WORKER_S = 60.0


async def quote_pages(cast: Cast) -> None:
    """B is tagged: the tutor runs there alone. A student on C asks, sees where it stands, and asks why."""
    admin = await cast.sign_in(ADMINISTRATOR.login, cast.seats["A"])
    await machines.set_gpu_host(admin, machine=await _number(admin, HOST), on=True)
    mia = await cast.sign_in(MIA, cast.seats[ASKER])
    await answers_on(mia, cast, "host", HOST)
    await until(partial(_only_worker_on, cast, HOST), "The tutor does not run on machine B alone.")

    name = tutor.new_conversation()
    first = await ask(cast, mia, QUESTION, step="8 pages", conversation=name)
    expect(first.verdict is Verdict.ANSWERED, f"“{QUESTION}” is not answered: {first.reason}")
    expect(first.extractive, f"Without a language model the answer is by “{first.engine}”.")
    expect(bool(first.sources), "The answer quotes no page.")
    expect(first.answered_by == HOST, f"Machine {first.answered_by} answered, not {HOST}.")
    why = await ask(cast, mia, FOLLOW_UP, step="8 pages", conversation=name)
    expect(why.verdict is Verdict.ANSWERED, f"The follow-up “{FOLLOW_UP}” is not understood: {why.reason}")
    cited = {source.document for source in first.sources}
    expect(bool(cited & {source.document for source in why.sources}), "The follow-up leaves the subject.")
    alone = await ask(cast, mia, FOLLOW_UP, step="8 pages")
    expect(alone.verdict is not Verdict.ANSWERED, f"“{FOLLOW_UP}” is answered without a conversation.")


async def generate(cast: Cast) -> str:
    """A GPT-2 is made of the course's pages and added on B; its answers stream; then B is untagged."""
    seat, mia = cast.seats[HOST], cast.sessions[MIA]
    admin = await cast.sign_in(ADMINISTRATOR.login, cast.seats["A"])
    note = ""
    if can_generate():
        await add_model(seat, await cast.model.made())
        await until(partial(_has_model, mia, cast), "The model is not loaded on B.", timeout_s=WORKER_S)
        for text in (OPEN_QUESTION, *MORE_QUESTIONS):  # so small a model sometimes says little
            answered = await ask(cast, mia, text, step="8 model")
            expect(answered.verdict is Verdict.ANSWERED, f"“{text}” is not answered: {answered.reason}")
            expect(not answered.extractive and bool(answered.text), "The language model wrote nothing.")
            if cast.report.tutor[-1]["tokens"] >= TOKENS:
                break
        else:
            raise StoryFailed(f"No written answer came in {TOKENS} pieces or more.")
        for _ in range(STOPS):  # so small a model may be done before it can be stopped
            stopped = await ask(cast, mia, text, step="8 model, cancelled", cancel_after=TOKENS // 2)
            if stopped.verdict is Verdict.UNFINISHED:
                break
        expect(stopped.verdict is Verdict.UNFINISHED, "A cancelled answer is not marked as unfinished.")
        expect(bool(stopped.text), "What was streamed of a cancelled answer is not kept.")
    else:
        note = "its generated half was not played: PyTorch is not installed here"
    await machines.set_gpu_host(admin, machine=await _number(admin, HOST), on=False)
    await until(partial(_no_worker_on, seat), "The worker on B goes on without its tag.")
    return note


async def ask(
    cast: Cast,
    session: Session,
    text: str,
    *,
    step: str,
    conversation: bytes | None = None,
    confirmed: bool = False,
    cancel_after: int | None = None,
) -> Exchange:
    """Ask on the assignment, check what comes in what order, and note it for the report.

    `cancel_after`: so many pieces of the generated answer.
    """
    question = tutor.ask(
        session,
        course=cast.course,
        assignment=cast.assignment,
        conversation=conversation or tutor.new_conversation(),
        text=text,
        confirmed=confirmed,
    )
    updates = await _listen(question, cancel_after)
    *before, end = updates
    expect(isinstance(end, Answered | Failed), f"“{text}” did not end: {end}")
    assert isinstance(end, Answered | Failed)
    streamed = [update.text for update in before if isinstance(update, Token)]
    exchange = end.exchange
    if exchange is None or (isinstance(end, Failed) and end.code != "cancelled"):
        raise StoryFailed(f"“{text}” was not answered: {end.words if isinstance(end, Failed) else ''}")
    gates = [update for update in before if isinstance(update, tutor.Gate)]
    expect(len(gates) == 1, "The relevance check is not shown once.")
    if streamed:
        quoted = [place for place, update in enumerate(before) if isinstance(update, tutor.Sources)]
        first = next(place for place, update in enumerate(before) if isinstance(update, Token))
        expect(bool(quoted) and quoted[0] < first, "The quoted pages do not come before the written answer.")
    expect(end.sent is not None, "The exchange was not handed in.")
    cast.report.tutor.append(
        {
            "step": step,
            "question": text,
            "verdict": exchange.verdict.name.lower(),
            "score": gates[0].score / 1000,
            "threshold": gates[0].threshold / 1000,
            "engine": exchange.engine,
            "tokens": len(streamed),
            "citations": [await _citation(cast, session, source) for source in exchange.sources],
        }
    )
    return exchange


async def _listen(question: Asking, cancel_after: int | None) -> list[Update]:
    updates: list[Update] = []
    tokens = 0
    async for update in question:
        updates.append(update)
        tokens += isinstance(update, Token)
        if tokens == cancel_after and isinstance(update, Token):
            await question.cancel()
    return updates


async def _citation(cast: Cast, session: Session, source: sources.Source) -> dict[str, Any]:
    """Where a quote stands, checked on the page that its citation opens."""
    if source.page:
        pages = _pages(await sources.open_document(session, source=source))
        text = pages[source.page - 1] if source.page <= len(pages) else ""
    else:
        found = await sources.documents(session, course=cast.course)
        text = next((f"{one.title} {one.text}" for one in found if one.document == source.document), "")
    verbatim = _plain(source.quote) in _plain(text)
    expect(verbatim, f"“{source.quote}” does not stand in {source.place}.")
    return {"document": source.title, "page": source.page, "verbatim": verbatim}


@cache
def _pages(pdf: bytes) -> tuple[str, ...]:
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        return tuple(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def _plain(text: str) -> str:
    """Text without white space, a hyphen at the end of a line as PDFium marks it made one."""
    return "".join(text.replace("\ufffe", "-").split())


# -- machines ------------------------------------------------------------------------------------------------


async def _number(admin: Session, name: str) -> int:
    page = await machines.machines_page(admin)
    return next(row.machine for row in page.machines if row.name == name)


async def answers_on(session: Session, cast: Cast, where: str, name: str) -> None:
    """Wait until the tutor of a machine answers for a session, all of the course read. `where`: the machine
    is the `host`, or the session's own (`here`)."""

    async def ready() -> bool:
        found = await tutor.state(session, course=cast.course)
        read = found.total > 0 and found.done == found.total
        return (found.where, found.machine, found.state) == (where, name, "ready") and read

    await until(ready, f"The tutor on machine {name} does not become ready.", timeout_s=WORKER_S)


async def _has_model(session: Session, cast: Cast) -> bool:
    found = await tutor.state(session, course=cast.course)
    return found.state == "ready" and bool(found.model)


async def _only_worker_on(cast: Cast, name: str) -> bool:
    running = [seat.name for seat in cast.school_seats if worker_of(seat) is not None]
    return running == [name]


async def _no_worker_on(seat: Seat) -> bool:
    return worker_of(seat) is None


def worker_of(seat: Seat) -> int | None:
    """The process id of the tutor's worker that a seat's node runs; None where it runs none."""
    if seat.pid is None:
        return None
    for child in psutil.Process(seat.pid).children():
        try:
            words = child.cmdline()
        except psutil.Error:  # it ended meanwhile
            continue
        if words[-2:] == ["tutor", "worker"]:
            return child.pid
    return None
