"""The school that most tests begin with."""

import pytest

from tests.school.world import Class, World


@pytest.fixture
def world() -> World:
    """A school with its administrator and first machine."""
    return World()


@pytest.fixture
def class_() -> Class:
    """A school with a course, its teacher and two students."""
    return Class()
