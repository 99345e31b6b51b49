"""Machines: admitted by tokens, tagged and retired by administrators."""

from dataclasses import replace
from typing import Any

import pytest

from lms_desktop.school.commands import MachineAddress, MachineSet, TokenAdd, TokenRevoke
from lms_desktop.school.outcomes import Outcome
from lms_desktop.school.queries import files, people
from tests.school.world import ADMIN, DAY, MACHINE_A, World, seed, signing


def _set(machine: int, **changes: Any) -> MachineSet:
    return replace(MachineSet(machine, None, None, None, False), **changes)


def test_a_token_admits_as_many_machines_as_it_has_uses(world: World) -> None:
    token = world.token(uses=2)
    b, c = world.machine(token, "B"), world.machine(token, "C")
    assert [row.machine for row in people.machines(world.db)] == [MACHINE_A, b, c]
    assert world.refusal(token, world.joining(token, "D")) is Outcome.TOKEN_SPENT
    (row,) = people.tokens(world.db)
    assert (row.uses, row.used) == (2, 2)


def test_a_token_admits_until_it_expires_or_is_revoked(world: World) -> None:
    token = world.token(life=2 * 60_000)
    world.machine(token, "B")
    world.now += DAY
    assert world.refusal(token, world.joining(token, "C")) is Outcome.TOKEN_EXPIRED
    other = world.token("Lab 2")
    world.do(ADMIN, TokenRevoke(other))
    assert world.refusal(other, world.joining(other, "C")) is Outcome.TOKEN_REVOKED
    assert [row.active for row in people.tokens(world.db)] == [False, True]


def test_a_token_that_has_expired_is_not_made(world: World) -> None:
    late = TokenAdd("Late", signing("Late").public, seed("Late curve"), 1, world.now)
    assert world.refusal(ADMIN, late) is Outcome.TOKEN_EXPIRED


def test_revoking_no_token_is_refused(world: World) -> None:
    assert world.refusal(ADMIN, TokenRevoke(MACHINE_A)) is Outcome.UNKNOWN_TOKEN


@pytest.mark.parametrize("field", ["signing", "curve"])
def test_keys_of_a_token_or_machine_are_given_once(world: World, field: str) -> None:
    token = world.token()
    world.machine(token, "B")
    keys = {"signing": signing("B").public, "curve": seed("B curve")}
    used: dict[str, Any] = {field: keys[field]}
    fresh = TokenAdd("New", signing("New").public, seed("New curve"), 1, world.now + DAY)
    assert world.refusal(ADMIN, replace(fresh, **used)) is Outcome.KEY_TAKEN
    join = world.joining(token, "C")
    assert world.refusal(token, replace(join, **used)) is Outcome.KEY_TAKEN


def test_a_machine_must_sign_for_its_own_key(world: World) -> None:
    token = world.token()
    join = world.joining(token, "B")
    for changed in (
        replace(join, signing=signing("X").public),
        replace(join, hardware=seed("other hardware")),
        replace(join, incarnation=bytes(15) + b"\1"),
    ):
        assert world.refusal(token, changed) is Outcome.BAD_KEY_PROOF


def test_the_first_three_machines_are_keepers(world: World) -> None:
    token = world.token()
    machines = [MACHINE_A] + [world.machine(token, name) for name in "BCDE"]
    assert [row.machine for row in files.keepers(world.db)] == machines[:3]


def test_an_administrator_renames_and_tags(world: World) -> None:
    token = world.token()
    b, c, d, e = (world.machine(token, name) for name in "BCDE")
    world.do(ADMIN, _set(e, keeper=True, name="Library", gpu_host=True))
    world.do(ADMIN, _set(b, keeper=False))
    assert [row.machine for row in files.keepers(world.db)] == [MACHINE_A, c, e]
    row = next(row for row in people.machines(world.db) if row.machine == e)
    assert (row.name, row.gpu_host, row.keeper) == ("Library", True, True)
    world.do(ADMIN, _set(e))
    assert row in people.machines(world.db)
    assert d not in [row.machine for row in files.keepers(world.db)]


def test_a_retired_machine_is_no_keeper_says_nothing_and_stays_known(world: World) -> None:
    b = world.machine(world.token(), "B")
    world.do(ADMIN, _set(b, retire=True))
    assert [row.machine for row in files.keepers(world.db)] == [MACHINE_A]
    address = MachineAddress("10.0.0.7", 6001, 6002, bytes(16))
    assert world.refusal(b, address) is Outcome.MACHINE_RETIRED
    assert world.refusal(ADMIN, _set(b, keeper=True)) is Outcome.MACHINE_RETIRED
    assert [row.public for row in people.signing_keys(world.db, b)] == [signing("B").public]


def test_the_last_keeper_stays(world: World) -> None:
    assert world.refusal(ADMIN, _set(MACHINE_A, keeper=False)) is Outcome.LAST_KEEPER
    assert world.refusal(ADMIN, _set(MACHINE_A, retire=True)) is Outcome.LAST_KEEPER


def test_setting_no_machine_is_refused(world: World) -> None:
    assert world.refusal(ADMIN, _set(ADMIN, keeper=True)) is Outcome.UNKNOWN_MACHINE


def test_a_machine_says_where_it_is_reached(world: World) -> None:
    world.do(MACHINE_A, MachineAddress("lab-a.local", 6001, 6002, bytes(15) + b"\1"))
    (row,) = people.machines(world.db)
    assert (row.host, row.port, row.files_port) == ("lab-a.local", 6001, 6002)
    assert row.incarnation == bytes(15) + b"\1"
