"""A class shares one model: every answer is the one it would have got alone, turns are fair, and each ask
ends once.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_desktop.tutor.scheduler import (
    QUEUED,
    STEP_S,
    STEP_TOKENS,
    Event,
    Made,
    OutOfMemory,
    Over,
    Placed,
    Refused,
    Scheduler,
)

STOP = 0


@dataclass(slots=True, eq=False)
class TinyRow:
    room: int
    state: int = 1
    length: int = 0


@dataclass(slots=True)
class TinyModel:
    """A language model small enough to check by hand: the next token is a hash of all before it. It counts
    what it is given, and has memory for so many rows and no more tokens than a row's room.
    """

    words: int = 97
    memory: int = 10**9
    stops: bool = False
    passes: list[list[int]] = field(default_factory=list)
    failures: int = 0  # passes that will fail for lack of memory

    def row(self, room: int) -> TinyRow:
        if room > self.memory:
            raise OutOfMemory
        return TinyRow(room)

    def forward(self, pieces: Sequence[tuple[TinyRow, Sequence[int]]]) -> list[int]:
        assert len({id(row) for row, _ in pieces}) == len(pieces)
        if self.failures:
            self.failures -= 1
            raise OutOfMemory
        self.passes.append([len(piece) for _, piece in pieces])
        found = []
        for row, piece in pieces:
            for token in piece:
                row.state = (row.state * 31 + token + 7) % 1_000_003
            row.length += len(piece)
            assert row.length <= row.room
            found.append(row.state % self.words + (0 if self.stops else 1))
        return found

    def alone(self, prompt: Sequence[int], most: int) -> list[int]:
        """The answer to the prompt by itself."""
        row, piece, made = TinyRow(10**9), list(prompt), []
        for _ in range(most):
            token = TinyModel(self.words, stops=self.stops).forward([(row, piece)])[0]
            if self.stops and token == STOP:
                break
            made.append(token)
            piece = [token]
        return made


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def run(scheduler: Scheduler) -> list[Event]:
    events: list[Event] = []
    while not scheduler.idle:
        events += scheduler.step()
    return events


def made(events: Sequence[Event], ask_id: bytes) -> list[int]:
    return [event.token for event in events if isinstance(event, Made) and event.id == ask_id]


def ends(events: Sequence[Event]) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for event in events:
        if isinstance(event, Over | Refused):
            assert event.id not in found, "an ask ends once"
            found[event.id] = event.reason if isinstance(event, Over) else "refused"
    return found


@given(
    asks=st.lists(st.tuples(st.integers(1, 900), st.integers(1, 40)), min_size=1, max_size=40),
    slots=st.integers(1, 32),
    stops=st.booleans(),
    seed=st.integers(0, 9),
)
def test_each_answer_is_the_one_it_gets_alone(
    asks: list[tuple[int, int]], slots: int, stops: bool, seed: int
) -> None:
    chance, model = random.Random(seed), TinyModel(stops=stops)
    scheduler = Scheduler(model, (STOP,), slots)
    prompts = [[chance.randrange(97) for _ in range(length)] for length, _ in asks]
    for number, (prompt, (_, most)) in enumerate(zip(prompts, asks, strict=True)):
        scheduler.submit(name(number), number, prompt, most, float("inf"))
    events = run(scheduler)
    assert len(ends(events)) == len(asks)
    for number, (prompt, (_, most)) in enumerate(zip(prompts, asks, strict=True)):
        assert made(events, name(number)) == model.alone(prompt, most)


def test_a_step_reads_no_more_of_the_newcomers_than_its_budget_and_never_stalls_the_others() -> None:
    model = TinyModel()
    scheduler = Scheduler(model)
    scheduler.submit(name(0), 0, [1], 200, float("inf"))
    while not any(isinstance(event, Made) for event in scheduler.step()):
        pass
    for number in range(1, 9):
        scheduler.submit(name(number), number, [2] * 700, 3, float("inf"))
    model.passes.clear()
    for _ in range(40):
        events = scheduler.step()
        assert not events or isinstance(events[0], Placed | Over) or made(events, name(0)), (
            "it goes on each step"
        )
    read = [sum(size for size in sizes if size > 1) for sizes in model.passes]
    assert max(read) == STEP_TOKENS
    assert sum(read) == 8 * 700


def test_students_take_turns_however_much_one_of_them_asks() -> None:
    scheduler = Scheduler(TinyModel(), slots=1)
    for number, student in enumerate([7, 7, 7, 8, 9]):
        scheduler.submit(name(number), student, [1, 2], 2, float("inf"))
    order = [event.id for event in run(scheduler) if isinstance(event, Over)]
    assert order == [name(0), name(3), name(4), name(1), name(2)]


def test_one_student_runs_once_and_queues_twice() -> None:
    scheduler = Scheduler(TinyModel(), slots=8)
    for number in range(4):
        scheduler.submit(name(number), 7, [1], 5, float("inf"))
    events = scheduler.step()
    assert (scheduler.active, scheduler.queued) == (1, 2)
    scheduler.submit(name(4), 7, [1], 5, float("inf"))
    events += run(scheduler)
    assert ends(events) == {name(number): "refused" if number > 2 else "length" for number in range(5)}


def test_a_full_queue_says_when_to_come_again() -> None:
    scheduler = Scheduler(TinyModel(), slots=1)
    for number in range(QUEUED + 1):
        scheduler.submit(name(number), number, [1], 1, float("inf"))
    (refused,) = [event for event in scheduler.step() if isinstance(event, Refused)]
    assert refused.id == name(QUEUED)
    assert refused.retry_after_ms > 0
    assert set(ends(run(scheduler)).values()) == {"length"}


def test_an_ask_that_is_in_hand_is_not_taken_twice() -> None:
    scheduler = Scheduler(TinyModel(), slots=1)
    for _ in range(2):
        scheduler.submit(name(0), 0, [1], 2, float("inf"))
        scheduler.submit(name(1), 1, [1], 2, float("inf"))
    assert ends(run(scheduler)) == {name(0): "length", name(1): "length"}


def test_positions_count_down_and_tell_how_long() -> None:
    scheduler = Scheduler(TinyModel(), slots=1)
    for number in range(3):
        scheduler.submit(name(number), number, [1], 2, float("inf"))
    places: dict[bytes, list[int]] = {}
    for event in run(scheduler):
        if isinstance(event, Placed):
            places.setdefault(event.id, []).append(event.position)
            assert (event.eta_ms > 0) == (event.position > 0)
    assert places == {name(0): [0], name(1): [1, 0], name(2): [2, 1, 0]}


def test_a_newcomer_is_told_its_place_before_the_next_long_step() -> None:
    model = TinyModel()
    scheduler = Scheduler(model)
    scheduler.submit(name(0), 0, [1], 9, float("inf"))
    assert scheduler.step() == [Placed(name(0), 0, 0)]
    assert not model.passes


def test_cancelled_asks_end_at_once_wherever_they_are_and_the_others_go_on() -> None:
    model = TinyModel()
    scheduler = Scheduler(model, slots=2)
    prompts = {number: [number, 3] for number in range(4)}
    for number, prompt in prompts.items():
        scheduler.submit(name(number), number, prompt, 9, float("inf"))
    events = [*scheduler.step(), *scheduler.step()]
    scheduler.cancel(name(0))  # runs
    scheduler.cancel(name(3))  # waits
    scheduler.cancel(name(77))  # was never there
    events += run(scheduler)
    assert ends(events) == {name(0): "cancelled", name(3): "cancelled", name(1): "length", name(2): "length"}
    assert made(events, name(1)) == model.alone(prompts[1], 9)
    assert made(events, name(2)) == model.alone(prompts[2], 9)


def test_finished_by_its_text_an_answer_is_complete() -> None:
    scheduler = Scheduler(TinyModel())
    scheduler.submit(name(0), 0, [1], 50, float("inf"))
    while not any(isinstance(event, Made) for event in scheduler.step()):
        pass
    scheduler.finish(name(0))
    assert scheduler.step() == [Over(name(0), "complete")]


def test_what_is_late_ends_whether_it_runs_or_waits() -> None:
    clock = Clock()
    scheduler = Scheduler(TinyModel(), slots=1, clock=clock)
    scheduler.submit(name(0), 0, [1], 10**6, clock.now + 5)
    scheduler.submit(name(1), 1, [1], 2, clock.now + 5)
    scheduler.submit(name(2), 2, [1], 2, clock.now + 50)
    scheduler.step()
    scheduler.step()
    clock.now += 5
    assert ends(run(scheduler)) == {name(0): "deadline", name(1): "deadline", name(2): "length"}


def test_out_of_memory_ends_the_newest_and_halves_the_slots() -> None:
    model = TinyModel()
    scheduler = Scheduler(model, slots=4)
    for number in range(4):
        scheduler.submit(name(number), number, [number, 1], 6, float("inf"))
    events = [*scheduler.step(), *scheduler.step()]
    model.failures = 1
    events += run(scheduler)
    assert ends(events) == {name(3): "out_of_memory", **{name(number): "length" for number in range(3)}}
    assert scheduler.active == 0
    for number in range(3):
        assert made(events, name(number)) == model.alone([number, 1], 6)


def test_fewer_run_at_once_after_a_lack_of_memory_until_all_have_ended() -> None:
    model = TinyModel()
    scheduler = Scheduler(model, slots=4)
    for number in range(8):
        scheduler.submit(name(number), number, [1], 3 + number, float("inf"))
    scheduler.step()
    model.failures = 1
    scheduler.step()
    model.passes.clear()
    run(scheduler)
    assert max(map(len, model.passes[1:])) <= 3
    assert 2 in map(len, model.passes[3:])
    for number in range(4):
        scheduler.submit(name(number), number, [1], 3, float("inf"))
    model.passes.clear()
    run(scheduler)
    assert max(map(len, model.passes)) == 4


def test_a_slow_model_reads_less_at_a_step() -> None:
    clock = Clock()

    class Slow(TinyModel):
        def forward(self, pieces: Sequence[tuple[TinyRow, Sequence[int]]]) -> list[int]:
            clock.now += 0.02 * sum(len(piece) for _, piece in pieces)
            return TinyModel.forward(self, pieces)

    model = Slow()
    scheduler = Scheduler(model, clock=clock)
    for number in range(4):
        scheduler.submit(name(number), number, [1] * 1500, 2, float("inf"))
    events = run(scheduler)
    assert max(sum(sizes) for sizes in model.passes[4:]) * 0.02 <= STEP_S * 1.1
    assert made(events, name(3)) == model.alone([1] * 1500, 2)


def test_memory_that_stays_away_ends_what_runs_and_the_next_ask_is_tried() -> None:
    model = TinyModel()
    scheduler = Scheduler(model, slots=2)
    for number in range(2):
        scheduler.submit(name(number), number, [1], 6, float("inf"))
    scheduler.step()
    model.failures = 2
    events = run(scheduler)
    scheduler.submit(name(2), 2, [1], 6, float("inf"))
    events += run(scheduler)
    assert ends(events) == {name(0): "out_of_memory", name(1): "out_of_memory", name(2): "length"}


def test_an_answer_too_large_for_the_memory_ends_and_blocks_nobody() -> None:
    scheduler = Scheduler(TinyModel(memory=100))
    scheduler.submit(name(0), 0, [1], 200, float("inf"))
    scheduler.submit(name(1), 1, [1], 20, float("inf"))
    assert ends(run(scheduler)) == {name(0): "out_of_memory", name(1): "length"}


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_each_ask_ends_once_and_nothing_is_left(seed: int) -> None:
    chance, clock, model = random.Random(seed), Clock(), TinyModel(stops=True, words=30)
    scheduler = Scheduler(model, (STOP,), slots=chance.randint(1, 6), clock=clock)
    events: list[Event] = []
    for number in range(300):
        match chance.randrange(10):
            case 0 | 1 | 2 | 3:
                prompt = [chance.randrange(30) for _ in range(chance.randint(1, 60))]
                scheduler.submit(
                    name(number),
                    chance.randrange(8),
                    prompt,
                    chance.randint(1, 30),
                    clock.now + chance.random() * 30,
                )
            case 4:
                scheduler.cancel(name(chance.randrange(number + 1)))
            case 5:
                model.failures = chance.choice((0, 0, 1, 2))
            case _:
                clock.now += chance.random()
                events += scheduler.step()
    submitted = {event.id for event in events if isinstance(event, Placed | Refused)}
    model.failures = 0
    events += run(scheduler)
    assert submitted <= set(ends(events)), f"seed {seed}"
    assert (scheduler.active, scheduler.queued) == (0, 0)
