"""A conversation with the tutor as it goes on: it lives longer than the screen that shows it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from lms_desktop.client import tutor as api
from lms_desktop.client.conversations import Conversation
from lms_desktop.client.errors import ClientError
from lms_desktop.client.session import Session
from lms_desktop.views.ask_state import AskState, Phase, of_exchange
from lms_desktop.views.messages import explain
from lms_desktop.views.page import now_ms


class Talk(QObject):
    """One conversation of the signed-in person; one ask at a time. `changed(int)` names the exchange."""

    changed = Signal(int)

    def __init__(self, session: Session, course: int, assignment: int | None) -> None:
        super().__init__()
        self.course = course
        self.assignment = assignment
        self.conversation = api.new_conversation()
        self.states: list[AskState] = []
        self._session = session
        self._asking: api.Asking | None = None

    @classmethod
    def of(cls, session: Session, conversation: Conversation) -> Talk:
        """One that was begun earlier, to go on with."""
        talk = cls(session, conversation.course, conversation.assignment)
        talk.conversation = conversation.conversation
        talk.states = [of_exchange(exchange) for exchange in conversation.exchanges]
        return talk

    @property
    def running(self) -> bool:
        """True while the tutor has an ask of this conversation."""
        return bool(self.states) and self.states[-1].running

    async def ask(self, text: str, *, confirmed: bool = False) -> None:
        """Ask, and follow the answer to its end, whatever that is; errors end in the exchange's state.

        An ask that was not taken makes room for the next.
        """
        if self.states and self.states[-1].failure and self.states[-1].exchange is None:
            self.states.pop()
        state = AskState(text, confirmed, self._session.person.name, now_ms())
        self.states.append(state)
        number = len(self.states) - 1
        self.changed.emit(number)
        try:
            self._asking = api.ask(
                self._session,
                course=self.course,
                assignment=self.assignment,
                conversation=self.conversation,
                text=text,
                confirmed=confirmed,
            )
            async for update in self._asking:
                state = self.states[number] = state.take(update)
                self.changed.emit(number)
        except ClientError as error:
            message = explain(error)
            state = state.failed(f"{message.text} {message.hint}".strip())
        finally:
            self._asking = None
            if state.running and not state.failure:
                state = state.failed("The answer was not finished.")
            self.states[number] = replace(state, phase=Phase.ENDED)
            self.changed.emit(number)

    async def cancel(self) -> None:
        """Ask the tutor to stop; what it has said stays."""
        if self._asking is not None:
            await self._asking.cancel()

    def as_conversation(self) -> Conversation | None:
        """What is kept of it so far; None while nothing is."""
        kept = tuple(state.exchange for state in self.states if state.exchange is not None)
        person = self._session.person
        if not kept:
            return None
        return Conversation(
            self.conversation, self.course, "", self.assignment, "", person.number, person.name, kept
        )
