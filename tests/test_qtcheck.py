"""What keeps Qt from opening a window is found out, in plain words, before Qt is imported."""

import sys
from pathlib import Path

import pytest

from lms_desktop import qtcheck

linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="displays and libraries of Linux"
)


def test_qt_starts_offscreen() -> None:
    assert qtcheck.find_problem(offscreen=True) is None


@linux_only
def test_no_display_is_a_problem_and_offscreen_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    problem = qtcheck.find_problem()
    assert problem is not None
    assert "no display" in problem.reason


@linux_only
def test_a_display_that_does_not_answer_is_a_problem_not_an_abort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.setenv("DISPLAY", "unix:9999")
    problem = qtcheck.find_problem()
    assert problem is not None
    assert "could not connect to display" in problem.reason


@linux_only
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(qtcheck._DEBIAN_PACKAGES, "libnowhere-at-all.so.9", "libnowhere9")
    assert qtcheck.main(["--offscreen"]) == 1
    told = capsys.readouterr().err
    assert "apt-get install" in told
    assert told.split()[-1] == "libnowhere9"


def test_ci_installs_every_library_that_qt_needs() -> None:
    installed = (Path(__file__).parents[1] / ".ci" / "run").read_text("utf-8").split()
    assert set(qtcheck._DEBIAN_PACKAGES.values()) <= set(installed)
