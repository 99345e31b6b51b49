"""Which voters there are, as keepers come, go and fall silent."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise, product

import pytest

from lms_desktop.node.raft.autopilot import Member, decide, target
from lms_desktop.node.raft.configuration import check_change
from lms_desktop.node.raft.types import Configuration, Server


def server(machine: int, life: int = 0) -> Server:
    return Server(machine, bytes([machine, life]) * 8)


def keeper(machine: int, **facts: bool) -> Member:
    member = Member(machine, server(machine).incarnation, keeper=True, whole=True, alive=True)
    return replace(member, **facts)  # type: ignore[arg-type]


def configuration(voters: Iterable[int], learners: Iterable[int] = ()) -> Configuration:
    return Configuration.of([server(m) for m in voters], [server(m) for m in learners])


def settle(start: Configuration, members: list[Member], leader: int = 1) -> list[Configuration]:
    """Every configuration that autopilot goes through from `start`."""
    steps = [start]
    while (following := decide(steps[-1], members, leader)) is not None:
        check_change(steps[-1], following)
        steps.append(following)
        assert len(steps) < 50
    return steps


def voters(steps: list[Configuration]) -> list[list[int]]:
    return [[s.machine for s in step.voters] for step in steps]


def test_targets() -> None:
    assert [target(keepers) for keepers in range(8)] == [1, 1, 1, 3, 3, 5, 5, 5]


def test_enrolled_machines_become_learners_at_once() -> None:
    steps = settle(configuration([1]), [keeper(1), keeper(2), keeper(3, keeper=False)])
    assert steps[1:] == [configuration([1], [2, 3])]


def test_one_voter_below_three_keepers_then_three_then_five() -> None:
    assert voters(settle(configuration([1], [2]), [keeper(1), keeper(2)])) == [[1]]
    assert voters(settle(configuration([1], [2, 3]), [keeper(m) for m in (1, 2, 3)])) == [
        [1],
        [1, 2],
        [1, 2, 3],
    ]
    assert voters(settle(configuration([1, 2, 3], [4]), [keeper(m) for m in range(1, 5)])) == [[1, 2, 3]]
    five = settle(configuration([1, 2, 3], [4, 5, 6]), [keeper(m) for m in range(1, 7)])
    assert voters(five) == [[1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5]]


@pytest.mark.parametrize("lacking", ["whole", "alive"])
def test_two_voters_are_begun_only_when_both_newcomers_are_whole(lacking: str) -> None:
    members = [keeper(1), keeper(2), keeper(3, **{lacking: False})]
    assert voters(settle(configuration([1], [2, 3]), members)) == [[1]]
    assert voters(settle(configuration([1, 2], [3]), members)) == [[1, 2]]
    members[2] = keeper(3)
    assert voters(settle(configuration([1, 2], [3]), members)) == [[1, 2], [1, 2, 3]]


def test_who_is_no_keeper_never_becomes_a_voter() -> None:
    members = [keeper(1), keeper(2), keeper(3, keeper=False), keeper(4)]
    assert voters(settle(configuration([1], [2, 3, 4]), members))[-1] == [1, 2, 4]


def test_an_untagged_voter_is_replaced_before_it_is_demoted() -> None:
    members = [keeper(1), keeper(2), keeper(3, keeper=False), keeper(4)]
    steps = settle(configuration([1, 2, 3], [4]), members)
    assert voters(steps) == [[1, 2, 3], [1, 2, 3, 4], [1, 2, 4]]
    assert server(3) in steps[-1].learners


def test_a_lost_voter_is_replaced_and_a_silent_one_is_not() -> None:
    silent = keeper(3, alive=False, whole=False)
    members = [keeper(1), keeper(2), silent, keeper(4)]
    assert voters(settle(configuration([1, 2, 3], [4]), members)) == [[1, 2, 3]]
    members[2] = replace(silent, lost=True)
    assert voters(settle(configuration([1, 2, 3], [4]), members))[-1] == [1, 2, 4]


def test_a_lost_voter_stays_while_nobody_can_replace_it() -> None:
    members = [keeper(1), keeper(2), keeper(3, alive=False, lost=True), keeper(4, whole=False)]
    assert voters(settle(configuration([1, 2, 3], [4]), members)) == [[1, 2, 3]]


def test_mass_loss_removes_nobody() -> None:
    members = [keeper(1), *(keeper(m, alive=False, lost=True, whole=False) for m in (2, 3, 4, 5))]
    assert voters(settle(configuration([1, 2, 3, 4, 5]), members)) == [[1, 2, 3, 4, 5]]
    untagged = [replace(member, keeper=False) for member in members]
    assert voters(settle(configuration([1, 2, 3, 4, 5]), untagged)) == [[1, 2, 3, 4, 5]]


def test_a_voter_in_a_new_life_leaves_and_comes_back_as_a_learner() -> None:
    reborn = replace(keeper(3), incarnation=server(3, 1).incarnation)
    steps = settle(configuration([1, 2, 3]), [keeper(1), keeper(2), reborn])
    assert voters(steps) == [[1, 2, 3], [1, 2], [1, 2], [1, 2, 3]]
    assert steps[-1].server(3) == server(3, 1)


def test_fewer_keepers_shrink_the_voters_and_the_leader_goes_last() -> None:
    members = [keeper(1), keeper(2), keeper(3, keeper=False)]
    assert voters(settle(configuration([1, 2, 3]), members, leader=2)) == [[1, 2, 3], [1, 2], [2]]


def test_a_silent_voter_goes_first_where_the_rest_would_lack_a_majority() -> None:
    members = [keeper(1), keeper(2, alive=False), keeper(3, keeper=False)]
    assert voters(settle(configuration([1, 2, 3]), members)) == [[1, 2, 3], [1, 3], [1]]


def test_a_leader_that_is_no_keeper_demotes_itself_after_its_replacement_is_in() -> None:
    members = [keeper(1, keeper=False), keeper(2), keeper(3), keeper(4)]
    assert voters(settle(configuration([1, 2, 3], [4]), members)) == [[1, 2, 3], [1, 2, 3, 4], [2, 3, 4]]


def test_retired_learners_leave() -> None:
    assert settle(configuration([1], [2, 3]), [keeper(1), keeper(3, keeper=False)])[-1] == configuration(
        [1], [3]
    )


def every_cluster() -> Iterable[tuple[Configuration, list[Member]]]:
    facts: list[Callable[[int], Member]] = [
        lambda m: keeper(m),
        lambda m: keeper(m, alive=False, whole=False),
        lambda m: keeper(m, alive=False, whole=False, lost=True),
        lambda m: keeper(m, keeper=False),
    ]
    for voting in (1, 2, 3, 4, 5):
        for kinds in product(facts, repeat=4):
            members = [keeper(1), *(kind(m) for m, kind in enumerate(kinds, start=2))]
            yield configuration(range(1, voting + 1), range(voting + 1, 6)), members


def test_every_change_keeps_a_live_majority_and_ends() -> None:
    """In every cluster of five machines: no removal leaves fewer live voters than a majority, or fewer voters
    than the target."""
    for start, members in every_cluster():
        alive = {member.server for member in members if member.alive}
        steps = settle(start, members)
        wanted = target(sum(member.keeper for member in members))
        for before, after in pairwise(steps):
            if len(after.voters) < len(before.voters):
                assert sum(s in alive for s in after.voters) > len(after.voters) // 2
                assert len(after.voters) >= wanted
