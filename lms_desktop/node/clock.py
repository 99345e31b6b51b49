"""The two clocks of a node, handed in so that tests can turn one of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic_ms` for deadlines, `utc_ms` (since 1970) for stamps; both return whole milliseconds."""

    monotonic_ms: Callable[[], int]
    utc_ms: Callable[[], int]


SYSTEM = Clock(lambda: time.monotonic_ns() // 1_000_000, lambda: time.time_ns() // 1_000_000)
