"""Whether the tutor answers what belongs to the course and nothing else, on the held-out questions. `--quick`
changes nothing.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.tutor.evaluation import figures, held_out
from tests.tutor.evaluation.reading import read


def measure(quick: bool) -> Mapping[str, float]:
    """`on_topic_refused_pct` (follow-ups, misspelt and procedural ones too), `off_topic_passed_pct`,
    `other_course_passed_pct`, `wrapped_passed_pct` (injections too), then the rest of `figures.relevance`."""
    with tempfile.TemporaryDirectory(prefix="lms-bench-", ignore_cleanup_errors=True) as folder:
        judgements = read(Path(folder)).judged(held_out())
    found = figures.relevance(held_out(), judgements)
    first = ("on_topic_refused", "off_topic_passed", "other_course_passed", "wrapped_passed")
    return {f"{name}_pct": found[f"{name}_pct"] for name in first} | found
