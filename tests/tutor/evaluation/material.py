"""The courses of the evaluation as the tutor meets them: the two of the demo school, and two that are written
in `courses/`, whose pages become PDFs here.

A text in `courses/` is the course's title and a line on it, then pages between form feeds. A page that begins
with `# NAME: TITLE` opens a reading; one that begins with `= NAME: TITLE` is an assignment without a PDF.
"""

import hashlib
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lms_desktop.resources import resource
from lms_desktop.tutor.protocol import Document
from tests.tutor import pdfs

_TEXTS = Path(__file__).with_name("courses")
_DEMO = ("algorithms", "marine")  # names for the courses of courses.json, in its order
_MARKS = re.compile(r"\*\*|(?<!\w)\*|\*(?!\w)|^[#>]+ |^\| |^- ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Course:
    """`number` is its reference in a school; `names` are the documents' names, in their order."""

    name: str
    number: int
    title: str
    documents: tuple[Document, ...]
    names: tuple[str, ...]

    def document(self, name: str) -> Document:
        """Raises ValueError when the course has no document of that name."""
        return self.documents[self.names.index(name)]


def courses(folder: Path) -> tuple[Course, ...]:
    """Every course, its PDFs on disk: those of the demo where they are, the others written to `folder`."""
    demo = json.loads(resource("courses", "courses.json").read_text(encoding="utf-8"))["courses"]
    found = [_demo(1000 * n, name, row) for n, (name, row) in enumerate(zip(_DEMO, demo, strict=True), 1)]
    texts = sorted(_TEXTS.glob("*.txt"))
    return (*found, *(_written(1000 * n, text, folder) for n, text in enumerate(texts, len(found) + 1)))


def _demo(number: int, name: str, row: Mapping[str, Any]) -> Course:
    documents, names = [], []
    for kind in ("material", "assignment"):
        for each in row[f"{kind}s"]:
            path = resource("courses", each["file"])
            names.append(path.stem)
            reference = number + len(names)
            documents.append(_document(reference, kind, each["title"], each.get("text", ""), path))
    return Course(name, number, row["title"], tuple(documents), tuple(names))


def _written(number: int, source: Path, folder: Path) -> Course:
    head, *pages = source.read_text(encoding="utf-8").split("\f")
    documents, names = [], []
    for mark, name, title, body in _parts(pages):
        names.append(name)
        reference = number + len(names)
        if mark == "=":
            documents.append(Document(reference, "assignment", title, body[0], "", b""))
        else:
            lines = [[title, *_lines(body[0])], *map(_lines, body[1:])]
            path = pdfs.with_text(folder / f"{name}.pdf", lines, size=9)
            documents.append(_document(reference, "material", title, "", path))
    return Course(source.stem, number, head.split("\n")[0], tuple(documents), tuple(names))


def _parts(pages: list[str]) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield (mark, name, title, pages) of each document."""
    starts = [at for at, page in enumerate(pages) if re.match(r"\s*[#=] \w+: ", page)]
    for start, end in zip(starts, [*starts[1:], len(pages)], strict=True):
        first, _, rest = pages[start].strip().partition("\n")
        name, _, title = first[2:].partition(": ")
        yield first[0], name, title, [rest.strip(), *(page.strip() for page in pages[start + 1 : end])]


def _lines(page: str) -> list[str]:
    """The page as plain lines that fit the width of a sheet."""
    paragraphs = _MARKS.sub("", page).split("\n")
    return [line for paragraph in paragraphs for line in textwrap.wrap(paragraph, 88) or [""]]


def _document(number: int, kind: str, title: str, text: str, path: Path) -> Document:
    return Document(number, kind, title, text, str(path), hashlib.sha256(path.read_bytes()).digest())
