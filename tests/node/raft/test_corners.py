"""The corner cases that consensus implementations have fallen into, one test each.

Of the fifteen, the thirteenth is about snapshots, which this log does not need: it is kept whole.
"""

from itertools import permutations

import pytest

from lms_desktop.node.raft.types import (
    NO_PAIR,
    Accepted,
    AppendEntries,
    AppendReply,
    HardState,
    Pair,
    Persisted,
    ProposeConfiguration,
    ReadIndex,
    Reason,
    Refused,
    RequestVote,
    Role,
    Session,
    VoteReply,
)
from tests.node.raft.cluster import Cluster, configuration, server
from tests.sim.disk import Disk


def vote_request(term: int, last_index: int = 1, last_term: int = 1) -> RequestVote:
    return RequestVote(term, False, False, last_index, last_term, NO_PAIR)


def append(cluster: Cluster, leader: int, prev: int, stop: int, commit: int) -> AppendEntries:
    """What `leader` would send after `prev`, up to and including `stop`."""
    raft = cluster.nodes[leader]
    before = raft.log.position(prev)
    entries = raft.entries(prev + 1, stop + 1, 1 << 20) if stop > prev else ()
    return AppendEntries(raft.term, 0, prev, before.term, before.head, commit, (), entries)


def change(voters: list[int], learners: list[int] | None = None) -> ProposeConfiguration:
    return ProposeConfiguration(configuration(voters, learners or []), 1, 0)


def reason(answer: object) -> Reason | None:
    return answer.reason if isinstance(answer, Refused) else None


# --- 1 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durable", [False, True], ids=["crash before the write", "crash after it"])
def test_corner_01_one_vote_a_term_whenever_the_node_crashes(durable: bool) -> None:
    cluster = Cluster()
    cluster.idle(600)
    cluster.slow.add(3)
    update = cluster.receive(1, 3, vote_request(5))
    assert update.hard_state is not None
    assert (update.hard_state.term, update.hard_state.vote) == (5, 1), "term and vote are one write"
    assert not cluster.take(VoteReply), "the vote waits for the write"
    if durable:
        cluster.fsync(3)
        assert [m.granted for _, _, m in cluster.take(VoteReply)] == [True]
    cluster.start(3)
    cluster.slow.clear()
    assert cluster.nodes[3].term == (5 if durable else 1)
    cluster.idle(600)
    cluster.receive(2, 3, vote_request(5))
    assert [m.granted for _, _, m in cluster.take(VoteReply)] == [not durable]


# --- 2 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_corner_02_a_power_cut_of_all_loses_nothing_that_was_acknowledged(order: tuple[int, ...]) -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"a", b"b")
    cluster.settle()
    assert cluster.commands(1) == [b"a", b"b"]
    cluster.slow = {1, 2, 3}
    cluster.propose(1, b"not acknowledged")
    cluster.settle()
    for machine in order:
        cluster.stop(machine)
    cluster.slow.clear()
    for machine in order:
        cluster.start(machine)
        cluster.run(700)
    cluster.run(2000)
    assert len(cluster.leaders()) == 1
    for machine in order:
        assert cluster.commands(machine)[:2] == [b"a", b"b"]


# --- 3 ---------------------------------------------------------------------------------------------------


def test_corner_03_a_follower_commits_only_what_this_append_verified() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.only(1, 3)
    cluster.propose(1, b"x", b"y")  # 3 holds them, 2 does not
    cluster.take(AppendReply)
    cluster.heal()
    last = cluster.nodes[1].log.last.index
    cluster.receive(1, 3, append(cluster, 1, last - 2, last, 2))
    cluster.receive(1, 3, append(cluster, 1, last - 2, last - 2, last))
    assert cluster.nodes[3].commit == last - 2, "an empty append verifies up to where it hangs"
    cluster.receive(1, 3, append(cluster, 1, last - 2, last - 1, last))
    assert cluster.nodes[3].commit == last - 1


# --- 4 ---------------------------------------------------------------------------------------------------


def test_corner_04_a_late_append_never_cuts_what_agrees() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"x", b"y", b"z")
    cluster.settle()
    last = cluster.nodes[1].log.last.index
    for message in (append(cluster, 1, 2, 3, 2), append(cluster, 1, 1, 1, 1), append(cluster, 1, 1, 4, 1)):
        update = cluster.receive(1, 2, message)
        assert update.truncate_from is None
        assert cluster.nodes[2].log.last.index == last


def test_corner_04_a_conflict_at_or_below_the_commit_is_reported_and_cuts_nothing() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"x")
    cluster.settle()
    cluster.run(200)
    raft = cluster.nodes[2]
    index = raft.commit
    true = raft.entries(index, index + 1, 1)[0]
    forged = true._replace(term=raft.term + 1, payload=b"forged", head=bytes(32))
    before = raft.log.position(index - 1)
    message = AppendEntries(raft.term + 1, 0, index - 1, before.term, before.head, index, (), [forged])
    update = cluster.receive(3, 2, message)
    assert update.truncate_from is None
    assert update.divergence is not None
    assert (update.divergence.index, update.divergence.leader) == (index, 3)
    assert cluster.commands(2) == [b"x"]


def test_corner_04_another_head_at_the_same_term_is_proof_even_above_the_commit() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"x")
    [sent] = cluster.take(AppendEntries, target=2)
    message = sent[2]
    cluster.receive(1, 2, message)
    assert cluster.nodes[2].commit < message.prev_index + 1
    other = message.entries[0]._replace(payload=b"y", head=bytes(32))
    update = cluster.receive(
        1,
        2,
        AppendEntries(
            message.term, 0, message.prev_index, message.prev_term, message.prev_head, 0, (), [other]
        ),
    )
    assert update.divergence is not None
    assert cluster.nodes[2].log.position(message.prev_index + 1).head == message.entries[0].head
    cluster.take(AppendReply)
    cluster.receive(1, 2, message)
    assert not cluster.take(AppendReply), "nothing more is heard from that leader in that term"


# --- 5 ---------------------------------------------------------------------------------------------------


def test_corner_05_a_majority_for_an_entry_of_an_earlier_term_decides_nothing() -> None:
    """Figure 8 of the paper."""
    cluster = Cluster((1, 2, 3, 4, 5))
    cluster.elect(1)
    cluster.only(1, 2)
    cluster.propose(1, b"old")
    cluster.settle()
    index = cluster.nodes[1].log.last.index
    cluster.only(3, 4, 5)
    cluster.lead(5)  # its own first entry, at the same index, reaches nobody
    assert cluster.nodes[5].log.last.index == index
    cluster.only(1, 2, 3, 4)
    leader = cluster.lead(1)
    whole = cluster.take(AppendEntries)
    for machine in (2, 3):
        cluster.receive(1, machine, append(cluster, 1, index - 1, index, 1))
    for machine, _, reply in cluster.take(AppendReply):
        assert reply.ok
        cluster.receive(machine, 1, reply)
    assert leader.commit < index, "three of five hold it, and a later leader may still replace it"
    cluster.wire += whole
    cluster.settle()
    assert leader.commit == index + 1, "with an entry of its own term it is decided"
    cluster.heal()
    cluster.run(2000)
    assert all(cluster.commands(machine) == [b"old"] for machine in cluster.nodes)


# --- 6 ---------------------------------------------------------------------------------------------------


def test_corner_06_late_replies_of_earlier_terms_and_boots_change_nothing() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.propose(1, b"x")
    cluster.settle()
    last, term = leader.log.last.index, leader.term
    own = Pair(term, last)

    def match(machine: int) -> int:
        return next(peer.match for peer in leader.peers() if peer.machine == machine)

    cluster.receive(2, 1, AppendReply(term, 0, True, 1, 1, own))
    cluster.receive(2, 1, AppendReply(term, 0, False, 1, 0, own))
    assert match(2) == last
    earlier = cluster.session(2)
    cluster.start(2)
    cluster.receive(2, 1, AppendReply(term, 0, True, 1, 1, own))
    cluster.propose(1, b"y")
    cluster.take(AppendEntries)
    late = AppendReply(term, 0, True, last, last + 1, Pair(term, last + 1))
    cluster.receive(2, 1, late, session=earlier)
    cluster.receive(3, 1, AppendReply(term - 1, 0, True, last, last + 1, own))
    assert match(3) == last
    assert match(2) == 1, "an earlier boot may have lost what it acknowledged"
    assert leader.commit == last


# --- 7 ---------------------------------------------------------------------------------------------------


def test_corner_07_a_new_leader_answers_no_read_before_it_has_committed_in_its_term() -> None:
    cluster = Cluster()
    cluster.lead(1)
    assert [reason(a) for a in cluster.step(1, ReadIndex(7)).answers] == [Reason.TERM_NOT_COMMITTED]
    cluster.settle()
    assert [type(a) for a in cluster.step(1, ReadIndex(7)).answers] == [Accepted]


def test_corner_07_the_round_that_confirms_a_read_starts_after_it() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.step(1, ReadIndex(7))
    round_ = cluster.take(AppendEntries)
    index = leader.commit
    cluster.receive(3, 1, AppendReply(leader.term, 0, True, index, index, Pair(leader.term, index)))
    assert not any(update.reads for update in cluster.updates[1]), "that answered an earlier round"
    cluster.wire += round_
    cluster.settle()
    assert [update.reads for update in cluster.updates[1] if update.reads] == [[(7, index)]]


def test_corner_07_a_leader_that_is_cut_off_confirms_no_read() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.only(2, 3)
    cluster.step(1, ReadIndex(7))
    cluster.run(3000)
    assert not any(update.reads for update in cluster.updates[1])
    assert cluster.nodes[1].role is not Role.LEADER


# --- 8 ---------------------------------------------------------------------------------------------------


def test_corner_08_no_change_before_a_commit_of_the_term_and_one_at_a_time() -> None:
    cluster = Cluster((1, 2, 3), (4, 5))
    cluster.lead(1)
    first = change([1, 2, 3, 4], [5])
    assert reason(cluster.step(1, first).answers[0]) is Reason.TERM_NOT_COMMITTED
    cluster.settle()
    assert isinstance(cluster.step(1, first).answers[0], Accepted)
    second = change([1, 2, 3, 4, 5])
    assert reason(cluster.step(1, second).answers[0]) is Reason.CHANGE_PENDING
    cluster.settle()
    assert isinstance(cluster.step(1, second).answers[0], Accepted)


@pytest.mark.parametrize("wrong", [change([]), change([1, 4, 5]), change([1, 2, 3, 4, 5]), change([1, 2, 3])])
def test_corner_08_a_change_of_more_than_one_voter_is_refused(wrong: ProposeConfiguration) -> None:
    cluster = Cluster()
    cluster.elect(1)
    assert reason(cluster.step(1, wrong).answers[0]) is Reason.NOT_ALLOWED


# --- 9 and 10 --------------------------------------------------------------------------------------------


def rival_changes() -> Cluster:
    """1 has added 4 and told nobody; 2 leads after it, and commits the addition of 5."""
    cluster = Cluster()
    cluster.add(4)
    cluster.add(5)
    cluster.elect(1)
    assert isinstance(cluster.step(1, change([1, 2, 3, 4])).answers[0], Accepted)
    cluster.wire.clear()
    cluster.only(2, 3, 5)
    cluster.lead(2)
    assert reason(cluster.step(2, change([1, 2, 3, 5])).answers[0]) is Reason.TERM_NOT_COMMITTED
    cluster.settle()
    assert isinstance(cluster.step(2, change([1, 2, 3, 5])).answers[0], Accepted)
    cluster.settle()
    cluster.run(200)
    assert cluster.nodes[3].configuration == configuration([1, 2, 3, 5])
    return cluster


@pytest.mark.parametrize("reachable", [(1, 3, 4), (1, 4), (1, 2, 3, 4), (1, 3, 4, 5)])
def test_corner_09_rival_changes_never_make_two_leaders_in_a_term(reachable: tuple[int, ...]) -> None:
    cluster = rival_changes()
    cluster.only(*reachable)
    cluster.run(5000)
    cluster.heal()
    cluster.run(5000)
    leaders: dict[int, set[int]] = {}
    for machine, updates in cluster.updates.items():
        for update in updates:
            if update.role is Role.LEADER:
                leaders.setdefault(update.term, set()).add(machine)
    assert all(len(machines) == 1 for machines in leaders.values())
    assert len(cluster.leaders()) == 1
    assert all(cluster.nodes[m].configuration == configuration([1, 2, 3, 5]) for m in (1, 2, 3, 5))


@pytest.mark.parametrize("restarted", [False, True])
def test_corner_10_cutting_an_uncommitted_configuration_brings_the_previous_one_back(
    restarted: bool,
) -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"x")
    cluster.settle()
    cluster.step(1, change([1, 2, 3], [4]))
    cluster.wire.clear()
    assert cluster.nodes[1].configuration == configuration([1, 2, 3], [4])
    if restarted:
        cluster.start(1)
        assert cluster.nodes[1].configuration == configuration([1, 2, 3], [4])
    cluster.only(2, 3)
    cluster.elect(2)
    cluster.heal()
    cluster.updates[1].clear()
    cluster.run(300)
    assert cluster.nodes[1].configuration == configuration([1, 2, 3])
    assert any(u.configuration == configuration([1, 2, 3]) for u in cluster.updates[1])
    assert any(u.truncate_from is not None for u in cluster.updates[1])


# --- 11 --------------------------------------------------------------------------------------------------


def test_corner_11_removing_the_leader_of_two_leaves_the_survivor_live() -> None:
    cluster = Cluster((1, 2))
    cluster.elect(1)
    assert isinstance(cluster.step(1, change([2])).answers[0], Accepted)
    cluster.run(1500)
    assert cluster.leaders() == [2]
    cluster.propose(2, b"alone")
    assert cluster.commands(2) == [b"alone"]


def test_corner_11_a_demoted_leader_does_not_count_itself() -> None:
    cluster = Cluster((1, 2, 3))
    leader = cluster.elect(1)
    cluster.only(1, 2)
    cluster.step(1, change([2, 3], [1]))
    cluster.settle()
    index = leader.log.last.index
    assert leader.commit < index, "it and one other are no majority of the two that vote"
    cluster.heal()
    cluster.run(1500)
    assert leader.role is Role.FOLLOWER
    assert len(cluster.leaders()) == 1
    assert min(cluster.nodes[m].commit for m in (1, 2, 3)) >= index


def test_corner_11_a_leaving_leader_that_loses_office_too_early_does_not_block_the_rest() -> None:
    cluster = Cluster((1, 2))
    cluster.elect(1)
    cluster.step(1, change([2], [1]))
    cluster.propose(1, b"x")
    cluster.wire.clear()
    cluster.start(1)  # its log is longer than 2's, and by its own configuration it no longer votes
    cluster.run(4000)
    assert cluster.leaders() == [2]
    assert cluster.commands(2) == [b"x"]


# --- 12 --------------------------------------------------------------------------------------------------


def test_corner_12_a_longer_log_of_a_lower_term_and_a_shorter_one_of_a_higher_elect_a_leader() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.only(1, 2)
    cluster.propose(1, b"x")
    cluster.settle()
    cluster.stop(1)
    cluster.heal()
    state = cluster.disks[3].hard_state
    cluster.disks[3].hard_state = HardState(9, 0, state.commit, state.own, state.pairs)
    cluster.start(3)
    cluster.run(4000)
    assert cluster.leaders() == [2]
    assert cluster.commands(3) == [b"x"]


@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        ("3 hears nobody", {(1, 3), (2, 3)}),
        ("3 is heard by nobody", {(3, 1), (3, 2)}),
        ("3 and the leader do not meet", {(1, 3), (3, 1)}),
        ("3 does not hear the leader", {(1, 3)}),
    ],
)
def test_corner_12_bad_links_never_depose_a_healthy_leader(kind: str, lost: set[tuple[int, int]]) -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    term = leader.term
    cluster.cut = lambda source, target: (source, target) in lost
    cluster.run(5000)
    cluster.heal()
    cluster.run(2000)
    assert cluster.leaders() == [1], kind
    assert leader.term == term


# --- 14 --------------------------------------------------------------------------------------------------


def test_corner_14_a_late_fsync_never_vouches_for_what_replaced_its_entries() -> None:
    cluster = Cluster()
    cluster.elect(1)
    follower, disk = cluster.nodes[2], cluster.disks[2]
    cluster.slow = {2}
    cluster.only(1, 2)
    cluster.propose(1, b"old 1", b"old 2")
    cluster.settle()
    first = disk.pending[-1].seq
    cut = follower.log.last.index - 1
    cluster.only(3)
    cluster.slow = {2}
    cluster.stop(1)
    rival = Cluster()  # the same founding, so that its leader of a later term fits
    rival.elect(1)
    rival.only(3, 2)
    rival.elect(3)
    message = append(rival, 3, cut - 1, cut, 1)
    update = cluster.receive(3, 2, message)
    assert update.truncate_from == cut
    cluster.take(AppendReply)
    while disk.pending and disk.pending[0].seq <= first:
        cluster.step(2, Persisted(disk.complete()))
    assert follower.log.stable == cut - 1
    assert not cluster.take(AppendReply), "nothing is acknowledged that is not durable"
    cluster.fsync(2)
    assert [m.index for _, _, m in cluster.take(AppendReply) if m.ok] == [cut]
    assert follower.log.stable == cut


def test_corner_14_completions_out_of_order_strand_nothing() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.slow = {2}
    for payload in (b"x", b"y"):
        cluster.propose(1, payload)
        cluster.settle()
    disk = cluster.disks[2]
    early, late = disk.complete(), disk.complete()
    cluster.step(2, Persisted(late))
    cluster.step(2, Persisted(early))
    last = cluster.nodes[2].log.last.index
    assert cluster.nodes[2].log.stable == last
    assert max(m.index for _, _, m in cluster.take(AppendReply)) == last


# --- 15 --------------------------------------------------------------------------------------------------


def test_corner_15_a_wiped_disk_counts_for_nothing_until_it_is_whole_and_the_leader_lives_on() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    cluster.propose(1, b"x")
    cluster.settle()
    cluster.disks[3] = Disk()
    cluster.start(3)
    cluster.only(1, 3)
    cluster.propose(1, b"y")
    index = leader.log.last.index
    [(_, _, message)] = cluster.take(AppendEntries, target=3)
    cluster.take(AppendEntries)
    cluster.receive(1, 3, message)
    [(_, _, reply)] = cluster.take(AppendReply)
    assert cluster.receive(3, 1, reply).regressed == [3]
    assert [peer.whole for peer in leader.peers() if peer.machine == 3] == [False]
    assert leader.commit < index
    cluster.run(300)
    assert leader.role is Role.LEADER
    assert [peer.whole for peer in leader.peers() if peer.machine == 3] == [True]
    assert leader.commit == index
    assert cluster.commands(1) == [b"x", b"y"]


def test_corner_15_a_disk_that_was_rolled_back_elects_nobody() -> None:
    """2 lacks what 1 and 3 committed, but heard that 3 acknowledged it. 3's disk is set back, 1 is off."""
    cluster = Cluster()
    cluster.elect(1)
    cluster.propose(1, b"before")
    cluster.settle()
    cluster.run(200)
    image = Disk()
    image.log, image.hard_state = list(cluster.disks[3].log), cluster.disks[3].hard_state
    cluster.only(1, 3)
    cluster.propose(1, b"committed")
    cluster.settle()
    leader = cluster.nodes[1]
    assert cluster.commands(1) == [b"before", b"committed"]
    cluster.heal()
    last = leader.log.last
    known = tuple((m, last.term, last.index) for m in (1, 3))
    heartbeat = AppendEntries(last.term, 0, last.index, last.term, last.head, last.index, known, ())
    cluster.receive(1, 2, heartbeat)  # the entries themselves are lost on the way
    cluster.stop(1)
    cluster.wire.clear()
    cluster.disks[3] = image
    cluster.start(3)
    cluster.run(6000)
    assert cluster.leaders() == []
    cluster.start(1)
    cluster.run(4000)
    assert len(cluster.leaders()) == 1
    assert all(cluster.commands(machine) == [b"before", b"committed"] for machine in (1, 2, 3))


def test_corner_15_a_burst_of_time_after_sleep_starts_no_election() -> None:
    cluster = Cluster()
    leader = cluster.elect(1)
    term = leader.term
    for machine in (2, 3):
        cluster.now += 60_000
        cluster.step(machine)
        assert cluster.nodes[machine].role is Role.FOLLOWER
    assert not cluster.take(RequestVote)
    cluster.step(1)
    assert leader.role is Role.LEADER, "after a stall of its own, the silence of others proves nothing"
    cluster.run(1000)
    assert cluster.leaders() == [1]
    assert leader.term == term


def test_corner_15_after_sleep_no_read_is_served_without_a_fresh_round() -> None:
    cluster = Cluster()
    cluster.elect(1)
    cluster.only(2, 3)
    cluster.favour(2)
    for _ in range(3000 // 10):  # 1 sleeps
        cluster.now += 10
        for machine in (2, 3):
            cluster.step(machine)
        cluster.settle()
    assert len(cluster.leaders()) == 2
    cluster.heal()
    cluster.step(1, ReadIndex(7))
    cluster.run(1000)
    assert not any(update.reads for update in cluster.updates[1])
    assert cluster.nodes[1].role is Role.FOLLOWER


def test_a_session_of_an_unknown_earlier_boot_does_not_displace_the_present_one() -> None:
    cluster = Cluster()
    cluster.elect(1)
    for _ in range(3):
        cluster.start(2)
    cluster.run(300)
    own = NO_PAIR
    cluster.receive(
        2, 1, AppendReply(cluster.nodes[1].term, 0, True, 1, 1, own), Session(3, b"never heard of")
    )
    cluster.only(1, 2)
    cluster.propose(1, b"x")
    cluster.run(300)
    assert cluster.commands(1) == [b"x"]
    assert server(2) in cluster.nodes[1].configuration.voters
