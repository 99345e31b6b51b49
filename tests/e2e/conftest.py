"""Three machines and a class, shared by the tests that stop, kill and restart them."""

import asyncio
import sys
from collections.abc import Iterator

import pytest

from lms_desktop.demo.school import DemoSchool
from tests.e2e.lab import Classroom, open_classroom

NODE = (sys.executable, "-m", "tests.e2e.node_that_kills")


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """Machines A, B, C whose nodes kill when told to (`node_that_kills`), and a student on C."""
    school = DemoSchool(tmp_path_factory.mktemp("lab"), command=NODE)
    try:
        yield asyncio.run(open_classroom(school))
    finally:
        school.close()
