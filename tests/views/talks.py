"""What the tutor and the instructor may say, as the client gives it: every state that a screen can show."""

from __future__ import annotations

from lms_desktop.client import tutor as api
from lms_desktop.client.conversations import Conversation, ConversationCard
from lms_desktop.client.exchanges import Exchange, Verdict
from lms_desktop.client.questions import ClassAnswer, Post, QuestionCard, QuestionState, Thread
from lms_desktop.client.sources import DocumentKind, Source
from lms_desktop.views.ask_state import AskState

NOW = 1_795_000_000_000
HALVING = (
    "Binary search makes at most ⌊log₂ n⌋ + 1 comparisons with middle elements. For a thousand elements that "
    "is 10, for a million 20, for a thousand million 30."
)
WRITTEN = (
    "Each comparison with the middle element halves what is left, so a list of n elements needs about "
    "log2(n) comparisons. For a million elements these are 20. It was invented in Babylon."
)
BABYLON = (WRITTEN.index("It was"), len(WRITTEN))
ARABIC = "كم عدد المقارنات التي يحتاجها البحث الثنائي في قائمة من ألف عنصر؟"
LONG = ("Why does the loop of the second version never end when the list has two elements? " * 30)[:2000]
LONG_NAME = "Maximiliana Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh of the Upper Valley"


def source(document: int = 11, page: int = 3, quote: str = HALVING, score: int = 710) -> Source:
    return Source(document, page, quote, score, DocumentKind.MATERIAL, "Counting the Cost")


def exchange(question: str = "How many comparisons does binary search need?", **changes: object) -> Exchange:
    facts: dict[str, object] = {
        "conversation": b"c" * 16,
        "course": 1,
        "assignment": None,
        "author": 2,
        "name": "Mia Larsen",
        "asked_ms": NOW,
        "verdict": Verdict.ANSWERED,
        "question": question,
        "score": 710,
        "engine": "generative",
        "text": WRITTEN,
        "sources": (source(), source(page=2, quote="A sorted list can be searched by halving.", score=560)),
        "unsupported": (BABYLON,),
        "answered_by": "LAB-B",
    }
    return Exchange(**{**facts, **changes})


DECLINED = {
    "verdict": Verdict.DECLINED,
    "score": 210,
    "reason": "This does not seem to be about Introduction to Algorithms.",
    "engine": "",
    "text": "",
    "sources": (source(page=1, quote="A recipe comes close, but a recipe may say “until done”."),),
    "unsupported": (),
}


def streaming(question: str = "How many comparisons does binary search need?") -> list[api.Update]:
    """The updates of an answer, before its end."""
    return [
        api.Accepted(0, 0),
        api.Gate(Verdict.ANSWERED, 710, 550, "", source()),
        api.Sources((source(), source(page=2, quote="A sorted list can be searched by halving.", score=560))),
        *(api.Token(word + " ") for word in WRITTEN.split(" ")[:24]),
    ]


def states() -> dict[str, AskState]:
    """One state of each kind, by name."""
    begun = AskState("How many comparisons does binary search need?", asked_ms=NOW)
    queued = begun.take(api.Accepted(3, 21_000))
    answering = begun
    for update in streaming():
        answering = answering.take(update)
    gate = api.Gate(Verdict.BORDERLINE, 500, 550, "", source())
    declined = api.Gate(Verdict.DECLINED, 210, 550, str(DECLINED["reason"]), DECLINED["sources"][0])
    answered = api.Answered(exchange(), None, "")
    return {
        "sending": begun,
        "queued": queued,
        "answering": answering,
        "restarted": answering.take(api.Restarted("The tutor stopped; your answer begins again.")),
        "answered": answering.take(answered),
        "extractive": begun.take(api.Gate(Verdict.ANSWERED, 710, 550, "", source())).take(
            api.Answered(exchange(engine="extractive", text="“...” [1]", unsupported=()), None, "")
        ),
        "borderline": begun.take(gate).take(
            api.Answered(
                exchange(
                    verdict=Verdict.BORDERLINE, text="", engine="", sources=(), score=500, unsupported=()
                ),
                None,
            )
        ),
        "declined": AskState("Who won the match on Sunday?", asked_ms=NOW)
        .take(declined)
        .take(api.Answered(exchange("Who won the match on Sunday?", **DECLINED), None)),
        "cancelled": answering.take(api.Failed("cancelled", "You stopped this answer.", True, exchange())),
        "crashed": answering.take(api.Failed("crashed", "The tutor stopped at this question.", True)),
        "busy": begun.take(api.Busy(8_000)),
        "unreachable": begun.failed("The LMS Desktop service on this computer does not answer."),
    }


def card(number: int = 21, **changes: object) -> QuestionCard:
    facts: dict[str, object] = {
        "question": number,
        "course": 1,
        "course_title": "Introduction to Algorithms",
        "assignment": 5,
        "assignment_title": "Search by Halves",
        "asker": 2,
        "name": "Mia Larsen",
        "text": "May I use a list with the same number twice? The text does not say.",
        "asked_ms": NOW,
        "last_ms": NOW,
        "state": QuestionState.UNANSWERED,
        "posts": 1,
        "unread": 0,
        "age": "2 days",
    }
    return QuestionCard(**{**facts, **changes})


def thread(question: QuestionCard | None = None, *, answered: bool = False) -> Thread:
    shown = question or card()
    posts = [Post(None, shown.asker, shown.name, False, NOW, shown.text, (source(),))]
    if answered:
        text = "Yes, but say which of the two your search finds. See the page for why."
        posts.append(Post(31, 3, "Omar Haddad", True, NOW + 60_000, text, (source(page=2, quote=""),)))
    return Thread(shown, tuple(posts), (exchange(), exchange("why?")))


def class_answer(number: int = 41, **changes: object) -> ClassAnswer:
    facts: dict[str, object] = {
        "answer": number,
        "course": 1,
        "course_title": "Introduction to Algorithms",
        "assignment": 5,
        "assignment_title": "Search by Halves",
        "question": None,
        "title": "May the list hold the same number twice?",
        "text": "Yes. Then say which of the equal numbers your search finds, and why.",
        "pages": (source(),),
        "author": 3,
        "name": "Omar Haddad",
        "when_ms": NOW,
        "unread": True,
    }
    return ClassAnswer(**{**facts, **changes})


def conversation_card(number: int = 1, **changes: object) -> ConversationCard:
    facts: dict[str, object] = {
        "conversation": bytes([number]) * 16,
        "course": 1,
        "assignment": 5,
        "assignment_title": "Search by Halves",
        "author": 2,
        "name": "Mia Larsen",
        "first": "How many comparisons does binary search need?",
        "exchanges": 3,
        "declined": 0,
        "last_ms": NOW,
    }
    return ConversationCard(**{**facts, **changes})


def conversation(*exchanges: Exchange) -> Conversation:
    return Conversation(
        b"c" * 16, 1, "Introduction to Algorithms", 5, "Search by Halves", 2, "Mia Larsen", exchanges
    )
