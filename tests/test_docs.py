"""What the documents say is so: links lead somewhere, and commands that they name exist."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_desktop import cli

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), ROOT / "resources" / "README.md"]
VERBS = {line.split()[0] for line in cli.USAGE.splitlines() if line.startswith("  ") and line.strip()}
BOOTSTRAP = (ROOT / "packaging" / "bootstrap.py").read_text("utf-8")


def name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of every line in a code block and of every inline code span."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for block in blocks:
        yield from (line.split() for line in block.splitlines() if line.strip())
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (span.split() for span in re.findall(r"`([^`]+)`", rest))


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{name(document)} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{name(document)} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_commands_exist(document: Path) -> None:
    for words in commands(document.read_text("utf-8")):
        where = f"{name(document)}: {' '.join(words)}"
        program, arguments = words[0], words[1:]
        if program == "lms-desktop" and arguments and arguments[0][0].islower():
            assert arguments[0] in VERBS, where
        if any(word.endswith("bootstrap.py") for word in words[:2]):
            position = next(place for place, word in enumerate(words) if word.endswith("bootstrap.py"))
            if position + 1 < len(words):
                assert f'"{words[position + 1]}"' in BOOTSTRAP, where
        if "-m" in arguments and "python" in program and arguments[arguments.index("-m") + 1 :]:
            module = arguments[arguments.index("-m") + 1]
            assert importlib.util.find_spec(module) is not None, where
        for word in words:
            if re.fullmatch(r"(lms_desktop|tests|packaging|resources)/[\w./-]+", word):
                assert (ROOT / word).exists(), where


def test_the_readme_begins_with_the_two_commands() -> None:
    first_block = re.search(
        r"^```\w*\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert first_block is not None
    assert first_block[1].split("\n")[:2] == [
        "python3 packaging/bootstrap.py demo",
        "python3 packaging/bootstrap.py test",
    ]
