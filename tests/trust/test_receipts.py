"""Tickets and receipts: each lie is named, and safe means what it says."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from lms_desktop.trust import wire
from lms_desktop.trust.envelope import Envelope, envelope_hash
from lms_desktop.trust.primitives import SigningKey, sha256
from lms_desktop.trust.receipts import (
    Known,
    Place,
    Receipt,
    ReceiptError,
    State,
    Submission,
    Ticket,
    Verdict,
    check_receipt,
    check_ticket,
    complete,
    file_commitment,
    make_ticket,
    new_file_nonce,
    short_code,
    sign_receipt,
    ticket_keeper,
    tickets_needed,
)

CLUSTER = bytes(range(32))
HEAD = bytes([8]) * 32
STAMP = 1_700_000_000_000
STUDENT, SEAT = 9, 4  # the author, and the machine from which they submit
KEYS = {number: SigningKey(bytes([number]) * 32) for number in range(1, 12)}
FILE = sha256(b"%PDF-1.7 my work")
NONCE = bytes([6]) * 32


def envelope(commitment: bytes = file_commitment(NONCE, FILE), kind: int = 100) -> Envelope:
    return Envelope.sign(
        CLUSTER, KEYS[STUDENT], author=STUDENT, lane=bytes(16), seq=0, kind=kind, body=(commitment, SEAT)
    )


def read_submission(sent: Envelope) -> Submission | None:
    body = sent.decode_body()
    if sent.kind != 100:
        return None
    assert isinstance(body[0], bytes)
    assert isinstance(body[1], int)
    return Submission(body[0], body[1])


def keys(principal: int) -> Sequence[bytes]:
    return (KEYS[principal].public,) if principal in KEYS else ()


def make(
    tickets: Sequence[int] = (2, 3),
    voters: Sequence[int] = (2, 3, 5),
    signer: int = 2,
    sent: Envelope | None = None,
) -> Receipt:
    raw = (sent or envelope()).raw
    part = sign_receipt(
        KEYS[signer],
        cluster_id=CLUSTER,
        epoch=1,
        index=77,
        head=HEAD,
        stamp=STAMP,
        envelope=raw,
        tickets=[make_ticket(CLUSTER, raw, keeper, 1_699_999_999_000, KEYS[keeper]) for keeper in tickets],
        voters=voters,
        signer=signer,
    )
    return Receipt.parse(complete(part, NONCE, FILE))


def place(sent: Envelope, *, head: bytes = HEAD, stamp: int = STAMP, code: int = 0) -> Place:
    """What a ledger has where this envelope took its place."""
    return Place(head, stamp, code, envelope_hash(sent.raw))


AT = place(envelope())


def check(
    receipt: Receipt,
    *,
    cluster_id: bytes = CLUSTER,
    voters: Sequence[Sequence[int]] = ((2, 3, 5),),
    at: Place | None = AT,
    known: Callable[[int], Sequence[bytes]] = keys,
    machines: Sequence[int] = (2, 3, SEAT, 5, 6, 7),
) -> Verdict:
    return check_receipt(receipt, Known(cluster_id, known, machines, voters, at), read_submission)


def false_statements(verdict: Verdict) -> set[str]:
    return {statement.name for statement in verdict.statements if statement.holds is False}


def test_a_true_receipt_is_safe_and_says_who_holds_it() -> None:
    verdict = check(make())
    assert verdict.state is State.SAFE
    assert false_statements(verdict) == set()
    assert verdict.keepers == (2, 3)


@pytest.mark.parametrize(
    ("voters", "tickets", "holders", "state"),
    [
        ((2, 3, 5), (2, 3), (2, 3), State.SAFE),
        ((2, 3, 5), (2,), (2, 3), State.ACCEPTED),
        ((2, 3, 5), (2, 3), (2,), State.ACCEPTED),
        ((2, 3, 5), (), (2, 3), State.FALSE),
        ((2, 3, 5), (2, SEAT), (2, 3), State.ACCEPTED),
        ((2, 3, SEAT), (2, 3), (2, SEAT), State.ACCEPTED),
        ((2, 3, 5), (2, 3), (2, 7), State.ACCEPTED),
        ((2, 3, 5, 6, 7), (2, 3), (2, 3, 5), State.ACCEPTED),
        ((2, 3, 5, 6, 7), (2, 3, 5), (2, 3, 5), State.SAFE),
        ((2,), (), (2,), State.ACCEPTED),
        ((2,), (2, 3), (2,), State.ACCEPTED),
    ],
)
def test_safe_survives_the_seat_and_a_voter_less(
    voters: Sequence[int], tickets: Sequence[int], holders: Sequence[int], state: State
) -> None:
    assert check(make(tickets, holders), voters=[voters]).state is state


@pytest.mark.parametrize(("voters", "needed"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
def test_tickets_needed_are_the_voters_that_may_be_lost(voters: int, needed: int) -> None:
    assert tickets_needed(voters) == needed


def test_each_altered_field_makes_a_statement_false() -> None:
    receipt = make()
    lies = {
        "school": replace(receipt, cluster_id=bytes(32)),
        "file": replace(receipt, sha256=sha256(b"another file")),
        "voter": replace(receipt, stamp=receipt.stamp - 3_600_000),
        "author": replace(receipt, envelope=receipt.envelope[:-1] + b"\0"),
        "tickets": replace(receipt, tickets=(b"garbage",)),
        "ledger": replace(receipt, head=bytes(32)),
    }
    for name, lie in lies.items():
        verdict = check(lie)
        assert verdict.state is State.FALSE, name
        assert name in false_statements(verdict)
    for lie in (
        replace(receipt, nonce=new_file_nonce()),
        replace(receipt, index=78),
        replace(receipt, epoch=2),
        replace(receipt, voters=(2, 3, 5, 6)),
        replace(receipt, tickets=receipt.tickets[:1]),
        replace(receipt, signature=bytes(64)),
        replace(receipt, envelope=b""),
    ):
        assert check(lie).state is State.FALSE


def test_a_voters_word_counts_only_for_what_the_ledger_has_there() -> None:
    """One hostile voter signs whatever it likes: of another time, of what was refused, of what stands
    elsewhere.
    """
    honest = make()
    commitment = file_commitment(NONCE, FILE)
    other = Envelope.sign(
        CLUSTER, KEYS[STUDENT], author=STUDENT, lane=bytes(16), seq=1, kind=100, body=(commitment, SEAT)
    )
    for at in (
        place(envelope(), stamp=STAMP + 3_600_000),
        place(envelope(), code=42),
        place(other),
        place(envelope(), head=bytes(32)),
    ):
        verdict = check(honest, at=at)
        assert verdict.state is State.FALSE
        assert false_statements(verdict) == {"ledger"}


def test_a_receipt_of_a_later_voter_counts_and_may_say_safe() -> None:
    later = make(signer=3, voters=(2, 3, 5))
    assert check(later, voters=[(2,), (2, 3), (2, 3, 5)]).state is State.SAFE
    assert check(make(signer=2), voters=[(2,)]).state is State.ACCEPTED
    assert "voter" in false_statements(check(later, voters=[(2,)]))


def test_tickets_of_whoever_is_no_machine_do_not_count() -> None:
    assert "tickets" in false_statements(check(make(tickets=(2, STUDENT))))
    assert "tickets" in false_statements(check(make(), machines=(2,)))


def test_a_voters_part_is_checked_without_the_file() -> None:
    blank = replace(make(), nonce=bytes(32), sha256=bytes(32))
    known = Known(CLUSTER, keys, (2, 3, SEAT, 5), [(2, 3, 5)], place(envelope()))
    assert check_receipt(blank, known, read_submission, with_file=False).state is State.SAFE
    assert check_receipt(blank, known, read_submission).state is State.FALSE


def test_who_is_no_voter_signs_no_receipt() -> None:
    assert "voter" in false_statements(check(make(signer=6)))
    assert "voter" in false_statements(check(make(), known=lambda principal: ()))


def test_another_kind_of_command_is_no_submission() -> None:
    assert {"author", "file"} <= false_statements(check(make(sent=envelope(kind=101))))


def test_a_ledger_that_does_not_reach_it_cannot_tell_and_does_not_deny() -> None:
    verdict = check(make(), at=None)
    assert verdict.state is State.SAFE
    assert [s.holds for s in verdict.statements if s.name == "ledger"] == [None]


def test_an_earlier_key_of_the_author_still_counts() -> None:
    def renewed(principal: int) -> Sequence[bytes]:
        return (SigningKey.generate().public, *keys(principal))

    assert check(make(), known=renewed).state is State.SAFE


def test_a_ticket_is_for_one_envelope_of_one_school_at_one_time() -> None:
    raw = envelope().raw
    ticket = make_ticket(CLUSTER, raw, 2, 1000, KEYS[2])
    parsed = Ticket.parse(ticket)
    assert (parsed.keeper, parsed.time, ticket_keeper(ticket)) == (2, 1000, 2)
    assert check_ticket(CLUSTER, envelope_hash(raw), parsed, KEYS[2].public)
    assert not check_ticket(bytes(32), envelope_hash(raw), parsed, KEYS[2].public)
    assert not check_ticket(CLUSTER, envelope_hash(b"other"), parsed, KEYS[2].public)
    assert not check_ticket(CLUSTER, envelope_hash(raw), replace(parsed, time=999), KEYS[2].public)
    assert not check_ticket(CLUSTER, envelope_hash(raw), replace(parsed, time=1 << 63), KEYS[2].public)
    assert not check_ticket(CLUSTER, envelope_hash(raw), parsed, KEYS[3].public)


@pytest.mark.parametrize(
    "value", [(), (2, 3), (2, 3, b"short"), (True, 3, bytes(64)), (2, False, bytes(64)), 7]
)
def test_what_is_not_a_ticket_is_refused(value: wire.Value) -> None:
    with pytest.raises(ReceiptError):
        Ticket.parse(wire.pack(value))


def test_what_is_not_a_receipt_is_refused() -> None:
    receipt = make()
    fields = wire.unpack_array(
        complete(wire.pack(wire.unpack_array(_raw(receipt))[:11]), NONCE, FILE), limit=1 << 18
    )
    for wrong in (
        fields[:-1],
        (2, *fields[1:]),
        (*fields[:-1], b"short"),
        (*fields[:7], (1,), *fields[8:]),
        (*fields[:8], (b"x",), *fields[9:]),
        (*fields[:8], (True,), *fields[9:]),
    ):
        with pytest.raises(ReceiptError):
            Receipt.parse(wire.pack(wrong))
    with pytest.raises(ReceiptError):
        Receipt.parse(b"\xc1")
    with pytest.raises(ReceiptError):
        complete(b"\xc1", NONCE, FILE)


def _raw(receipt: Receipt) -> bytes:
    signed = wire.unpack_array(receipt.signed_part()[len(b"LMS/v1/receipt\0") :], limit=1 << 18)
    return wire.pack((*signed, receipt.signature, receipt.nonce, receipt.sha256))


def test_the_short_code_is_the_submissions_own() -> None:
    code = short_code(CLUSTER, envelope().raw)
    assert make().code == make((2,), (3,), signer=3).code == code
    assert len(code) == 9
    assert code[4] == "-"
    assert short_code(CLUSTER, envelope(kind=101).raw) != code
