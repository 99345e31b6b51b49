"""Majorities, as pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence


def majority(voters: int) -> int:
    """How many of so many voters decide."""
    return voters // 2 + 1


def agreed(values: Sequence[int]) -> int:
    """The highest value that a majority of `values` (one for each voter, at least one) has reached."""
    return sorted(values, reverse=True)[majority(len(values)) - 1]


def won(voters: Collection[int], yes: Iterable[int]) -> bool:
    """Whether `yes` holds a majority of `voters`; who is no voter does not count."""
    return sum(1 for machine in yes if machine in voters) >= majority(len(voters))
