"""The demo courses: every file of the list is there, and the PDFs are what the texts make."""

import json
import subprocess
import sys
from pathlib import Path

from pypdf import PdfReader

from lms_desktop.resources import resource

COURSES = resource("courses")
BUILD = Path(__file__).parents[2] / "packaging" / "courses" / "build.py"


def text_of(pdf: Path) -> list[str]:
    return [page.extract_text() for page in PdfReader(pdf).pages]


def test_the_list_names_every_pdf_and_only_what_is_there() -> None:
    courses = json.loads((COURSES / "courses.json").read_text("utf-8"))["courses"]
    named = {material["file"] for course in courses for material in course["materials"]}
    for course in courses:
        for assignment in course["assignments"]:
            named |= {assignment["file"], *assignment["samples"]}
            assert assignment["points"] > 0
            assert assignment["due_in_days"] > 0
    assert named == {path.name for path in COURSES.glob("*.pdf")}


def test_materials_are_readings_of_several_pages() -> None:
    courses = json.loads((COURSES / "courses.json").read_text("utf-8"))["courses"]
    for course in courses:
        for material in course["materials"]:
            pages = text_of(COURSES / material["file"])
            assert len(pages) >= 4
            assert material["title"] in " ".join(pages[0].split())
            assert all(len(page) > 200 for page in pages)


def test_building_again_gives_the_pdfs_that_are_shipped(tmp_path: Path) -> None:
    subprocess.run([sys.executable, BUILD, tmp_path], check=True, timeout=60)
    made = sorted(tmp_path.glob("*.pdf"))
    assert [path.name for path in made] == sorted(path.name for path in COURSES.glob("*.pdf"))
    for path in made:
        assert text_of(path) == text_of(COURSES / path.name)
