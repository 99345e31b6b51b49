"""What the core does when all is well, and at its bounds."""

from collections.abc import Sequence

import pytest

from lms_desktop.node.raft.core import Raft
from lms_desktop.node.raft.settings import Settings
from lms_desktop.node.raft.types import (
    Accepted,
    AppendEntries,
    AppendReply,
    Eligible,
    EntryType,
    HardState,
    Mute,
    Persisted,
    Position,
    Propose,
    ProposeConfiguration,
    RaftError,
    Reason,
    Receive,
    Refused,
    Role,
    Server,
    Session,
    Stored,
    TimeoutNow,
    Transfer,
    Unreachable,
)
from tests.node.raft.cluster import Cluster, Patience, configuration, server
from tests.sim.disk import Disk, chain, configuration_of


def reasons(answers: Sequence[object]) -> list[Reason | None]:
    return [answer.reason if isinstance(answer, Refused) else None for answer in answers]


def test_a_sole_voter_leads_at_once_and_commits_at_its_own_fsync() -> None:
    cluster = Cluster((1,))
    cluster.step(1)
    raft = cluster.nodes[1]
    assert raft.role is Role.LEADER
    cluster.slow = {1}
    cluster.propose(1, b"x")
    assert cluster.commands(1) == []
    cluster.fsync(1)
    assert cluster.commands(1) == [b"x"]


def test_a_sole_voter_leads_only_when_its_vote_for_itself_is_durable() -> None:
    cluster = Cluster((1,), (2,))
    cluster.slow = {1}
    for _ in range(5):
        cluster.step(1)
    assert cluster.leaders() == []
    assert cluster.nodes[1].term == 2
    assert not cluster.wire
    cluster.fsync(1)
    assert cluster.leaders() == [1]


def test_a_vote_for_itself_in_an_earlier_campaign_counts_for_nothing() -> None:
    cluster = Cluster((1,))
    cluster.slow = {1}
    cluster.step(1)
    cluster.idle(1200)
    disk = cluster.disks[1]
    assert len(disk.pending) == 2
    cluster.step(1, Persisted(disk.complete()))
    assert cluster.leaders() == []
    cluster.fsync(1)
    assert cluster.leaders() == [1]


def test_appends_leave_before_the_leaders_fsync_which_counts_only_when_done() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.slow = {1}
    before = leader.commit
    update = cluster.propose(1, b"x")
    assert [target for target, _ in update.send] == [2, 3]
    assert update.send[0][1] is update.send[1][1], "one message, encoded once"
    cluster.only(1, 2)
    cluster.settle()
    assert leader.commit == before, "the leader's own copy is not durable: one of three holds it"
    cluster.fsync(1)
    assert leader.commit == before + 1


def test_two_followers_commit_while_the_leaders_disk_hangs() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.slow = {1}
    cluster.propose(1, b"x")
    cluster.settle()
    assert cluster.commands(1) == [b"x"]
    assert leader.log.stable < leader.commit


def test_a_follower_acknowledges_after_its_fsync() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.slow = {2}
    cluster.propose(1, b"x")
    cluster.settle()
    update = cluster.updates[2][-1]
    assert update.seq
    assert update.hard_state is not None
    assert update.hard_state.own.match == update.entries[-1].index, "its own pair is in the same write"
    assert not cluster.take(AppendReply)
    cluster.fsync(2)
    assert [m.ok for _, _, m in cluster.take(AppendReply)] == [True]


def test_a_promise_to_an_earlier_leader_is_void_once_a_later_one_is_followed() -> None:
    cluster = Cluster((1, 2, 3, 4, 5))
    cluster.elect(1)
    cluster.slow = {5}
    cluster.only(1, 5)
    cluster.propose(1, b"x")
    cluster.settle()
    cluster.only(2, 3, 4)
    cluster.elect(2)
    cluster.only(2, 3, 4, 5)
    cluster.run(200)
    old = cluster.nodes[1].term
    cluster.wire.clear()
    cluster.fsync(5)
    replies = [m for _, _, m in cluster.take(AppendReply)]
    assert replies
    assert all(m.term > old for m in replies)


def test_many_proposals_in_one_step_are_one_batch_and_one_write() -> None:
    cluster = Cluster()
    cluster.elect(1)
    proposals = [Propose([(EntryType.COMMAND, 0, b"%d" % n)]) for n in range(64)]
    update = cluster.step(1, *proposals)
    assert len(update.answers) == 64
    assert len(update.entries) == 64
    assert [type(m) for _, m in update.send] == [AppendEntries, AppendEntries]
    first = [a.first for a in update.answers if isinstance(a, Accepted)]
    assert first == list(range(first[0], first[0] + 64))


def test_batches_and_what_is_in_flight_are_bounded_and_flow_on_with_the_answers() -> None:
    cluster = Cluster((1, 2))
    cluster.elect(1)
    update = cluster.propose(1, *[b"x"] * 1000)
    sent = [m for _, m in update.send if isinstance(m, AppendEntries)]
    assert [len(m.entries) for m in sent] == [64] * 8
    cluster.settle()
    cluster.run(100)
    assert len(cluster.commands(2)) == 1000
    big = cluster.propose(1, *[bytes(100_000)] * 5)
    sizes = [sum(len(e.payload) for e in m.entries) for _, m in big.send if isinstance(m, AppendEntries)]
    assert sizes == [200_000, 200_000, 100_000]


def test_too_much_uncommitted_is_refused_until_some_of_it_commits() -> None:
    cluster = Cluster(settings=Settings(uncommitted_bytes=1000))
    cluster.elect(1)
    cluster.cut = lambda source, target: True
    assert reasons(cluster.propose(1, bytes(1500)).answers) == [None]
    assert reasons(cluster.propose(1, b"x").answers) == [Reason.BUSY]
    cluster.heal()
    cluster.settle()
    cluster.run(200)
    assert reasons(cluster.propose(1, b"x").answers) == [None]


def test_only_the_leader_takes_requests_and_says_who_leads() -> None:
    cluster = Cluster()
    cluster.elect(1)
    answers = cluster.step(
        2,
        Propose([(EntryType.COMMAND, 0, b"x")]),
        ProposeConfiguration(configuration([1, 2]), 1, 0),
        Transfer(),
    ).answers
    assert [(a.reason, a.leader) for a in answers if isinstance(a, Refused)] == [(Reason.NOT_LEADER, 1)] * 3


def test_only_commands_are_proposed() -> None:
    cluster = Cluster()
    cluster.elect(1)
    with pytest.raises(RaftError, match="only commands"):
        cluster.step(1, Propose([(EntryType.CONFIG, 0, b"")]))


def test_stamps_never_fall() -> None:
    cluster = Cluster((1,))
    cluster.step(1)
    for stamp in (50, 40, 60):
        cluster.step(1, Propose([(EntryType.COMMAND, stamp, b"x")]))
    raft = cluster.nodes[1]
    assert [e.stamp for e in raft.entries(3, 6, 1 << 20)] == [50, 50, 60]


def test_an_idle_follower_learns_of_a_commit_within_the_notice() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.run(300)
    cluster.propose(1, b"x")
    cluster.settle()
    cluster.run(Settings().notice_ms + 10)
    assert cluster.commands(2) == cluster.commands(3) == [b"x"]


def test_a_learner_follows_and_neither_votes_nor_campaigns() -> None:
    cluster = Cluster((1, 2), (3,))
    cluster.elect(1)
    cluster.propose(1, b"x")
    cluster.run(200)
    assert cluster.commands(3) == [b"x"]
    cluster.stop(1)
    cluster.run(4000)
    assert cluster.leaders() == []
    assert cluster.nodes[3].role is Role.FOLLOWER


def test_a_machine_that_joins_late_is_sent_the_log_from_the_disk_and_memory_stays_bounded() -> None:
    settings = Settings(window_entries=50, window_bytes=2000, batch_entries=16)
    cluster = Cluster((1,), settings=settings)
    cluster.step(1)
    for n in range(500):
        cluster.propose(1, b"%d" % n)
    assert len(cluster.nodes[1].log._entries) <= 51
    cluster.add(2)
    cluster.step(1, ProposeConfiguration(configuration([1], [2]), 1, 0))
    cluster.run(1000)
    assert cluster.commands(2) == [b"%d" % n for n in range(500)]
    assert cluster.nodes[2].configuration == configuration([1], [2])
    assert cluster.nodes[2].log.last == cluster.nodes[1].log.last


def test_leadership_is_handed_over_without_an_election_timeout() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"x")
    answers = cluster.step(1, Transfer(3)).answers
    assert isinstance(answers[0], Accepted)
    assert reasons(cluster.propose(1, b"y").answers) == [Reason.TRANSFERRING]
    started = cluster.now
    cluster.settle()
    assert cluster.leaders() == [3]
    assert cluster.now == started
    assert cluster.commands(3) == [b"x"]


def test_a_hand_over_that_fails_ends_and_proposals_go_on() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.cut = lambda source, target: target == 3
    cluster.step(1, Transfer(3))
    cluster.run(600)
    assert leader.role is Role.LEADER
    assert reasons(cluster.propose(1, b"y").answers) == [None]


@pytest.mark.parametrize("target", [1, 4, 9, None])
def test_there_must_be_a_voter_to_hand_over_to(target: int | None) -> None:
    cluster = Cluster((1,), (4,))
    cluster.step(1)
    assert reasons(cluster.step(1, Transfer(target)).answers) == [Reason.NO_TARGET]


def test_only_the_present_leader_can_ask_for_a_campaign() -> None:
    cluster = Cluster()
    term = cluster.elect(1).term
    cluster.receive(3, 2, TimeoutNow(term))
    cluster.receive(1, 2, TimeoutNow(term - 1))
    assert cluster.nodes[2].role is Role.FOLLOWER


def test_a_leader_without_a_quorum_steps_down() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.only(2, 3)
    cluster.run(700)
    assert leader.role is Role.FOLLOWER
    assert leader.leader is None


def test_a_machine_with_a_wrong_clock_hands_over_and_does_not_campaign() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.step(1, Eligible(False))
    cluster.run(100)
    assert len(cluster.leaders()) == 1
    assert cluster.leaders() != [1]
    cluster.stop(cluster.leaders()[0])
    cluster.favour(1)
    cluster.run(3000)
    assert leader.role is not Role.LEADER


def test_who_refuses_an_entry_hears_no_more_of_that_leader_in_that_term() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.step(2, Mute(1, leader.term))
    cluster.propose(1, b"x")
    cluster.settle()
    cluster.run(2000)
    assert cluster.leaders() == [1], "a lone refuser is as if switched off"
    assert cluster.commands(3) == [b"x"]
    assert cluster.commands(2) == []


def test_a_majority_that_refuses_elects_another() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    for machine in (2, 3):
        cluster.step(machine, Mute(1, leader.term))
    cluster.favour(2)
    cluster.run(3000)
    assert cluster.leaders() == [2]


def test_lost_appends_are_found_out_by_the_next_heartbeat() -> None:
    cluster = Cluster()
    cluster.elect(1)
    for payload in (b"a", b"b", b"c"):
        cluster.propose(1, payload)
        if payload == b"b":
            cluster.wire.clear()
    cluster.settle()
    cluster.run(300)
    assert cluster.commands(2) == cluster.commands(3) == [b"a", b"b", b"c"]


def test_an_unreachable_peer_is_probed_and_catches_up() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"a")
    cluster.wire.clear()
    cluster.step(1, Unreachable(2), Unreachable(77))
    cluster.run(300)
    assert cluster.commands(2) == [b"a"]


def test_a_sender_in_another_life_than_the_configuration_names_is_not_heard() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    stranger = Server(1, bytes(16))
    message = AppendEntries(leader.term + 1, 0, 0, 0, bytes(32), 0, (), ())
    cluster.step(2, Receive(stranger, Session(1, b""), message))
    assert cluster.nodes[2].term == leader.term


def test_a_disk_that_lost_committed_entries_is_refused_at_the_start() -> None:
    stored = Stored(HardState(term=3, commit=9), Position(4, 3, bytes(32), 0), ())
    with pytest.raises(RaftError, match="entries 5 to 9 were committed and are gone"):
        Raft(server(1), stored, Disk(), chain, configuration_of, Patience(), 0)


def test_what_only_informs_needs_no_write_of_its_own() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"x")
    cluster.settle()
    cluster.run(300)
    informed = [u for u in cluster.updates[2] if u.hard_state is not None and not u.seq]
    assert [u.hard_state.commit for u in informed if u.hard_state][-1] == cluster.nodes[2].commit
    assert all(not u.entries for u in informed)
