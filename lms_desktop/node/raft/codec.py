"""Messages as arrays of plain values, for whatever frames carry them.

    1 RequestVote    [term, pre, transfer, last_index, last_term, [own term, own match]]
    2 VoteReply      [term, pre, granted, [own term, own match]]
    3 AppendEntries  [term, round, prev_index, prev_term, prev_head, commit, [[machine, term, match]...],
                      [[index, term, type, stamp, payload, head]...]]
    4 AppendReply    [term, round, ok, prev_index, index, [own term, own match]]
    5 TimeoutNow     [term]

Numbers are whole and below 2**63, heads 32 bytes. `stamp` may be negative, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from lms_desktop.node.raft.types import (
    AppendEntries,
    AppendReply,
    Entry,
    EntryType,
    Message,
    Pair,
    Pairs,
    RaftError,
    RequestVote,
    TimeoutNow,
    VoteReply,
)

MAX_ENTRIES: Final = 1024
MAX_PAIRS: Final = 64
_LIMIT: Final = 1 << 63
_HEAD_BYTES: Final = 32
_TYPES: Final = frozenset(EntryType)


class MalformedMessage(RaftError):
    """A peer sent something that is no message of this protocol."""


def encode(message: Message) -> tuple[int, tuple[object, ...]]:
    """The verb and the fields of a message; tuples and named tuples stand for arrays."""
    match message:
        case AppendEntries(term, round_, prev_index, prev_term, prev_head, commit, pairs, entries):
            return 3, (term, round_, prev_index, prev_term, prev_head, commit, pairs, entries)
        case AppendReply(term, round_, ok, prev_index, index, own):
            return 4, (term, round_, ok, prev_index, index, own)
        case RequestVote(term, pre, transfer, last_index, last_term, own):
            return 1, (term, pre, transfer, last_index, last_term, own)
        case VoteReply(term, pre, granted, own):
            return 2, (term, pre, granted, own)
        case TimeoutNow(term):
            return 5, (term,)


def decode(verb: int, fields: Sequence[Any]) -> Message:
    """The message with every field checked for type and range; raises MalformedMessage."""
    decoder = _DECODERS.get(verb)
    if decoder is None:
        raise MalformedMessage(f"no message has the verb {verb!r}")
    try:
        return decoder(*fields)
    except (TypeError, ValueError) as error:
        raise MalformedMessage(f"message {verb} is malformed: {error}") from error


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < _LIMIT:
        raise ValueError("not a number")
    return value


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError("not a flag")
    return value


def _head(value: object) -> bytes:
    if type(value) is not bytes or len(value) != _HEAD_BYTES:
        raise ValueError("not a head")
    return value


def _pair(value: Any) -> Pair:
    term, match = value
    return Pair(_number(term), _number(match))


def _pairs(value: Any) -> Pairs:
    if len(value) > MAX_PAIRS:
        raise ValueError("too many pairs")
    return tuple((_number(machine), _number(term), _number(match)) for machine, term, match in value)


def _entries(value: Any) -> list[Entry]:
    if len(value) > MAX_ENTRIES:
        raise ValueError("too many entries")
    entries = [Entry(*fields) for fields in value]
    for index, term, type_, stamp, payload, head in entries:
        if not (
            type(index) is int
            and type(term) is int
            and type(type_) is int
            and type(stamp) is int
            and type(payload) is bytes
            and type(head) is bytes
            and 0 < index < _LIMIT
            and 0 < term < _LIMIT
            and -_LIMIT <= stamp < _LIMIT
            and type_ in _TYPES
            and len(head) == _HEAD_BYTES
        ):
            raise ValueError("not an entry")
    return entries


def _request_vote(
    term: Any, pre: Any, transfer: Any, last_index: Any, last_term: Any, own: Any
) -> RequestVote:
    return RequestVote(
        _number(term), _flag(pre), _flag(transfer), _number(last_index), _number(last_term), _pair(own)
    )


def _vote_reply(term: Any, pre: Any, granted: Any, own: Any) -> VoteReply:
    return VoteReply(_number(term), _flag(pre), _flag(granted), _pair(own))


def _append_entries(
    term: Any,
    round_: Any,
    prev_index: Any,
    prev_term: Any,
    prev_head: Any,
    commit: Any,
    pairs: Any,
    entries: Any,
) -> AppendEntries:
    return AppendEntries(
        _number(term),
        _number(round_),
        _number(prev_index),
        _number(prev_term),
        _head(prev_head),
        _number(commit),
        _pairs(pairs),
        _entries(entries),
    )


def _append_reply(term: Any, round_: Any, ok: Any, prev_index: Any, index: Any, own: Any) -> AppendReply:
    return AppendReply(
        _number(term), _number(round_), _flag(ok), _number(prev_index), _number(index), _pair(own)
    )


def _timeout_now(term: Any) -> TimeoutNow:
    return TimeoutNow(_number(term))


_DECODERS: Final[dict[int, Callable[..., Message]]] = {
    1: _request_vote,
    2: _vote_reply,
    3: _append_entries,
    4: _append_reply,
    5: _timeout_now,
}
