"""An ask: one question put to the tutor, signed by the person who asks, never entered in the ledger as such.

    ask       = [1, author, course, assignment, ask_id, time, body, signature]            at most 24 KiB
      assignment 0 where the question is on the whole course
      ask_id     16 random bytes, new for each question: who repeats it asks the same thing
      time       ms since 1970, UTC, by the asker's clock, before the year 9999: screens show it
      body       bin: strict encoding of [text, [[question, answer], ...], confirmed]
      signature  64 bytes: Ed25519 over "LMS/v1/ask\\0" + cluster_id + strict encoding of the first seven
    digest    = BLAKE2b("LMS/v1/ask-digest\\0" + cluster_id + ask), what the answer names

With its answer (`answers`) an ask fits one sealed item.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lms_desktop.trust import wire
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import SIGNATURE_BYTES, SigningKey, hash_, tag, verify
from lms_desktop.trust.wire import Packable, Value, WireError

VERSION: Final = 1
MAX_ASK: Final = 24 * 1024
ID_BYTES: Final = 16
TEXT: Final = 2_000
"""The longest question, and the longest text of the conversation before it, in characters."""
HISTORY: Final = 6
"""How many pairs of question and answer go along."""
LATEST_MS: Final = 253_370_764_799_999
"""The end of the year 9998: a calendar can show it in every zone."""

_ASK_TAG = tag("ask")
_DIGEST_TAG = tag("ask-digest")


class AskError(TrustError):
    """Bytes that are not an ask, or a question that is too long."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to the tutor. ``author``, ``course`` and ``assignment`` are the ledger's numbers.

    ``history`` is the conversation so far, (question, answer) each, the newest last. ``confirmed``: the
    asker was asked "is this about ...?" and said yes.
    """

    author: int
    course: int
    assignment: int
    ask_id: bytes
    time_ms: int
    text: str
    history: tuple[tuple[str, str], ...]
    confirmed: bool
    signature: bytes

    @classmethod
    def sign(
        cls,
        cluster_id: bytes,
        key: SigningKey,
        *,
        author: int,
        course: int,
        assignment: int,
        ask_id: bytes,
        time_ms: int,
        text: str,
        history: Sequence[tuple[str, str]] = (),
        confirmed: bool = False,
    ) -> "Ask":
        """Make an ask. Of the history goes along what fits, the newest pairs first.

        Raises AskError for a question that is empty or over 2,000 characters.
        """
        _check_text(text)
        kept = [(question[:TEXT], answer[:TEXT]) for question, answer in history[-HISTORY:]]
        while True:
            unsigned = cls(
                author,
                course,
                assignment,
                ask_id,
                time_ms,
                text,
                tuple(kept),
                confirmed,
                bytes(SIGNATURE_BYTES),
            )
            try:
                if len(unsigned.encode()) <= MAX_ASK or not kept:
                    break
            except WireError as error:
                raise AskError(f"This question cannot be sent. {error}") from error
            del kept[0]
        signature = key.sign(unsigned._signed(cluster_id))
        return cls.decode(wire.pack((*unsigned._first_seven(), signature)))

    def encode(self) -> bytes:
        """The ask's bytes."""
        return wire.pack((*self._first_seven(), self.signature))

    @classmethod
    def decode(cls, raw: bytes) -> "Ask":
        """Read an ask; raises AskError for anything else. Nothing is believed before `is_signed_by`."""
        try:
            fields = wire.unpack(raw, limit=MAX_ASK)
            match fields:
                case (
                    1,
                    int(author),
                    int(course),
                    int(assignment),
                    bytes(ask_id),
                    int(time_ms),
                    bytes(body),
                    bytes(signature),
                ):
                    text, history, confirmed = _body(wire.unpack(body, limit=MAX_ASK))
                case _:
                    raise AskError("This is not an ask of a known version.")
        except WireError as error:
            raise AskError(f"This is not an ask. {error}") from error
        numbers = (fields[0], author, course, assignment, time_ms)
        if any(type(number) is not int or number < 0 for number in numbers) or not (author and course):
            raise AskError("An ask's author and course count from 1, its assignment and time from 0.")
        if time_ms > LATEST_MS:
            raise AskError("An ask's time is one that a calendar can show.")
        if len(ask_id) != ID_BYTES or len(signature) != SIGNATURE_BYTES:
            raise AskError("An ask has an id of 16 bytes and a signature of 64.")
        return cls(author, course, assignment, ask_id, time_ms, text, history, confirmed, signature)

    def is_signed_by(self, cluster_id: bytes, public: bytes) -> bool:
        """Whether the holder of `public` asked exactly this, in this school."""
        return verify(public, self._signed(cluster_id), self.signature)

    def digest(self, cluster_id: bytes) -> bytes:
        """The 32 bytes by which an answer names the ask, signature included."""
        return hash_(_DIGEST_TAG, cluster_id, self.encode())

    def _first_seven(self) -> tuple[Packable, ...]:
        body = wire.pack((self.text, self.history, self.confirmed))
        return (VERSION, self.author, self.course, self.assignment, self.ask_id, self.time_ms, body)

    def _signed(self, cluster_id: bytes) -> bytes:
        return _ASK_TAG + cluster_id + wire.pack(self._first_seven())


def _body(fields: Value) -> tuple[str, tuple[tuple[str, str], ...], bool]:
    """Text, history and confirmed. Raises AskError."""
    match fields:
        case (str(text), tuple(pairs), bool(confirmed)) if len(pairs) <= HISTORY:
            history = tuple(_pair(pair) for pair in pairs)
        case _:
            raise AskError(f"An ask's body is a text, at most {HISTORY} earlier pairs, and yes or no.")
    _check_text(text)
    return text, history, confirmed


def _check_text(text: str) -> None:
    if not text.strip():
        raise AskError("The question is empty. Write what you want to know.")
    if len(text) > TEXT:
        raise AskError(f"A question has at most {TEXT:,} characters; this one has {len(text):,}.")


def _pair(fields: Value) -> tuple[str, str]:
    match fields:
        case (str(question), str(answer)) if len(question) <= TEXT and len(answer) <= TEXT:
            return question, answer
    raise AskError(f"The conversation before an ask is pairs of texts of at most {TEXT:,} characters.")
