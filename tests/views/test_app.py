"""The process around the window: one app a data folder, a node that cannot start, faults shown once."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog

from lms_desktop.app import Door, EmbeddedNode
from lms_desktop.children import child_command
from lms_desktop.client.link import Link
from lms_desktop.views.crash import CrashDialog, CrashReports, group_of
from lms_desktop.views.preferences import Preferences
from lms_desktop.views.signin import PassphraseView
from lms_desktop.views.welcome import KitView, WelcomeView
from lms_desktop.views.window import AppWindow
from tests.views.gate import faults
from tests.views.runner import Runner, find


def failing() -> BaseException:
    try:
        raise LookupError("no such thing")
    except LookupError as error:
        return error


def test_a_second_app_on_the_same_data_knocks_and_goes(run: Runner, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LMS_DESKTOP_USER_DATA", str(tmp_path))
    first = Door(tmp_path / "a")
    knocks: list[bool] = []
    first.knocked.connect(lambda: knocks.append(True))
    assert first.open()
    other = Door(tmp_path / "b")
    assert other.open(), "other data is another app"
    assert not Door(tmp_path / "a").open()
    run.until(lambda: knocks)


def test_a_door_that_a_crash_left_behind_is_taken_over(dressed, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LMS_DESKTOP_USER_DATA", str(tmp_path))
    script = (
        "import os, sys; from pathlib import Path; from PySide6.QtCore import QCoreApplication;"
        "from lms_desktop.app import Door; app = QCoreApplication([]);"
        "print(Door(Path(sys.argv[1])).open(), flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a")], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
    assert Door(tmp_path / "a").open()


@pytest.mark.skipif(sys.platform == "win32", reason="a process is ended otherwise there")
def test_the_demos_chooser_ends_in_good_order_on_a_signal(dressed, tmp_path: Path) -> None:
    script = (
        "import signal, sys, threading, time; from pathlib import Path;"
        "from lms_desktop.app import run_demo; from lms_desktop.demo.school import DemoSchool\n"
        "def tell():\n"
        "    end = time.monotonic() + 20\n"
        "    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and time.monotonic() < end:\n"
        "        time.sleep(0.05)\n"
        "    print('ready', flush=True)\n"
        "threading.Thread(target=tell, daemon=True).start()\n"
        "status = run_demo(DemoSchool(Path(sys.argv[1]), ('A',)))\n"
        "print('ended', status, flush=True)"
    )
    demo = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with demo:
        assert demo.stdout is not None
        assert demo.stdout.readline() == "ready\n"
        demo.terminate()
        assert demo.communicate(timeout=30)[0] == "ended 0\n"


def test_one_fault_is_shown_once_however_often_it_comes(run: Runner) -> None:
    shown: list[BaseException] = []
    reports = CrashReports(shown.append)
    for _ in range(3):
        error = failing()
        reports.take(type(error), error, error.__traceback__)
    other = ZeroDivisionError()
    reports.take(type(other), other, None)
    run.until(lambda: len(shown) >= 2)
    assert [type(error) for error in shown] == [LookupError, ZeroDivisionError]


def test_faults_group_by_place_not_by_text() -> None:
    assert group_of(failing()) == group_of(failing())
    assert group_of(failing()) != group_of(LookupError("no such thing"))


def test_the_fault_dialog_has_details_to_copy(dressed, qtbot) -> None:
    dialog = CrashDialog(None, failing())
    qtbot.addWidget(dialog)
    dialog.open()
    assert "LookupError: no such thing" in find(dialog, "crash.details").toPlainText()
    assert faults(dialog) == []


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    link = Link(tmp_path)
    link.start()
    yield link
    link.close()


def test_a_node_that_cannot_start_tells_its_last_sentence(
    run: Runner, link: Link, tmp_path: Path, monkeypatch
) -> None:
    script = tmp_path / "node.py"
    script.write_text("import sys; print('The port 47400 is in use.', file=sys.stderr); sys.exit(3)")
    monkeypatch.setattr("lms_desktop.app.child_command", lambda *words: [sys.executable, str(script), *words])
    node = EmbeddedNode(tmp_path, link)
    reasons: list[str] = []
    node.failed.connect(reasons.append)
    node.find_or_start()
    run.until(lambda: reasons)
    assert reasons == ["The port 47400 is in use."]


def test_an_embedded_node_is_stopped_by_the_end_of_its_input(
    run: Runner, tmp_path: Path, monkeypatch
) -> None:
    script = tmp_path / "node.py"
    mark = tmp_path / "stopped in order"
    script.write_text(f"import sys, pathlib; sys.stdin.read(); pathlib.Path({str(mark)!r}).touch()")
    monkeypatch.setattr("lms_desktop.app.child_command", lambda *words: [sys.executable, str(script), *words])
    node = EmbeddedNode(tmp_path, link)
    failures: list[str] = []
    node.failed.connect(failures.append)
    node.find_or_start()
    run.until(lambda: node._process.processId())
    node.stop()
    assert mark.exists()
    assert not failures


def test_a_node_that_dies_later_is_started_again(
    run: Runner, link: Link, tmp_path: Path, monkeypatch
) -> None:
    script = tmp_path / "node.py"
    script.write_text("import sys; sys.stdin.read()")
    monkeypatch.setattr("lms_desktop.app.child_command", lambda *words: [sys.executable, str(script), *words])
    monkeypatch.setattr("lms_desktop.app.NODE_STEADY_S", 0.0)
    node = EmbeddedNode(tmp_path, link)
    failures: list[str] = []
    node.failed.connect(failures.append)
    node.find_or_start()
    run.until(node._process.processId)
    first = node._process.processId()
    node._process.kill()
    run.until(lambda: node._process.processId() not in (0, first))
    node.stop()
    assert not failures


def test_a_machine_without_a_node_gets_one_founds_a_school_and_stops_it_at_the_end(
    run: Runner, link: Link, tmp_path: Path, monkeypatch, qtbot
) -> None:
    """The whole first run: a real embedded node, the welcome, the kit, the passphrase, Today."""

    def on_any_port(*words: str) -> list[str]:
        return child_command(*words, "--host", "127.0.0.1", "--port", "0", "--files-port", "0")

    monkeypatch.setattr("lms_desktop.app.child_command", on_any_port)
    node = EmbeddedNode(tmp_path, link)
    failures: list[str] = []
    node.failed.connect(failures.append)
    window = AppWindow(tmp_path / "user", Preferences(tmp_path / "user"), known=False)
    qtbot.addWidget(window)
    window.show()
    run.until(window.painted.is_set)
    node.find_or_start()
    window.begin(link)
    try:
        run.until(lambda: failures or window.findChild(WelcomeView))
        assert not failures
        welcome = window.findChild(WelcomeView)
        find(window, "welcome.create").click()
        welcome.school.setText("Harbour School")
        welcome.name.setText("Ines Dahl")
        welcome.login.setText("ines")
        find(window, "welcome.create_now").click()
        run.until(lambda: window.findChildren(QFileDialog))
        (dialog,) = window.findChildren(QFileDialog)
        dialog.fileSelected.emit(str(tmp_path / "kit.pdf"))
        dialog.reject()
        run.until(lambda: window.findChild(KitView))
        assert (tmp_path / "kit.pdf").read_bytes().startswith(b"%PDF")
        find(window, "kit.continue").click()
        run.until(lambda: window.findChild(PassphraseView))
        assert len(window.findChild(PassphraseView)._passphrase.split()) == 6
        find(window, "passphrase.written").click()
        find(window, "passphrase.continue").click()
        run.until(lambda: window.shell is not None and window.shell.page.loaded)
        assert window.session.person.login == "ines"
    finally:
        run(window.finish())
        node.stop()
    assert not (tmp_path / "link.json").exists() or not node._answers()
    assert node._process.exitCode() == 0


@pytest.mark.parametrize("module", ["PySide6.QtPdf", "PySide6.QtPdfWidgets", "reportlab", "pypdf"])
def test_starting_the_app_does_not_load_what_it_does_not_need_yet(module: str) -> None:
    code = f"import sys, lms_desktop.app; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
