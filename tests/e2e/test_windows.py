"""The story's steps 3 to 6 in real windows under an X server of the test's own, by keyboard and pointer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.windows import missing, x_server

PLAY_S = 240


@pytest.mark.skipif(bool(missing()), reason=missing() or "everything is there")
@pytest.mark.timeout(PLAY_S + 30)
def test_the_story_in_real_windows(tmp_path: Path) -> None:
    with x_server() as display:
        environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.e2e.play_windows", str(tmp_path)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PLAY_S,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert len(done.stdout.splitlines()) == 5
