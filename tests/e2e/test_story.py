"""The whole story by the command that people run: real processes, real PDFs, real kills."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from lms_desktop.client.children import child_command, child_environment
from lms_desktop.demo import marking
from tests import disk_scan
from tests.client import pdfs

pytestmark = pytest.mark.timeout(300)

SEED = 20_260_101


def test_the_demo_plays_the_story_headless_and_reports_what_it_found(tmp_path: Path) -> None:
    report, keep, pdf = (
        tmp_path / "report.json",
        tmp_path / "kept",
        pdfs.unlike_any_other(tmp_path, "mine.pdf", SEED),
    )
    played = subprocess.run(
        child_command("demo", "--headless", "--keep", str(keep), "--json", str(report), "--pdf", str(pdf)),
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=280,
    )
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
    assert not any(_runs(pid) for pid in found["killed"])
    for seat in ("A", "B", "C"):
        assert not disk_scan.found(keep / seat, _secrets(pdf)), f"machine {seat} shows what is sealed"


def test_a_pdf_that_cannot_be_handed_in_ends_the_demo_with_plain_words(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_text("this is not a PDF")
    played = subprocess.run(
        child_command("demo", "--headless", "--pdf", str(broken)),
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert played.returncode == 1
    assert "not a PDF" in played.stderr
    assert "Traceback" not in played.stdout + played.stderr


def _secrets(pdf: Path) -> dict[str, bytes]:
    """What no disk may show: the work handed in, its name, and every feedback."""
    feedback = [text[:30] for _, text in (*marking.GRADES.values(), marking.CORRECTED)]
    secrets = {text: text.encode() for text in feedback}
    return {**secrets, "file name": b"mine.pdf", **disk_scan.samples("mine.pdf", pdf.read_bytes()[512:])}


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
