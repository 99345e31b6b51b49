"""Long campaigns: `python -m tests.sim --seeds 0:10000`. A failing seed is printed; it replays exactly."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter

from tests.sim.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument(
        "--seeds", default="0:300", metavar="A:B", help="seeds from A up to, not including, B"
    )
    first, last = (int(part) for part in parser.parse_args().seeds.split(":"))
    counts: Counter[str] = Counter()
    failed = []
    started = time.monotonic()
    for seed in range(first, last):
        world = World(seed)
        try:
            report = world.run()
        except Exception:
            failed.append(seed)
            print(f"seed {seed} fails:\n{traceback.format_exc()}", flush=True)
            continue
        counts += report.counts
        counts["commands"] += report.commands
        counts["faults"] += report.faults
        counts["steps"] += report.steps
        counts["virtual seconds"] += report.virtual_ms // 1000
    minutes = (time.monotonic() - started) / 60
    for name in sorted(counts):
        print(f"{counts[name]:>12,}  {name}")
    print(f"{last - first} seeds, {len(failed)} failed {failed}, {(last - first) / minutes:.0f} seeds/minute")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
