"""The host over real links, real SQLite and the real core: proposals, refusals, full disks, crashes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from lms_desktop.node.clock import SYSTEM, Clock
from lms_desktop.node.host import Host
from lms_desktop.node.pending import Applied, NotAccepted, Result
from lms_desktop.node.raft.types import (
    ZERO_HEAD,
    Configuration,
    Entry,
    EntryType,
    HardState,
    Server,
)
from lms_desktop.node.storage import Storage
from tests.bench.opaque import Opaque, chain
from tests.node.links import Station, acquaint, until


class Seat:
    """One host on one station, with its own folder. `crash` keeps only what was fsynced."""

    def __init__(self, folder: Path, station: Station, founders: list[Server], clock: Clock = SYSTEM) -> None:
        self.folder = folder
        self.station = station
        self.founders = founders
        self.clock = clock
        folder.mkdir(parents=True, exist_ok=True)
        self.open()

    def open(self) -> None:
        self.storage = Storage.open(self.folder)
        if self.storage.last_index == 0:
            self.storage.adopt(self.station.identity.incarnation)
            head = chain(ZERO_HEAD, 1, 1, EntryType.GENESIS, 0, b"")
            entry = Entry(1, 1, EntryType.GENESIS, 0, b"", head)
            self.storage.write(HardState(term=1, commit=1), None, [entry])
            self.storage.commit()
        self.machine = Opaque(self.storage.db, self.founders)
        self.host = Host(
            asyncio.get_running_loop(),
            self.storage,
            self.machine,
            chain,
            Server(self.station.number, self.station.identity.incarnation),
            self.station.links,
            self.clock,
            Random(),
        )
        self.host.start()

    async def propose(self, payload: bytes) -> Result:
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.host.propose(payload, done.set_result)
        return await asyncio.wait_for(done, 10)

    def rows(self) -> list[bytes]:
        return [bytes(row[0]) for row in self.storage.db.execute("SELECT payload FROM opaque ORDER BY idx")]

    def stop_now(self) -> None:
        """The process ends without a word."""
        self.host._closed = True
        self.storage.db.close()

    def close(self) -> None:
        self.host.close()
        self.storage.close()


@asynccontextmanager
async def seats(folder: Path, count: int) -> AsyncIterator[list[Seat]]:
    stations = [Station(number) for number in range(1, count + 1)]
    founders = [Server(each.number, each.identity.incarnation) for each in stations]
    acquaint(stations)
    made = [Seat(folder / str(each.number), each, founders) for each in stations]
    try:
        yield made
    finally:
        for seat in made:
            seat.close()
        for station in stations:
            await station.close()


async def leading(made: list[Seat]) -> Seat:
    await until(lambda: any(seat.host.is_leader for seat in made))
    return next(seat for seat in made if seat.host.is_leader)


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(main())


def limit_pages(seat: Seat, more: int | None) -> None:
    """Let the database grow by so many pages only; None: freely."""
    db = seat.storage.db
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count={pages + more if more is not None else 1 << 30}")


def test_proposals_are_answered_once_in_order_and_applied_everywhere(tmp_path: Path) -> None:
    async def main() -> None:
        async with seats(tmp_path, 3) as made:
            leader = await leading(made)
            results = await asyncio.gather(*(leader.propose(b"%d" % n) for n in range(200)))
            applied = [result for result in results if isinstance(result, Applied)]
            assert len(applied) == 200
            assert [each.index for each in applied] == sorted({each.index for each in applied})
            assert [each.stamp for each in applied] == sorted(each.stamp for each in applied)
            expected = [b"%d" % n for n in range(200)]
            await until(lambda: all(seat.rows() == expected for seat in made))
            index = applied[-1].index
            await until(lambda: all(len(seat.host.holders(index)) == 3 for seat in made))
            assert all(seat.host.entry(index) == leader.host.entry(index) for seat in made)

    run(main)


def test_a_follower_names_the_leader_instead(tmp_path: Path) -> None:
    async def main() -> None:
        async with seats(tmp_path, 3) as made:
            leader = await leading(made)
            follower = next(seat for seat in made if seat is not leader)
            await until(lambda: follower.host.leader is not None)
            result = await follower.propose(b"x")
            assert result == NotAccepted("not the leader", leader.station.number)

    run(main)


def test_a_machine_does_not_vote_in_the_place_of_its_earlier_life(tmp_path: Path) -> None:
    async def main() -> None:
        station = Station(1)
        earlier = Server(1, bytes(16))
        seat = Seat(tmp_path, station, [earlier, Server(2, bytes(16))])
        assert seat.host.voters == (1, 2)
        assert not seat.host.votes
        seat.close()
        await station.close()

    run(main)


def test_a_lone_leader_accepts_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with seats(tmp_path, 3) as made:
            leader = await leading(made)
            others = [seat for seat in made if seat is not leader]
            for seat in others:
                await seat.station.links.close()
            done: list[Result] = []
            leader.host.propose(b"alone", done.append)
            await until(lambda: not leader.host.is_leader)
            assert not leader.rows()
            assert not [result for result in done if isinstance(result, Applied)]

    run(main)


def test_applied_rows_that_were_not_fsynced_are_applied_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with seats(tmp_path, 1) as (seat,):
            await leading([seat])
            await asyncio.gather(*(seat.propose(b"%d" % n) for n in range(10)))
            rows = seat.rows()
            seat.stop_now()  # before the flush timer: the log is durable, the last rows are not
            seat.open()
            assert seat.machine.applied < 12
            await until(lambda: seat.rows() == rows)

    run(main)


def test_a_full_disk_is_shown_loses_nothing_and_heals(tmp_path: Path) -> None:
    async def main() -> None:
        async with seats(tmp_path, 1) as (seat,):
            await leading([seat])
            await seat.propose(b"before")
            limit_pages(seat, 4)
            results = [await seat.propose(bytes(4000))]
            done: list[Result] = []
            while not seat.host.full:
                seat.host.propose(bytes(4000), done.append)
                await asyncio.sleep(0)
            assert "disk is full" in seat.host.alarms["disk"]
            assert "goes on by itself" in seat.host.alarms["disk"]
            refused = await seat.propose(b"meanwhile")
            assert isinstance(refused, NotAccepted)
            assert "disk is full" in refused.reason
            limit_pages(seat, None)
            await until(lambda: not seat.host.full)
            await until(lambda: seat.host.is_leader)
            results.append(await seat.propose(b"after"))
            assert "disk" not in seat.host.alarms
            rows = seat.rows()
            assert (rows[0], rows[-1]) == (b"before", b"after")
            assert b"meanwhile" not in rows
            accepted = [each.index for each in results + done if isinstance(each, Applied)]
            assert len(rows) >= len(accepted) + 1
            assert len(set(accepted)) == len(accepted)

    run(main)


def test_a_follower_with_a_full_disk_catches_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with seats(tmp_path, 3) as made:
            leader = await leading(made)
            await leader.propose(b"before")
            follower = next(seat for seat in made if seat is not leader)
            await until(lambda: follower.rows() == [b"before"])
            limit_pages(follower, 2)
            for _ in range(20):
                assert isinstance(await leader.propose(bytes(4000)), Applied)
            await until(lambda: follower.host.full)
            limit_pages(follower, None)
            await until(lambda: follower.rows() == leader.rows())

    run(main)


def test_leadership_is_handed_over_when_the_leader_closes(tmp_path: Path) -> None:
    async def main() -> None:
        async with seats(tmp_path, 3) as made:
            leader = await leading(made)
            others = [seat for seat in made if seat is not leader]
            await until(lambda: all(seat.host.leader is not None for seat in others))
            start = asyncio.get_running_loop().time()
            await leader.host.hand_over()
            assert asyncio.get_running_loop().time() - start < 2.0
            assert not leader.host.is_leader
            await until(lambda: any(seat.host.is_leader for seat in others))

    run(main)


def test_a_voter_that_is_no_keeper_gets_no_vote(tmp_path: Path) -> None:
    """The followers refuse the leader's entry, tell IT, and follow it no more in that term."""

    async def main() -> None:
        async with seats(tmp_path, 3) as made:
            leader = await leading(made)
            await leader.propose(b"x")
            others = [seat for seat in made if seat is not leader]
            await until(lambda: all(seat.machine.applied == leader.machine.applied for seat in made))
            for seat in others:
                seat.machine.keepers = {1, 2, 3}
            stranger = Server(9, bytes(16))
            current = leader.host.raft.configuration
            leader.host.propose_configuration(
                Configuration.of([*current.voters, stranger], current.learners), lambda result: None
            )
            await until(
                lambda: any("machine 9 to vote" in seat.host.alarms.get("leader", "") for seat in others)
            )
            await until(lambda: any(seat.host.is_leader for seat in others))
            assert all(9 not in seat.host.voters for seat in others)

    run(main)


@pytest.mark.parametrize("ahead_s", [60, 7200])
def test_stamps_of_a_leader_that_is_ahead(tmp_path: Path, ahead_s: int) -> None:
    """A minute is taken; with two hours, the others elect somebody else and nothing of it is kept."""

    async def main() -> None:
        offset = [0]
        async with seats(tmp_path, 3) as made:
            leader = await leading(made)
            await leader.propose(b"x")
            leader.host._clock = Clock(SYSTEM.monotonic_ms, lambda: SYSTEM.utc_ms() + offset[0])
            offset[0] = ahead_s * 1000
            done: list[Result] = []
            leader.host.propose(b"ahead", done.append)
            if ahead_s == 60:
                await until(lambda: done and isinstance(done[0], Applied))
                return
            others = [seat for seat in made if seat is not leader]
            await until(lambda: any(seat.host.is_leader for seat in others))
            following = next(seat for seat in others if seat.host.is_leader)
            result = await following.propose(b"right")
            assert isinstance(result, Applied)
            assert abs(result.stamp - SYSTEM.utc_ms()) < 60_000
            await until(lambda: all(seat.rows() == [b"x", b"right"] for seat in made))

    run(main)
