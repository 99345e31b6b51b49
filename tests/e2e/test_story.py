"""The whole story by the command that people run: real processes, real PDFs, real kills."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from lms_desktop.children import child_command, child_environment
from lms_desktop.demo import asking, declining, marking, replying
from lms_desktop.demo.modelling import can_generate
from tests import disk_scan
from tests.client import pdfs

pytestmark = pytest.mark.timeout(420)

SEED = 20_260_101


def test_the_demo_plays_the_story_headless_and_reports_what_it_found(tmp_path: Path) -> None:
    report, keep, pdf = (
        tmp_path / "report.json",
        tmp_path / "kept",
        pdfs.unlike_any_other(tmp_path, "mine.pdf", SEED),
    )
    played = _demo("--keep", str(keep), "--json", str(report), "--pdf", str(pdf))
    assert played.returncode == 0, played.stdout + played.stderr
    found = json.loads(report.read_text())
    assert len(found["leaders"]) == 3
    assert found["leaders"][0]["before"] != found["leaders"][0]["after"]
    assert len(found["killed"]) == 6
    assert set(found["inputs"]) >= {"mine.pdf", "searching.pdf", "halving.pdf"}
    for hashes in (found["heads"], found["digests"]):
        assert set(hashes) == {"A", "B", "C"}
        assert len(set(hashes.values())) == 1
    assert [receipt["state"] for receipt in found["receipts"]] == ["safe"] * 3
    assert found["receipts"][0]["sha256"] == found["inputs"]["mine.pdf"]
    assert (keep / "recovery-kit.pdf").is_file()
    _check_tutor(found["tutor"])
    assert not any(_runs(pid) for pid in found["killed"])
    for seat in ("A", "B", "C"):
        assert not disk_scan.found(keep / seat, _secrets(pdf)), f"machine {seat} shows what is sealed"


def test_what_cannot_work_is_refused_in_plain_words_before_anything_starts(tmp_path: Path) -> None:
    broken, school = tmp_path / "broken.pdf", tmp_path / "school"
    broken.write_text("this is not a PDF")
    (school / "A").mkdir(parents=True)
    for option, value, words in (
        ("--pdf", broken, "not a PDF"),
        ("--keep", broken / "below a file", "Nothing can be written there"),
        ("--keep", school, "holds a school already"),
        ("--json", tmp_path / "no folder" / "report.json", "Nothing can be written there"),
    ):
        played = _demo(option, str(value))
        assert played.returncode == 1, words
        assert words in played.stderr
        assert len(played.stderr.splitlines()) == 1
        assert not played.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_machines_end_with_the_demo_however_it_ends(tmp_path: Path, number: signal.Signals) -> None:
    environment = child_environment() | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(child_command("demo", "--headless"), env=environment) as demo:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.rglob("link.json"))) < 4 and time.monotonic() < deadline:
            assert demo.poll() is None
            time.sleep(0.05)
        nodes = psutil.Process(demo.pid).children(recursive=True)
        assert len(nodes) >= 4
        demo.send_signal(number)
    _, alive = psutil.wait_procs(nodes, 30)
    assert not alive
    if number is not signal.SIGKILL:
        assert demo.returncode == 128 + number
        assert not list(tmp_path.iterdir())


def _demo(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        child_command("demo", "--headless", *options),
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=400,
    )


def _check_tutor(asks: list[dict[str, Any]]) -> None:
    """Every ask has its score; every quote stands on its page; with a model at hand, the answer streamed."""
    verdicts = {ask["step"]: ask["verdict"] for ask in asks}
    assert verdicts["9 off topic"] == "declined"
    assert verdicts["9 borderline"] == "borderline"
    assert verdicts["9 confirmed"] == "answered"
    for ask in asks:
        assert 0 <= ask["score"] <= 1
        assert all(citation["verbatim"] for citation in ask["citations"])
        assert bool(ask["citations"]) or ask["verdict"] == "unfinished"
    streamed = {ask["step"]: ask["tokens"] for ask in asks if ask["tokens"]}
    if can_generate():
        assert streamed["8 model"] >= 20
        assert streamed["8 model, cancelled"] > 0
    else:
        assert not streamed


def _secrets(pdf: Path) -> dict[str, bytes]:
    """What no disk may show: the work handed in, its name, every feedback, question and reply."""
    feedback = [text[:30] for _, text in (*marking.GRADES.values(), marking.CORRECTED)]
    private = (asking.QUESTION, declining.TO_INSTRUCTOR, declining.FROM_ZOFIA, replying.REPLY)
    secrets = {text: text.encode() for text in (*feedback, *(text[:30] for text in private))}
    return {**secrets, "file name": b"mine.pdf", **disk_scan.samples("mine.pdf", pdf.read_bytes()[512:])}


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
