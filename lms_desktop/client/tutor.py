"""The tutor: which one answers here now, and how a question is put to it."""

from dataclasses import dataclass

from lms_desktop.client.asking import Asking as Asking
from lms_desktop.client.asking import tutor_state
from lms_desktop.client.session import Session
from lms_desktop.client.tutor_updates import Accepted as Accepted
from lms_desktop.client.tutor_updates import Answered as Answered
from lms_desktop.client.tutor_updates import Busy as Busy
from lms_desktop.client.tutor_updates import Failed as Failed
from lms_desktop.client.tutor_updates import Gate as Gate
from lms_desktop.client.tutor_updates import Restarted as Restarted
from lms_desktop.client.tutor_updates import Sources as Sources
from lms_desktop.client.tutor_updates import Token as Token
from lms_desktop.client.tutor_updates import Update as Update
from lms_desktop.school import limits
from lms_desktop.school.queries.people import MachineRow
from lms_desktop.trust.asks import TEXT
from lms_desktop.trust.primitives import random_bytes

QUESTION_LENGTH = TEXT
"""The longest question to the tutor, in characters."""


@dataclass(frozen=True, slots=True)
class TutorState:
    """Which tutor would answer now. `where`: host, here (the light tutor of this computer), none.

    `state`: ready, starting, indexing, down, unreachable; `done` of `total` pages are indexed; `model` is
    empty where no language model is loaded; `words` says it for people. `queued` asks wait before a new one.
    """

    where: str
    machine: str
    engine: str
    model: str
    state: str
    queued: int
    done: int
    total: int
    words: str

    @property
    def can_ask(self) -> bool:
        """An ask would be taken (it may wait for a start or for the index)."""
        return self.where != "none"


def new_conversation() -> bytes:
    """The name of a new conversation, which its exchanges share."""
    return random_bytes(limits.CONVERSATION_BYTES)


async def state(session: Session, *, course: int) -> TutorState:
    """Which tutor would answer a question on the course now. Raises NodeUnreachable, NodeRefused."""
    where, machine, engine, model, how, queued, done, total, words = await tutor_state(session, course)
    names = {row.machine: row.name for row in await session.query(MachineRow, "machines")}
    return TutorState(where, names.get(machine, ""), engine, model, how, queued, done, total, words)


def ask(
    session: Session,
    *,
    course: int,
    assignment: int | None = None,
    conversation: bytes,
    text: str,
    confirmed: bool = False,
) -> Asking:
    """Put a question to the tutor, as the next one of a conversation; see `Asking`.

    `confirmed`: the tutor asked "is this about ...?" about the same question, and the person said yes.
    """
    return Asking(session, course, assignment, conversation, text.strip(), confirmed)
