"""The wire form of messages: what goes in comes out, and anything else is refused."""

from typing import Any

import msgpack
import pytest

from lms_desktop.node.raft.codec import MalformedMessage, decode, encode
from lms_desktop.node.raft.types import (
    AppendEntries,
    AppendReply,
    Configuration,
    ConfigurationError,
    Entry,
    Message,
    Pair,
    RequestVote,
    Server,
    TimeoutNow,
    VoteReply,
    decode_configuration,
    encode_configuration,
)

HEAD = bytes(range(32))
ENTRIES = [Entry(5, 3, 1, -5, b"x", HEAD), Entry(6, 3, 0, 0, b"", HEAD)]
MESSAGES: list[Message] = [
    RequestVote(3, True, False, 7, 2, Pair(2, 7)),
    VoteReply(3, False, True, Pair(2, 6)),
    AppendEntries(
        3,
        9,
        4,
        2,
        HEAD,
        4,
        ((1, 2, 4), (5, 2, 3)),
        [Entry(5, 3, 1, -5, b"x", HEAD), Entry(6, 3, 0, 0, b"", HEAD)],
    ),
    AppendEntries(3, 9, 0, 0, bytes(32), 0, (), ()),
    AppendReply(3, 9, True, 4, 6, Pair(3, 6)),
    TimeoutNow(3),
]
WRONG: list[Any] = [None, -1, 1 << 63, "text", b"short", 1.5, [1], [[1, 2], 3], {1: 2}]
NAMES = ["request", "vote", "append", "heartbeat", "reply", "timeout"]


def over_the_wire(message: Message) -> list[Any]:
    verb, fields = encode(message)
    unpacked = msgpack.unpackb(msgpack.packb([verb, *fields]), use_list=True)
    assert isinstance(unpacked, list)
    return unpacked


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
def test_a_message_survives_the_wire(message: Message) -> None:
    verb, *fields = over_the_wire(message)
    back = decode(verb, fields)
    assert type(back) is type(message)
    assert encode(back)[1][:-1] == encode(message)[1][:-1]
    if isinstance(message, AppendEntries):
        assert isinstance(back, AppendEntries)
        assert list(back.entries) == list(message.entries)
    else:
        assert back == message


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
def test_every_field_is_checked(message: Message) -> None:
    verb, *fields = over_the_wire(message)
    for place in range(len(fields)):
        for wrong in WRONG:
            with pytest.raises(MalformedMessage):
                decode(verb, [*fields[:place], wrong, *fields[place + 1 :]])
    for count in (fields[:-1], [*fields, 0]):
        with pytest.raises(MalformedMessage):
            decode(verb, count)


@pytest.mark.parametrize("verb", [0, 6, -1, "1", None])
def test_unknown_verbs_are_refused(verb: Any) -> None:
    with pytest.raises(MalformedMessage):
        decode(verb, [1])


@pytest.mark.parametrize(
    "entry",
    [
        (0, 1, 1, 0, b"", HEAD),
        (1, 0, 1, 0, b"", HEAD),
        (1, 1, 9, 0, b"", HEAD),
        (1, 1, 1, 0, "", HEAD),
        (1, 1, 1, 0, b"", b""),
        (1, True, 1, 0, b"", HEAD),
        (1, 1, 1, 0, b""),
    ],
)
def test_malformed_entries_are_refused(entry: tuple[Any, ...]) -> None:
    with pytest.raises(MalformedMessage):
        decode(3, [1, 0, 0, 0, HEAD, 0, [], [entry]])


def test_too_many_entries_or_pairs_are_refused() -> None:
    entry = (1, 1, 1, 0, b"", HEAD)
    with pytest.raises(MalformedMessage):
        decode(3, [1, 0, 0, 0, HEAD, 0, [], [entry] * 1025])
    with pytest.raises(MalformedMessage):
        decode(3, [1, 0, 0, 0, HEAD, 0, [[1, 1, 1]] * 65, []])


CONFIGURATION = Configuration.of([Server(3, b"c" * 16), Server(1, b"a" * 16)], [Server(2, b"b" * 16)])


def test_the_configuration_is_frozen_byte_for_byte() -> None:
    payload = encode_configuration(CONFIGURATION, 300)
    assert payload.hex() == (
        "9401cd012c" + "92" + "9201c410" + "61" * 16 + "9203c410" + "63" * 16 + "91" + "9202c410" + "62" * 16
    )
    assert decode_configuration(payload) == (CONFIGURATION, 300)


@pytest.mark.parametrize(
    "value",
    [
        [2, 0, [], []],
        [1, -1, [], []],
        [1, True, [], []],
        [1, 0, [[1, b"a" * 15]], []],
        [1, 0, [[0, b"a" * 16]], []],
        [1, 0, [[2, b"a" * 16], [1, b"a" * 16]], []],
        [1, 0, [[1, b"a" * 16]], [[1, b"a" * 16]]],
        [1, 0, [["1", b"a" * 16]], []],
        [1, 0, [[1, "a" * 16]], []],
        [1, 0, []],
        [1, 0, [], [], 0],
        {},
        7,
    ],
)
def test_other_configurations_are_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError):
        decode_configuration(msgpack.packb(value))


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", encode_configuration(CONFIGURATION, 1) + b"\0", b"\x94\x01\xcd\x00\x01\x90\x90"]
)
def test_bytes_that_are_not_canonical_are_refused(payload: bytes) -> None:
    with pytest.raises(ConfigurationError):
        decode_configuration(payload)
