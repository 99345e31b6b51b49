"""Passages that answer nothing: real prose that lies on every machine with Python, from the language manual
(`pydoc_data.topics`) and the docstrings of the standard library.
"""

import ast
import hashlib
import random
import re
import sysconfig
import textwrap
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics
from typing import Final

from lms_desktop.tutor.protocol import Document
from tests.tutor import pdfs

SEED: Final = 20_261_122
SHORTEST: Final = 300  # characters of a passage
LONGEST: Final = 800

_LETTERS: Final = 0.75  # of a paragraph's characters, white space apart: what has fewer is code or a table
_WORDS: Final = 12
_SKIPPED: Final = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo"}
)


def distractors(count: int, seed: int = SEED) -> list[str]:
    """Return so many passages; the same ones for the same seed and version of Python.

    Raises ValueError when there are not so many.
    """
    found = sorted({passage for text in _texts() for passage in _passages(text)})
    return random.Random(seed).sample(found, count)


def document(number: int, folder: Path, count: int, seed: int = SEED) -> Document:
    """Return a material with so many distractors, one on each page of its PDF in `folder`."""
    pages = [textwrap.wrap(passage, 95) for passage in distractors(count, seed)]
    path = pdfs.with_text(folder / f"distractors-{count}.pdf", pages, size=9)
    sha256 = hashlib.sha256(path.read_bytes()).digest()
    return Document(number, "material", "From the manual of Python", "", str(path), sha256)


def _texts() -> Iterator[str]:
    yield from topics.values()
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if not _SKIPPED.isdisjoint(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                yield ast.get_docstring(node) or ""


def _passages(text: str) -> Iterator[str]:
    """Join a text's paragraphs of prose, as they follow each other, to passages."""
    passage = ""
    for paragraph in re.split(r"\n\s*\n", textwrap.dedent(text)):
        words = paragraph.split()
        if len(words) < _WORDS or ">>>" in words or not _is_prose("".join(words)):
            continue
        longer = " ".join((passage, *words)).strip()
        if len(longer) > LONGEST:
            if len(passage) >= SHORTEST:
                yield passage
            longer = " ".join(words)
        passage = longer
    if SHORTEST <= len(passage) <= LONGEST:
        yield passage


def _is_prose(characters: str) -> bool:
    return sum(map(str.isalpha, characters)) >= _LETTERS * len(characters)
