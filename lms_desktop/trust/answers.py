"""What the tutor answered, signed by the machine that answered.

answer     = [1, machine, ask_digest, time, verdict, score, reason, engine, text,
              [[document, page, quote, score], ...], [[start, end], ...], signature]    at most 32 KiB
  machine     the answering machine's principal number
  ask_digest  32 bytes: `asks.Ask.digest` of what was asked
  time        ms since 1970, UTC, by the machine's clock
  verdict     1 answered, 2 borderline ("is this about ...?"), 3 declined
  score       how near the question is to the course, in thousandths, as every score
  reason      in words, where it was not answered
  engine      what wrote the text; empty where nothing did
  sources     the quoted passages; a page counts from 1 to 100,000, 0 is the assignment's own text
  unsupported the spans of the text, in characters, that no source carries
  signature   64 bytes: Ed25519 over "LMS/v1/answer\\0" + cluster_id + strict encoding of the first eleven
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from lms_desktop.trust import wire
from lms_desktop.trust.asks import LATEST_MS
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import HASH_BYTES, SIGNATURE_BYTES, SigningKey, tag, verify
from lms_desktop.trust.wire import Packable, Value, WireError

VERSION: Final = 1
MAX_ANSWER: Final = 32 * 1024
TEXT: Final = 4_000
QUOTE: Final = 800
REASON: Final = 300
ENGINE: Final = 100
SOURCES: Final = 8
PAGES: Final = 100_000
UNSUPPORTED: Final = 64
SCORE: Final = 10_000
"""No score is further from 0 than this, in thousandths."""

_ANSWER_TAG = tag("answer")


class AnswerError(TrustError):
    """Bytes that are not an answer, or an answer over its limits."""


class Verdict(IntEnum):
    """What the tutor made of a question."""

    ANSWERED = 1
    BORDERLINE = 2
    DECLINED = 3


@dataclass(frozen=True, slots=True)
class Source:
    """A passage quoted word for word. ``document`` is a material's or assignment's reference."""

    document: int
    page: int
    quote: str
    score: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The tutor's answer to one ask; what the fields hold stands above."""

    machine: int
    ask_digest: bytes
    time_ms: int
    verdict: Verdict
    score: int
    reason: str
    engine: str
    text: str
    sources: tuple[Source, ...]
    unsupported: tuple[tuple[int, int], ...]
    signature: bytes

    @classmethod
    def sign(
        cls,
        cluster_id: bytes,
        key: SigningKey,
        *,
        machine: int,
        ask_digest: bytes,
        time_ms: int,
        verdict: Verdict,
        score: int,
        reason: str = "",
        engine: str = "",
        text: str = "",
        sources: Sequence[Source] = (),
        unsupported: Sequence[tuple[int, int]] = (),
    ) -> "Answer":
        """Make an answer, signed with the machine's key. Raises AnswerError over the limits above."""
        unsigned = cls(
            machine,
            ask_digest,
            time_ms,
            verdict,
            score,
            reason,
            engine,
            text,
            tuple(sources),
            tuple(unsupported),
            bytes(SIGNATURE_BYTES),
        )
        try:
            signature = key.sign(unsigned._signed(cluster_id))
        except WireError as error:
            raise AnswerError(f"This answer cannot be sent. {error}") from error
        return cls.decode(replace(unsigned, signature=signature).encode())

    def encode(self) -> bytes:
        """The answer's bytes."""
        return wire.pack((*self._first_eleven(), self.signature))

    @classmethod
    def decode(cls, raw: bytes) -> "Answer":
        """Read an answer; raises AnswerError for anything else. Nothing is believed before `is_signed_by`."""
        try:
            fields = wire.unpack(raw, limit=MAX_ANSWER)
        except WireError as error:
            raise AnswerError(f"This is not an answer. {error}") from error
        match fields:
            case (
                1,
                int(machine),
                bytes(ask_digest),
                int(time_ms),
                int(verdict),
                int(score),
                str(reason),
                str(engine),
                str(text),
                tuple(sources),
                tuple(unsupported),
                bytes(signature),
            ):
                pass
            case _:
                raise AnswerError("This is not an answer of a known version.")
        if any(type(number) is not int for number in (fields[0], machine, time_ms, verdict, score)):
            raise AnswerError("An answer's numbers are whole.")
        if machine < 1 or not 0 <= time_ms <= LATEST_MS or verdict not in set(Verdict) or abs(score) > SCORE:
            raise AnswerError("An answer's machine, time, verdict or score is out of range.")
        if len(ask_digest) != HASH_BYTES or len(signature) != SIGNATURE_BYTES:
            raise AnswerError("An answer has a digest of 32 bytes and a signature of 64.")
        if len(reason) > REASON or len(engine) > ENGINE or len(text) > TEXT:
            raise AnswerError("An answer's reason, engine or text is too long.")
        if len(sources) > SOURCES or len(unsupported) > UNSUPPORTED:
            raise AnswerError(f"An answer has at most {SOURCES} sources and {UNSUPPORTED} unsupported spans.")
        return cls(
            machine,
            ask_digest,
            time_ms,
            Verdict(verdict),
            score,
            reason,
            engine,
            text,
            tuple(_source(source) for source in sources),
            tuple(_span(span, len(text)) for span in unsupported),
            signature,
        )

    def is_signed_by(self, cluster_id: bytes, public: bytes) -> bool:
        """Whether the machine of this key answered exactly this, in this school."""
        return verify(public, self._signed(cluster_id), self.signature)

    def _first_eleven(self) -> tuple[Packable, ...]:
        return (
            VERSION,
            self.machine,
            self.ask_digest,
            self.time_ms,
            self.verdict,
            self.score,
            self.reason,
            self.engine,
            self.text,
            tuple((source.document, source.page, source.quote, source.score) for source in self.sources),
            self.unsupported,
        )

    def _signed(self, cluster_id: bytes) -> bytes:
        return _ANSWER_TAG + cluster_id + wire.pack(self._first_eleven())


def _source(fields: Value) -> Source:
    match fields:
        case (int(document), int(page), str(quote), int(score)):
            whole = type(document) is int and type(page) is int and type(score) is int
            if whole and document > 0 and 0 <= page <= PAGES and len(quote) <= QUOTE and abs(score) <= SCORE:
                return Source(document, page, quote, score)
    raise AnswerError("An answer's source is a document, a page, a quote and a score.")


def _span(fields: Value, length: int) -> tuple[int, int]:
    match fields:
        case (int(start), int(end)) if type(start) is int and type(end) is int:
            if 0 <= start < end <= length:
                return start, end
    raise AnswerError("An answer's unsupported spans lie in its text.")
