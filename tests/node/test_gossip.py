"""What a machine may tell of itself and of strangers: nothing that would stop who hears or shows it."""

import asyncio
from typing import Any

import pytest

from lms_desktop.node.clock import SYSTEM
from lms_desktop.node.gossip import VERB, Gossip, News, Self
from lms_desktop.school import limits
from tests.node.links import Station, stations, until

STRANGER: list[Any] = [b"k" * 40, "10.0.0.9", "unknown key", 1_000, 2_000, 3]
FIELDS: list[Any] = [
    7,
    bytes(32),
    bytes(32),
    "learner",
    7,
    0,
    "0.1",
    "lab-02",
    5,
    "10.0.0.2",
    1,
    2,
    [STRANGER],
]


class Host:
    """What gossip asks of consensus."""

    voters: tuple[int, ...] = (1,)

    def clock_heard(self, machine: int, utc_ms: int) -> None:
        pass


class Verdicts:
    """A ledger that has applied nothing."""

    applied = 0
    head = digest = bytes(32)

    def digest_at(self, index: int) -> bytes | None:
        return None


def listen(station: Station, moved: list[News]) -> Gossip:
    def describe() -> Self:
        return Self("leader", 0, 0, "lab-01", "10.0.0.1", 1, 2)

    host: Any = Host()
    return Gossip(1, station.links, host, Verdicts(), station.admission, SYSTEM, describe, moved.append)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, -1),
        (8, limits.STAMP + 1),
        (8, -1),
        (10, 0),
        (10, 65_536),
        (11, -5),
        (12, [[*STRANGER[:3], -1, 2_000, 3]]),
        (12, [[*STRANGER[:4], 1 << 62, 3]]),
        (12, [[*STRANGER[:5], -3]]),
    ],
)
def test_numbers_that_are_no_times_ports_or_counts_are_dropped(place: int, value: Any) -> None:
    async def main() -> None:
        async with stations(1, 2) as (one, two):
            moved: list[News] = []
            gossip = listen(one, moved)
            wrong = [*FIELDS]
            wrong[place] = value

            def told() -> bool:
                two.links.send(1, VERB, wrong)
                return one.links.dropped["malformed"] > 0

            await until(told)
            assert not gossip.news
            await until(lambda: two.links.send(1, VERB, FIELDS) and gossip.news)
            assert (gossip.news[2].name, gossip.refusals()[0].address) == ("lab-02", "10.0.0.9")
            assert [(news.host, news.port) for news in moved] == [("10.0.0.2", 1)]

    asyncio.run(main())
