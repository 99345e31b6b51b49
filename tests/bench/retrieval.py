"""Whether the page that answers a held-out question is quoted, among 1,000 passages of Python's manual."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.tutor.evaluation import figures, held_out
from tests.tutor.evaluation.distractors import SEED
from tests.tutor.evaluation.reading import read

DISTRACTORS, QUICK_DISTRACTORS = 1_000, 200


def measure(quick: bool) -> Mapping[str, float]:
    """`hit3_pct`, `hit1_pct`, `verbatim_pct`, `questions`, `citations`: see `figures.retrieval`;
    `distractors` in each course."""
    distractors = QUICK_DISTRACTORS if quick else DISTRACTORS
    print(f"{distractors:,} distractors, seed {SEED}")
    with tempfile.TemporaryDirectory(prefix="lms-bench-", ignore_cleanup_errors=True) as folder:
        reading = read(Path(folder), distractors)
        found = figures.retrieval(reading, held_out(), reading.judged(held_out()))
    return {**found, "distractors": distractors}
