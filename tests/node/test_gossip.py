"""Gossip between real links: what arrives, what is malformed, whom strangers' attempts are told to."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from lms_desktop.node.clock import SYSTEM
from lms_desktop.node.gossip import VERB, Gossip, News, Self
from lms_desktop.node.transport import MALFORMED
from lms_desktop.trust.wire import Packable
from tests.bench.opaque import Opaque
from tests.node.links import until
from tests.node.test_host import Seat, leading, seats


class Verdicts:
    """The opaque state machine's digests: all the same while `wrong` is False."""

    def __init__(self, seat: Seat) -> None:
        self._machine: Opaque = seat.machine
        self._seat = seat
        self.wrong = False

    @property
    def applied(self) -> int:
        return self._machine.applied

    @property
    def head(self) -> bytes:
        entry = self._seat.host.entry(self.applied)
        return entry.head if entry is not None else bytes(32)

    @property
    def digest(self) -> bytes:
        return self._digest(self.applied)

    def digest_at(self, index: int) -> bytes | None:
        return self._digest(index)

    def _digest(self, index: int) -> bytes:
        return index.to_bytes(32, "big") if not self.wrong else bytes(32)


def gossips(made: Sequence[Seat], moved: list[News]) -> tuple[list[Gossip], list[Verdicts]]:
    verdicts = [Verdicts(seat) for seat in made]
    return [
        Gossip(
            seat.station.number,
            seat.station.links,
            seat.host,
            verdict,
            seat.station.admission,
            SYSTEM,
            lambda seat=seat: Self(
                "voter", 0, 0, "pc", "127.0.0.1", seat.station.port, seat.station.files_port
            ),  # type: ignore[misc]
            moved.append,
        )
        for seat, verdict in zip(made, verdicts, strict=True)
    ], verdicts


def test_news_attempts_and_addresses_reach_everyone(tmp_path: Path) -> None:
    async def main() -> None:
        async with seats(tmp_path, 3) as made:
            leader = await leading(made)
            await leader.propose(b"x")
            moved: list[News] = []
            all_, _ = gossips(made, moved)
            made[0].station.admission.refuse(b"k" * 40, "10.1.1.1", "unknown key")

            def told() -> bool:
                for gossip in all_:
                    gossip.tick()
                return all(len(gossip.news) == 2 and gossip.refusals() for gossip in all_)

            await until(told)
            assert {refusal.address for gossip in all_ for refusal in gossip.refusals()} == {"10.1.1.1"}
            assert len(moved) == 6
            assert all(gossip.online(machine) for gossip in all_ for machine in gossip.news)

    asyncio.run(main())


def test_differing_from_the_majority_halts_and_differing_from_one_does_not(tmp_path: Path) -> None:
    async def main() -> None:
        async with seats(tmp_path, 3) as made:
            leader = await leading(made)
            await leader.propose(b"x")
            all_, verdicts = gossips(made, [])
            verdicts[2].wrong = True

            def judged() -> bool:
                for gossip in all_:
                    gossip.tick()
                return "differs" in made[2].host.alarms and all(3 in gossip.differing for gossip in all_[:2])

            await until(judged)
            assert all("differs" not in seat.host.alarms for seat in made[:2])

    asyncio.run(main())


@pytest.mark.parametrize(
    "fields", [[], [1, 2, 3], [b""] * 13, [1, bytes(32), bytes(32), "x" * 999] + [0] * 9]
)
def test_malformed_gossip_is_counted(tmp_path: Path, fields: list[Packable]) -> None:
    async def main() -> None:
        async with seats(tmp_path, 3) as made:
            all_, _ = gossips(made, [])

            def counted() -> int:
                made[1].station.links.send(1, VERB, fields)
                return made[0].station.links.dropped[MALFORMED]

            await until(counted)
            assert not all_[0].news

    asyncio.run(main())
