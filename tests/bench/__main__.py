"""Run a benchmark: `python -m tests.bench NAME [--quick] [--json FILE]`.

NAME is a module of this folder (`class_` for `class`) with `measure(quick: bool) -> Mapping[str, float]`,
keys with their unit at the end where it is not plain from the name. Prints a table for people; `--json`
writes one flat object for programs.
"""

import argparse
import importlib
import json
import keyword
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import zmq

NAMES = ("app", "class", "cluster", "relevance", "retrieval", "submit", "tutor")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="end within 50 s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as one flat JSON object")
    arguments = parser.parse_args()
    started = time.monotonic()
    module = importlib.import_module(
        f"tests.bench.{arguments.name}" + "_" * keyword.iskeyword(arguments.name)
    )
    figures: Mapping[str, float] = module.measure(arguments.quick)
    print(f"\n{arguments.name} on {machine()}, {time.monotonic() - started:.0f} s")
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"  {name:<{width}}  {_shown(value):>12}")
    if arguments.json is not None:
        document = {"bench": arguments.name, "machine": machine(), "quick": arguments.quick, **figures}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def machine() -> str:
    """What the figures were measured on, in a line."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{platform.system()} {platform.machine()}, {_processor()}, {psutil.cpu_count()} cores, "
        f"{memory:.0f} GB; "
        f"Python {platform.python_version()}, ZeroMQ {zmq.zmq_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "processor"
    )


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3f}"


if __name__ == "__main__":
    sys.exit(main())
