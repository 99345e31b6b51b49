"""What a voter checks of a leader's entries, case by case; and whose clock is wrong."""

import pytest

from lms_desktop.node.judge import (
    AHEAD_MS,
    ASTRAY_MS,
    FRESH_MS,
    VotersClocks,
    judge_configurations,
    judge_stamps,
)
from lms_desktop.node.raft.types import Configuration, Entry, EntryType, Server, encode_configuration
from lms_desktop.trust.errors import TrustError

NOW = 1_800_000_000_000
ONE, TWO, THREE, NINE = (Server(number, bytes([number]) * 16) for number in (1, 2, 3, 9))


def stamped(*stamps: int) -> list[Entry]:
    return [
        Entry(index, 1, EntryType.COMMAND, stamp, b"", bytes(32)) for index, stamp in enumerate(stamps, 1)
    ]


def keep(entries: list[Entry], previous: int = 0, now: int = NOW) -> int:
    """How many of the entries are kept."""
    ruling = judge_stamps(entries, lambda: previous, now)
    return len(entries) if ruling is None else ruling.keep


def test_a_stamp_may_be_two_minutes_ahead_and_no_more() -> None:
    assert keep(stamped(NOW - 10**9, NOW, NOW + AHEAD_MS)) == 3
    assert keep(stamped(NOW, NOW + AHEAD_MS + 1)) == 1
    assert keep(stamped(NOW + 2 * AHEAD_MS, NOW + 2 * AHEAD_MS)) == 0


def test_stamps_cannot_climb_by_small_steps() -> None:
    steps = [NOW + step * AHEAD_MS // 2 for step in range(1, 20)]
    assert keep(stamped(*steps)) == 2
    assert keep(stamped(NOW + 10 * AHEAD_MS + 1), previous=NOW + 10 * AHEAD_MS) == 0


def test_a_stamp_that_stands_still_is_taken_whatever_the_clock_says() -> None:
    """What is in the log already was accepted once; this machine's clock may since have been set back."""
    far = NOW + 100 * AHEAD_MS
    assert keep(stamped(far, far), previous=far) == 2


class Register:
    """A ledger of which only this much is asked."""

    def __init__(self, applied: int, keepers: set[int], enrolled: set[int]) -> None:
        self.applied = applied
        self._keepers = keepers
        self._enrolled = enrolled

    def is_keeper(self, machine: int) -> bool:
        return machine in self._keepers

    def is_enrolled(self, machine: int) -> bool:
        return machine in self._enrolled

    def configuration_of(self, entry: Entry) -> Configuration:
        raise TrustError("This ledger is of another school.")


def change(configuration: Configuration, admitted: int = 5, index: int = 10) -> list[Entry]:
    payload = encode_configuration(configuration, admitted)
    return [Entry(index, 1, EntryType.CONFIG, NOW, payload, bytes(32))]


CURRENT = Configuration.of([ONE, TWO], [NINE])


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        (change(Configuration.of([ONE, TWO, THREE])), None),
        (change(Configuration.of([ONE], [TWO])), None),
        (change(Configuration.of([ONE, TWO, NINE])), "machine 9 to vote"),
        (
            change(Configuration.of([ONE, TWO], [NINE, Server(8, bytes(16))])),
            "machine 8, which is not enrolled",
        ),
        (change(Configuration.of([ONE, TWO, THREE]), admitted=10), "refers to a later one"),
        ([Entry(10, 1, EntryType.CONFIG, NOW, b"\x91\x01", bytes(32))], "is not valid"),
        ([Entry(1, 1, EntryType.GENESIS, NOW, b"", bytes(32))], "is not valid"),
    ],
)
def test_configurations(entries: list[Entry], fault: str | None) -> None:
    ruling = judge_configurations(entries, CURRENT, Register(7, {1, 2, 3}, {1, 2, 3, 9}))
    if fault is None:
        assert ruling is None
    else:
        assert ruling is not None
        assert ruling.keep == 0
        assert ruling.reason is not None
        assert fault in ruling.reason


def test_a_configuration_ahead_of_this_machine_waits_without_blame() -> None:
    entries = stamped(NOW) + change(Configuration.of([ONE, TWO, THREE]), admitted=6)
    ruling = judge_configurations(entries, CURRENT, Register(5, set(), set()))
    assert ruling is not None
    assert (ruling.keep, ruling.reason) == (1, None)


def test_a_clock_is_astray_by_its_distance_from_the_median() -> None:
    clocks = VotersClocks()
    clocks.heard(2, NOW - 7_200_000, NOW, 1000)
    clocks.heard(3, NOW - 7_200_100, NOW, 1000)
    assert clocks.astray_by([1, 2, 3], 1, 1000) == 7_200_000
    clocks.heard(3, NOW + 100, NOW, 1000)
    assert clocks.astray_by([1, 2, 3], 1, 1000) <= ASTRAY_MS
    assert clocks.astray_by([1, 2, 3], 1, 1001 + FRESH_MS) == 0


@pytest.mark.parametrize("ahead", [7_200_000, -7_200_000])
def test_of_two_clocks_that_differ_the_one_behind_leads(ahead: int) -> None:
    """Its stamps are accepted by both. If the one ahead led, the entry that the other refuses would stay on
    top of the longer log: neither could lead any more."""
    mine, theirs = VotersClocks(), VotersClocks()
    mine.heard(2, NOW, NOW + ahead, 1000)
    theirs.heard(1, NOW + ahead, NOW, 1000)
    astray = mine.astray_by([1, 2, 3], 1, 1000), theirs.astray_by([1, 2, 3], 2, 1000)
    assert astray == (max(ahead, 0), max(-ahead, 0))
    assert mine.astray_by([1, 2, 3], 1, 1001 + FRESH_MS) == 0  # nobody to compare with


def test_a_clock_that_was_astray_stays_so_when_a_third_voter_falls_silent() -> None:
    clocks = VotersClocks()
    for machine in (2, 3):
        clocks.heard(machine, NOW, NOW + 7_200_000, 1000)
    assert clocks.astray_by([1, 2, 3], 1, 1000) > ASTRAY_MS
    clocks.heard(2, NOW, NOW + 7_200_000, 1001 + FRESH_MS)
    assert clocks.astray_by([1, 2, 3], 1, 1001 + FRESH_MS) > ASTRAY_MS
