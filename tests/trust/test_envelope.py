"""Envelopes: exact bytes signed, every refusal, payloads and their hash."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms_desktop.trust import wire
from lms_desktop.trust.chain import ZERO, effects_hash, entry_head, next_digest, next_head
from lms_desktop.trust.envelope import (
    COMMAND,
    MAX_ENVELOPE,
    MAX_TICKETS,
    Envelope,
    EnvelopeError,
    command_hash,
    envelope_hash,
    make_payload,
    payload_hash,
    split_payload,
    stub_hash,
    tickets_hash,
)
from lms_desktop.trust.primitives import SigningKey
from lms_desktop.trust.wire import WireError

LANE = bytes(range(16))
CLUSTER = bytes(32)
KEY = SigningKey(bytes([7]) * 32)


def make(body: tuple[wire.Packable, ...] = (1, "a"), seq: int = 0, kind: int = 5) -> Envelope:
    return Envelope.sign(CLUSTER, KEY, author=3, lane=LANE, seq=seq, kind=kind, body=body)


def test_an_envelope_comes_back_as_it_was_signed() -> None:
    envelope = make((1, "ä", b"\0", None, True, (2, (3,))), seq=9, kind=44)
    again = Envelope.parse(envelope.raw)
    assert again == envelope
    assert (again.version, again.author, again.lane, again.seq, again.kind) == (1, 3, LANE, 9, 44)
    assert again.decode_body() == (1, "ä", b"\0", None, True, (2, (3,)))
    assert again.verify(CLUSTER, KEY.public)


def test_the_signature_covers_school_author_place_kind_and_body() -> None:
    envelope = make()
    assert not envelope.verify(bytes([1]) * 32, KEY.public), "another school"
    assert not envelope.verify(CLUSTER, SigningKey.generate().public), "another key"
    fields = wire.unpack_array(envelope.raw)
    for place, value in ((1, 4), (2, bytes(16)), (3, 1), (4, 6), (5, wire.pack((1, "b")))):
        altered = wire.pack((*fields[:place], value, *fields[place + 1 :]))
        assert not Envelope.parse(altered).verify(CLUSTER, KEY.public), f"field {place}"


@given(st.data())
@settings(max_examples=200)
def test_no_single_altered_bit_passes(data: st.DataObject) -> None:
    raw = bytearray(make((1, "text", b"bytes")).raw)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(EnvelopeError):
        assert not Envelope.parse(bytes(raw)).verify(CLUSTER, KEY.public)


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    with contextlib.suppress(EnvelopeError):
        Envelope.parse(data)
    with contextlib.suppress(EnvelopeError):
        split_payload(data)
    assert len(payload_hash(COMMAND, data)) == 32


GOOD: tuple[wire.Value, ...] = (1, 3, LANE, 0, 5, wire.pack(()), bytes(64))


@pytest.mark.parametrize(
    "fields",
    [
        GOOD[:-1],
        (*GOOD, 1),
        (0, *GOOD[1:]),
        (True, *GOOD[1:]),
        ("1", *GOOD[1:]),
        (1, 0, *GOOD[2:]),
        (1, None, *GOOD[2:]),
        (1, 3, LANE[:-1], *GOOD[3:]),
        (1, 3, "x" * 16, *GOOD[3:]),
        (1, 3, LANE, -1, *GOOD[4:]),
        (1, 3, LANE, 0, -1, *GOOD[5:]),
        (1, 3, LANE, 0, 5, "body", bytes(64)),
        (1, 3, LANE, 0, 5, (), bytes(64)),
        (1, 3, LANE, 0, 5, b"", bytes(63)),
        (1, 3, LANE, 0, 5, b"", None),
    ],
)
def test_another_structure_is_refused(fields: tuple[wire.Value, ...]) -> None:
    with pytest.raises(EnvelopeError):
        Envelope.parse(wire.pack(fields))


def test_an_unreadable_body_passes_parse_and_fails_when_decoded() -> None:
    envelope = Envelope.parse(wire.pack((1, 3, LANE, 0, 5, b"\xc1", bytes(64))))
    with pytest.raises(WireError):
        envelope.decode_body()


def test_64_kib_is_the_limit() -> None:
    room = MAX_ENVELOPE - len(make((b"x" * 60_000,)).raw) + 60_000
    assert len(make((b"x" * room,)).raw) == MAX_ENVELOPE
    with pytest.raises(EnvelopeError, match="limit"):
        make((b"x" * (room + 1),))
    with pytest.raises(EnvelopeError, match="limit"):
        Envelope.parse(bytes(MAX_ENVELOPE + 1))
    with pytest.raises(EnvelopeError):
        make_payload(bytes(MAX_ENVELOPE + 1))


@pytest.mark.parametrize("size", [0, 1, 200, 252, 253, 254, 255, 256, 300, 60_000, 65_300])
def test_the_stub_is_what_an_erasure_keeps(size: int) -> None:
    envelope = make((b"x" * size,), seq=300, kind=80)
    assert wire.unpack(envelope.stub) == (1, 3, LANE, 300, 80)


def test_a_payload_is_an_envelope_and_its_tickets() -> None:
    raw = make().raw
    assert split_payload(make_payload(raw)) == (raw, ())
    assert split_payload(make_payload(raw, [b"t1", b"t2"])) == (raw, (b"t1", b"t2"))
    with pytest.raises(EnvelopeError):
        make_payload(raw, [b"t"] * (MAX_TICKETS + 1))
    with pytest.raises(EnvelopeError):
        make_payload(raw, [b"t" * 200])


@pytest.mark.parametrize(
    "value",
    [
        (),
        (b"",),
        (b"", (), ()),
        ("", ()),
        (b"", b""),
        (b"", (1,)),
        (b"", (b"t" * 200,)),
        (b"", (b"",) * 17),
        5,
    ],
)
def test_another_payload_is_refused_and_still_has_a_hash(value: wire.Value) -> None:
    payload = wire.pack(value)
    with pytest.raises(EnvelopeError):
        split_payload(payload)
    assert payload_hash(COMMAND, payload) == payload_hash(0, payload)


def test_an_erased_entry_still_proves_its_hash() -> None:
    envelope, tickets = make(), (b"ticket",)
    hashes = stub_hash(envelope.stub), envelope_hash(envelope.raw), tickets_hash(tickets)
    assert payload_hash(COMMAND, make_payload(envelope.raw, tickets)) == command_hash(*hashes)


def test_the_head_depends_on_everything_before_and_in_the_entry() -> None:
    payload = make_payload(make().raw)
    head = entry_head(ZERO, 2, 3, COMMAND, 1_700_000_000_000, payload)
    assert head == next_head(ZERO, 2, 3, COMMAND, 1_700_000_000_000, payload_hash(COMMAND, payload))
    others = {
        entry_head(b"\1" * 32, 2, 3, COMMAND, 1_700_000_000_000, payload),
        entry_head(ZERO, 3, 3, COMMAND, 1_700_000_000_000, payload),
        entry_head(ZERO, 2, 4, COMMAND, 1_700_000_000_000, payload),
        entry_head(ZERO, 2, 3, 0, 1_700_000_000_000, payload),
        entry_head(ZERO, 2, 3, COMMAND, 1_700_000_000_001, payload),
        entry_head(ZERO, 2, 3, COMMAND, 1_700_000_000_000, make_payload(make().raw, [b"t"])),
    }
    assert len(others) == 6
    assert head not in others


def test_the_verdict_digest_depends_on_code_effects_and_signature() -> None:
    digest = next_digest(ZERO, 5, 0, effects_hash((1, "a"), b"s" * 64))
    assert digest != next_digest(ZERO, 5, 1, effects_hash((1, "a"), b"s" * 64))
    assert digest != next_digest(ZERO, 5, 0, effects_hash((1, "b"), b"s" * 64))
    assert digest != next_digest(ZERO, 5, 0, effects_hash((1, "a"), b"t" * 64))
    assert digest != next_digest(ZERO, 6, 0, effects_hash((1, "a"), b"s" * 64))
