"""What an administrator does to machines: keepers, removal, and the end of a node, by signed commands."""

import asyncio
from collections.abc import Iterator

import pytest

from lms_desktop.client import machines
from lms_desktop.client.errors import NodeRefused, Refused
from lms_desktop.client.machines import MachineRow
from lms_desktop.demo.school import DemoSchool
from lms_desktop.school.outcomes import Outcome
from tests.e2e.lab import Classroom, eventually, new_assignment, open_classroom


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """Three voters: staff on A, the student on C."""
    school = DemoSchool(tmp_path_factory.mktemp("school"), ("A", "B", "C"))
    try:
        yield asyncio.run(open_classroom(school))
    finally:
        school.close()


async def row_of(room: Classroom, name: str) -> MachineRow:
    page = await machines.machines_page(room.admin)
    return next(row for row in page.machines if row.name == name)


def test_keepers_are_tagged_and_a_removed_machine_is_out_for_good(room: Classroom) -> None:
    async def run() -> None:
        a, b, _ = room.school.seats
        machine = (await row_of(room, "B")).machine
        assert (await row_of(room, "B")).keeper
        await machines.set_keeper(room.admin, machine=machine, keeper=False)
        assert not (await row_of(room, "B")).keeper
        await machines.set_keeper(room.admin, machine=machine, keeper=True)
        with pytest.raises(Refused) as caught:
            await machines.remove_machine(room.students[0], machine=machine)
        assert caught.value.code == Outcome.NOT_ADMINISTRATOR

        await machines.remove_machine(room.admin, machine=machine)
        row = await row_of(room, "B")
        assert (row.role, row.online) == ("removed", False)

        sent = await machines.set_keeper(room.admin, machine=(await row_of(room, "A")).machine, keeper=True)
        assert not sent.waiting, "the class goes on without it"
        assert sent.item.index is not None
        assert (await a.status()).applied >= sent.item.index
        assert await new_assignment(room), "the student's machine follows"
        assert (await b.status()).applied < sent.item.index

    asyncio.run(run())


def test_only_an_administrators_order_stops_a_node(room: Classroom) -> None:
    async def run() -> None:
        a, *_ = room.school.seats
        with pytest.raises(NodeRefused, match="administrator") as caught:
            await room.instructor.order("stop")
        assert caught.value.code == "not_allowed"
        assert a.alive
        await machines.stop_node(room.admin)

        async def stopped() -> bool:
            return not a.alive

        await eventually(stopped)
        await a.restart()
        assert await new_assignment(room), "what was written before and after is there"

    asyncio.run(run())
