"""Bytes made for one purpose never pass for another: every purpose has a tag of its own."""

import re
from collections import Counter
from pathlib import Path

import lms_desktop

_TAG = re.compile(r'tag\("([a-z0-9-]+)"\)|b"LMS/v1/([a-z0-9-]+)\\0"')


def test_every_tag_is_defined_once_in_the_whole_program() -> None:
    package = Path(lms_desktop.__file__).parent
    found = Counter(
        first or second
        for path in package.rglob("*.py")
        for first, second in _TAG.findall(path.read_text(encoding="utf-8"))
    )
    assert len(found) > 30, "the search no longer finds the tags"
    assert [name for name, times in found.items() if times > 1] == []
