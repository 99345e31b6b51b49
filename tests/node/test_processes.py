"""Node processes on loopback: they elect, replicate and survive; bad folders, ports and clocks are answered
clearly."""

import random
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lms_desktop.node import school_file, storage
from lms_desktop.school.commands import WrappedKeysSet
from tests.bench.processes import free_ports
from tests.node.processes import Lab, Process, Refused, lab, until

TWO_HOURS_MS = 2 * 3600 * 1000


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three voters; each test leaves them running and in agreement."""
    with lab(tmp_path_factory.mktemp("lab"), "ABC") as made:
        yield made


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Lab]:
    """One machine with a school of its own."""
    with lab(tmp_path / "single", "A") as made:
        yield made


def attempts_seen_by(machine: Process) -> list[tuple[object, ...]]:
    return list(machine.call("machines")[1])


def is_listed_at(machine: Process, address: str) -> bool:
    return any(row[9] == address for row in machine.call("machines")[0])


def followers(made: Lab) -> list[Process]:
    leader = made.leader()
    return [machine for machine in made.machines if machine is not leader]


def test_a_write_on_any_machine_reaches_all(three: Lab) -> None:
    for number, machine in enumerate(three.machines):
        three.add_person(machine, f"any{number}")
    three.agree()


def test_a_killed_leader_is_replaced_and_comes_back(three: Lab) -> None:
    leader = three.leader()
    other = followers(three)[0]
    three.add_person(other, "before")
    leader.kill()
    three.add_person(other, "without")
    assert three.leader() is not leader
    leader.start()
    three.agree()
    until(lambda: leader.role in ("leader", "voter"))


def test_all_killed_at_once_and_started_in_any_order(three: Lab) -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    three.add_person(three.machines[0], f"night{seed}")
    applied = three.agree()
    for machine in three.machines:
        machine.kill()
    for machine in random.Random(seed).sample(three.machines, 3):
        machine.start()
    three.agree(applied)
    three.add_person(three.machines[1], f"morning{seed}")


def test_a_stopped_leader_hands_over(three: Lab) -> None:
    leader = three.leader()
    other = followers(three)[0]
    leader.stop()
    assert leader.process.returncode == 0
    assert not (leader.data / "link.json").exists()
    assert "differs" not in other.alarm
    three.add_person(other, "handed")
    leader.start()
    three.agree()


def test_a_stranger_is_refused_and_shown_on_every_machine(three: Lab) -> None:
    stranger = Process(three.folder / "X", three.context).start()
    try:
        stranger.call("join", three.provisioning(three.machines[0], known=False))
        for machine in three.machines:
            attempts = until(partial(attempts_seen_by, machine))
            assert attempts[-1][1] == "127.0.0.1"
            assert attempts[-1][2] == "unknown key"
        assert stranger.role == "joining"
        assert "not let this machine in" in until(lambda: stranger.alarm)
        assert len(three.machines[0].call("machines")[0]) == 3
    finally:
        stranger.kill()


def test_bytes_that_are_no_protocol_do_no_harm(three: Lab) -> None:
    machine = three.machines[1]
    noise = random.Random(7).randbytes(4096)
    for port in (machine.port, machine.files_port):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(noise)
    three.add_person(machine, "afternoise")
    three.agree()


def test_a_damaged_ledger_is_set_aside_and_fetched_anew(three: Lab) -> None:
    machine = followers(three)[0]
    three.agree()
    machine.kill()
    path = machine.data / storage.FILE
    damaged = b"\0" * 4096 + path.read_bytes()[4096:]
    path.write_bytes(damaged)
    (machine.data / (storage.FILE + "-wal")).unlink(missing_ok=True)
    machine.start()
    assert "was damaged" in machine.alarm
    (aside,) = [each for each in machine.data.glob(storage.FILE + ".damaged-*") if each.name[-1].isdigit()]
    assert aside.read_bytes() == damaged
    until(lambda: machine.role == "voter")
    three.add_person(machine, "healed")
    three.agree()
    leader = three.leader()
    leader.kill()  # the new life counts: it and the third machine are a majority
    three.add_person(machine, "counted")
    leader.start()
    three.agree()


def test_a_leader_whose_clock_is_two_hours_ahead_is_not_followed(three: Lab) -> None:
    leader = three.leader()
    leader.kill()
    other = three.leader()
    leader.start(ahead_ms=TWO_HOURS_MS)
    three.agree()
    until(lambda: "clock" in leader.alarm)
    other.kill()  # of the two that are left, one is ahead: it must not get its stamps accepted
    (right,) = [machine for machine in three.machines if machine not in (leader, other)]
    three.add_person(right, "intime")
    stamp = right.call("status")[7]
    assert abs(stamp - time.time_ns() // 1_000_000) < TWO_HOURS_MS // 4
    other.start()
    three.agree()
    leader.kill()
    leader.start()
    three.agree()


def test_a_state_that_differs_from_the_voters_stops_applying(three: Lab) -> None:
    machine = followers(three)[0]
    three.agree()
    machine.stop()
    db = sqlite3.connect(machine.data / storage.FILE)
    db.execute("UPDATE ledger_state SET digest = zeroblob(32)")
    db.commit()
    db.close()
    machine.start()
    until(lambda: machine.role == "voter")
    three.add_person(three.leader(), "differs")
    assert "differs from that of the voters" in until(lambda: machine.alarm)
    applied, _, _ = machine.state
    three.add_person(three.leader(), "further")
    assert machine.state[0] == applied
    machine.stop()
    (machine.data / storage.FILE).rename(machine.data / "kept.db")
    machine.start()
    three.agree()
    until(lambda: machine.role == "voter")


def test_a_fourth_machine_learns_and_a_machine_may_move(three: Lab) -> None:
    file = three.folder / "provisioning.json"
    file.write_bytes(three.provisioning(three.machines[0]))
    fourth = three.add("D").start("--provision", str(file))
    until(lambda: fourth.role == "learner")
    three.agree()
    three.add_person(fourth, "fromlearner")
    three.agree()
    for machine in (fourth, followers(three)[0]):
        machine.stop()
        machine.port, machine.files_port = free_ports(2)
        machine.start()
        three.add_person(three.leader(), f"moved{machine.name.lower()}")
        three.agree()
        until(partial(is_listed_at, three.machines[0], f"127.0.0.1:{machine.port}"))


@pytest.mark.parametrize("arguments", [(), ("--embedded",)], ids=["alone", "embedded"])
def test_a_port_in_use_is_named(single: Lab, arguments: tuple[str, ...]) -> None:
    (machine,) = single.machines
    second = Process(single.folder / "B", single.context)
    second.port = machine.port
    words = second.start(*arguments).refusal()
    assert str(machine.port) in words
    assert "--port" in words


def test_a_second_node_on_the_same_folder_is_refused(single: Lab) -> None:
    (machine,) = single.machines
    second = Process(single.folder / "B", single.context)
    second.data = machine.data
    assert "Another node is running on this data folder" in second.start().refusal()
    assert machine.role == "leader"


def test_the_database_of_another_school_is_refused(single: Lab, tmp_path: Path) -> None:
    (machine,) = single.machines
    machine.stop()
    with lab(tmp_path / "other", "A") as other:
        (foreign,) = other.machines
        foreign.stop()
        shutil.copy(foreign.data / storage.FILE, machine.data / storage.FILE)
    assert "belongs to another school" in machine.start().refusal()


def test_a_lost_school_file_is_made_again_from_the_ledger(single: Lab) -> None:
    (machine,) = single.machines
    single.add_person(machine, "kept")
    machine.stop()
    (machine.data / school_file.FILE).unlink()
    machine.start()
    until(lambda: machine.role == "leader")
    single.add_person(machine, "more")


def test_an_embedded_node_ends_with_its_app(single: Lab) -> None:
    (machine,) = single.machines
    machine.stop()
    machine.start("--embedded")
    until(lambda: machine.role == "leader")
    machine.end_input()
    assert machine.process.returncode == 0


def test_founding_twice_is_refused_and_repeating_it_is_not(single: Lab) -> None:
    (machine,) = single.machines
    genesis = single.genesis
    assert genesis is not None
    first = single.sign(single_command())
    machine.call("found", genesis.raw, first.raw)
    machine.call("found", genesis.raw, first.raw)
    other = Lab(single.folder / "unused", "")
    with pytest.raises(Refused, match="belongs to a school already"):
        other.found(machine)
    with pytest.raises(Refused, match="belongs to a school already"):
        machine.call("join", single.provisioning(machine))
    other.context.destroy(linger=0)


def single_command() -> WrappedKeysSet:
    return WrappedKeysSet(b"wrapped again")
