"""Generated answers: from a question and its passages to pieces of text, for a class at once."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lms_desktop.tutor import scheduler
from lms_desktop.tutor.prompting import Pairs, Prompter, QuestionTooLong
from lms_desktop.tutor.protocol import Source
from lms_desktop.tutor.scheduler import Made, Over, Placed, Refused, Scheduler

ANSWER_CHARS: Final = 3_900
REPEATED_CHARS: Final = 24  # a sentence at least so long is not said twice
_SENTENCE: Final = re.compile(r"[^.!?]+[.!?]+(?=\s)")
_WORDS: Final = {
    scheduler.CANCELLED: "The question was withdrawn.",
    scheduler.DEADLINE: "The answer was not ready in time. Many may be asking; ask again in a while.",
    scheduler.OUT_OF_MEMORY: "The tutor's computer lacks the memory to answer now. Ask again in a while.",
}


@dataclass(frozen=True, slots=True)
class Queued:
    """The ask waits at this position (0: it is being answered), for about so long."""

    id: bytes
    position: int
    eta_ms: int


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of an answer."""

    id: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is complete: all its pieces together."""

    id: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """There will be no (more) answer; codes and words as in the worker's protocol."""

    id: bytes
    code: str
    words: str
    retryable: bool


Event = Queued | Text | Ended | Failed | Refused


class Generator:
    """A loaded model at work. Everything is called from one thread; only `step` takes long (one forward
    pass).

    Each ask that was submitted ends in exactly one of Ended, Failed and Refused.
    """

    def __init__(self, model: str, device: str, context: int, tokenizer: Any, queue: Scheduler) -> None:
        self.model = model
        self.device = device
        self.context = context
        self._tokenizer = tokenizer
        self._prompter = Prompter(tokenizer, context)
        self._scheduler = queue
        self._streams: dict[bytes, TextStream] = {}
        self._refused: list[Event] = []

    @property
    def queued(self) -> int:
        return self._scheduler.queued

    @property
    def active(self) -> int:
        return self._scheduler.active

    @property
    def idle(self) -> bool:
        """Whether a step would do nothing."""
        return self._scheduler.idle and not self._refused

    def submit(
        self,
        ask_id: bytes,
        student: int,
        text: str,
        history: Pairs,
        sources: Sequence[Source],
        deadline: float,
    ) -> None:
        """Take a question with the passages that answer it, the best first; `deadline` in `time.monotonic`
        seconds.

        A question that is in hand already is not taken twice.
        """
        if ask_id in self._streams:
            return
        try:
            prompt = self._prompter.prompt(text, history, [source.quote for source in sources])
        except QuestionTooLong as error:
            self._refused.append(Failed(ask_id, "too_long", f"{error} Ask it more shortly.", False))
            return
        self._streams[ask_id] = TextStream(self._decode, self._prompter.stops)
        self._scheduler.submit(ask_id, student, prompt, self._prompter.answer_tokens, deadline)

    def cancel(self, ask_id: bytes) -> None:
        """End an answer for which nobody waits; it ends in `Failed`. An unknown id has ended before."""
        self._scheduler.cancel(ask_id)

    def step(self) -> list[Event]:
        """Do the next piece of work and return what happened."""
        events, self._refused = self._refused, []
        for event in self._scheduler.step():
            match event:
                case Placed(ask_id, position, eta_ms):
                    events.append(Queued(ask_id, position, eta_ms))
                case Made(ask_id, token):
                    stream = self._streams[ask_id]
                    if piece := stream.take(token):
                        events.append(Text(ask_id, piece))
                    if stream.complete:
                        self._scheduler.finish(ask_id)
                case Over(ask_id, reason):
                    events += self._ended(ask_id, reason)
                case Refused(ask_id):
                    del self._streams[ask_id]
                    events.append(event)
        return events

    def _ended(self, ask_id: bytes, reason: str) -> list[Event]:
        stream = self._streams.pop(ask_id)
        if reason in _WORDS:
            return [Failed(ask_id, reason, _WORDS[reason], True)]
        rest = stream.rest()
        return [*([Text(ask_id, rest)] if rest else []), Ended(ask_id, stream.text)]

    def _decode(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


class TextStream:
    """Tokens in, text out, as early as it is certain.

    Held back: half a character, white space at the end, what may become a stop string, and what may become a
    sentence that was said before (greedy decoding loops; the answer ends there). `text` is all that was let
    out.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stops: Sequence[str]) -> None:
        self._decode = decode
        self._stops = list(stops)
        self._tokens: list[int] = []
        self._read = 0  # up to where sentences were looked for
        self.text = ""
        self.complete = False

    def take(self, token: int) -> str:
        """Return what the token adds, which may be nothing yet."""
        if self.complete:
            return ""
        self._tokens.append(token)
        return self._let_out(self._decode(self._tokens).lstrip(), ending=False)

    def rest(self) -> str:
        """Return what was held back, at the end."""
        return "" if self.complete else self._let_out(self._decode(self._tokens).lstrip(), ending=True)

    def _let_out(self, whole: str, ending: bool) -> str:
        end = len(whole)
        if not ending:
            end = len(whole.rstrip("�"))
            end = min([end, *(self._begins(whole[:end], stop) for stop in self._stops)])
        found = [place for stop in self._stops if (place := whole.find(stop, self._read)) >= 0]
        if found or len(whole) > ANSWER_CHARS:
            self.complete = True
            end = min([*found, ANSWER_CHARS, len(whole)])
        shown = whole[:end].rstrip()
        piece = shown[len(self.text) :]
        self.text += piece
        self._learn()
        return piece

    @staticmethod
    def _begins(text: str, stop: str) -> int:
        """Where an unfinished stop string begins at the text's end."""
        for length in range(min(len(stop) - 1, len(text)), 0, -1):
            if text.endswith(stop[:length]):
                return len(text) - length
        return len(text)

    def _learn(self) -> None:
        for sentence in _SENTENCE.finditer(self.text, self._read):
            self._read = sentence.end()
            said = sentence.group().strip()
            if len(said) >= REPEATED_CHARS:
                self._stops.append(said)
