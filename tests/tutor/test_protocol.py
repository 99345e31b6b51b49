"""The messages between a node and its worker: what is sent is what arrives, and nothing else is taken."""

import dataclasses

import pytest

from lms_desktop.trust import wire
from lms_desktop.tutor import protocol
from lms_desktop.tutor.protocol import (
    Accepted,
    Ask,
    Busy,
    Cancel,
    Document,
    Done,
    Failed,
    Gate,
    Indexed,
    Link,
    Open,
    Ping,
    Pong,
    ProtocolError,
    Ready,
    Source,
    Sources,
    Token,
    unpack_order,
    unpack_report,
)

ID = bytes(range(16))
SOURCE = Source(7, 3, "Heaps are partial orders.", 641)
ORDERS: list[protocol.Order] = [
    Open(4, 3, (Document(9, "material", "Week 1", "", "/files/a.pdf", bytes(32)),), False),
    Ask(ID, 5, 4, 0, "Why a heap?", (("What?", "That."),), False, True, (8, 9), 60_000),
    Cancel(ID),
    Ping(3),
]
REPORTS: list[protocol.Report] = [
    Ready("MiniLM", "generative", "gpt2", 1024, "cpu", ""),
    Pong(3, 2, 1, 1 << 28, 0),
    Indexed(4, 3, "building", 1, 2, ((9, "a scan"),)),
    Accepted(ID, 2, 900),
    Gate(ID, protocol.ANSWERED, 612, 401, "It is about Week 1.", SOURCE),
    Gate(ID, protocol.DECLINED, -20, 401, "It is about something else.", None),
    Sources(ID, (SOURCE, SOURCE)),
    Token(ID, 1, "A heap"),
    Done(ID, "generative", "A heap is.", ((0, 5),)),
    Failed(ID, "deadline", "It took too long.", True),
    Busy(ID, 2_000),
]


def test_what_is_sent_is_what_arrives() -> None:
    for order in ORDERS:
        assert unpack_order(order.pack()) == order
        with pytest.raises(ProtocolError):
            unpack_report(order.pack())
    for report in REPORTS:
        assert unpack_report(report.pack()) == report
        with pytest.raises(ProtocolError):
            unpack_order(report.pack())


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["2"],
        [99],
        [3],
        [3, ID, 1],
        [3, "text"],
        [4, True],
        [2, ID, 5, 4, 0, "text", [["question"]], False, True, 1],
        [2, ID, 5, 4, 0, "text", [], 0, True, 1],
        [1, 4, [[9, "material", "Week 1", "", "", None]], False],
    ],
)
def test_what_is_no_message_is_refused(values: list[wire.Packable]) -> None:
    with pytest.raises(ProtocolError):
        unpack_order(wire.pack(values))


def test_a_message_has_a_bound() -> None:
    text = "x" * protocol.MAX_FRAME
    with pytest.raises(ProtocolError):
        Token(ID, 1, text).pack()
    with pytest.raises(ProtocolError):
        unpack_report(wire.pack([Token.VERB, ID, 1, text]))


def test_a_childs_link_is_one_line() -> None:
    link = Link(4711, "S" * 40, "P" * 40, "K" * 40, "/data/tutor \n", True)
    assert link.line().count(b"\n") == 1
    assert Link.parse(link.line()) == link
    with pytest.raises(ProtocolError):
        Link.parse(b"{}\n")
    with pytest.raises(ProtocolError):
        Link.parse(dataclasses.replace(link, light=1).line())  # type: ignore[arg-type]
