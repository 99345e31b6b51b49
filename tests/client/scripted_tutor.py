"""A link to a real node whose tutor says what a test wants: also what no honest machine would."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lms_desktop.client.errors import NodeRefused, NodeUnreachable
from lms_desktop.client.link import Link
from lms_desktop.node import identity
from lms_desktop.trust.answers import Answer, Source, Verdict
from lms_desktop.trust.asks import Ask
from lms_desktop.trust.primitives import SigningKey

Message = tuple[Any, ...]
QUOTE = "Each step halves what is left."
DOCUMENT = 7


class ScriptedTutor(Link):
    """The node's tutor verbs, by script; every other verb goes to the node of `data`.

    `script` gives what an ask leads to at once; `say` adds to it. `asks`, `cancelled` and `reads` (the
    numbers read on from) are what the app did.
    """

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.key = SigningKey(bytes.fromhex(json.loads((data / identity.FILE).read_bytes())["ed25519"]))
        self.script: Callable[[Ask], Sequence[Message]] = lambda ask: ()
        self.refusal: NodeRefused | None = None
        self.asks: list[Ask] = []
        self.cancelled: list[bytes] = []
        self.reads: list[int] = []
        self.gone = False
        self._known = False
        self._messages: list[Message] = []
        self._repeat = 0
        self._news = asyncio.Event()

    @property
    def machine(self) -> int:
        """The number of the machine whose node this is."""
        assert self.node is not None
        assert self.node.machine is not None
        return self.node.machine

    def say(self, *messages: Message, repeat: int = 0) -> None:
        """Say more; `repeat` so many of those that were read before with it."""
        self._messages += messages
        self._repeat = repeat
        self._news.set()

    def forget(self) -> None:
        """Forget the ask, as a node that was restarted does."""
        self._known = False
        self._news.set()

    async def call(self, verb: str, *args: Any, timeout_s: float = 10.0) -> Any:
        """The tutor's verbs by script, all others by the node."""
        match verb:
            case "tutor_state":
                return ("here", self.machine, "extractive", "", "ready", 0, 3, 3, "")
            case "tutor_ask":
                return self._ask(Ask.decode(args[0]))
            case "tutor_next":
                return await self._next(args[1], args[2])
            case "tutor_cancel":
                self.cancelled.append(args[0])
                return self.say(("failed", "cancelled", "The question was withdrawn.", True))
        return await super().call(verb, *args, timeout_s=timeout_s)

    def _ask(self, ask: Ask) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.asks.append(ask)
        self._known = True
        self._messages = list(self.script(ask))

    async def _next(self, after: int, wait_ms: int) -> tuple[Message, ...]:
        self.reads.append(after)
        while True:
            if self.gone:
                raise NodeUnreachable("The node does not answer.")
            if not self._known:
                raise NodeRefused("unknown_ask", "This node has no such question.")
            if self._messages[after:]:
                first = max(0, after - self._repeat)
                return tuple((first + place, *one) for place, one in enumerate(self._messages[first:], 1))
            self._news.clear()
            try:
                async with asyncio.timeout(wait_ms / 1000):
                    await self._news.wait()
            except TimeoutError:
                return ()

    def answer(
        self,
        ask: Ask,
        *,
        key: SigningKey | None = None,
        machine: int | None = None,
        verdict: Verdict = Verdict.ANSWERED,
        reason: str = "",
    ) -> bytes:
        """An answer to an ask, signed by this machine or as the test wants it."""
        assert self.node is not None
        assert self.node.cluster_id is not None
        answered = verdict is Verdict.ANSWERED
        return Answer.sign(
            self.node.cluster_id,
            key or self.key,
            machine=machine or self.machine,
            ask_digest=ask.digest(self.node.cluster_id),
            time_ms=ask.time_ms,
            verdict=verdict,
            score=512,
            reason=reason,
            engine="extractive" if answered else "",
            text=f"“{QUOTE}” [1]" if answered else "",
            sources=[Source(DOCUMENT, 2, QUOTE, 512)] if answered else [],
        ).encode()
