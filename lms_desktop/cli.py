"""One entry, a few verbs. Each verb imports what it needs and no more, so that every start is fast."""

import sys
from collections.abc import Sequence

from lms_desktop import __version__

USAGE = """\
usage: lms-desktop [VERB ...]

  (no verb)   open the app
  node        run this machine's node without a window
  demo        a school on this computer: three machines, two courses, people of each role
  tutor       the tutor's language models on this machine: list, get, add, use
  verify      check a receipt against this machine's ledger, offline
  --version   say which version this is

`lms-desktop VERB --help` tells more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    verb = words[0] if words else ""
    rest = words[1:]
    match verb:
        case "node":
            from lms_desktop.node.service import main as node

            return node(rest)
        case "demo":
            from lms_desktop.demo.command import main as demo

            return demo(rest)
        case "tutor":
            return _tutor(rest)
        case "verify":
            from lms_desktop.verify import main as verify

            return verify(rest)
        case "pdfcheck":  # a child of the app
            from lms_desktop.client.pdfcheck import main as pdfcheck

            return pdfcheck()
        case "pupil":  # a child of the demo
            from lms_desktop.demo.pupil import main as pupil

            return pupil()
        case "sample":  # a child of the demo
            from lms_desktop.demo.modelling import main as sample

            return sample(rest)
        case "derive":  # a child of the app
            from lms_desktop.trust.derive import main as derive

            return derive()
        case "--version":
            print(f"LMS Desktop {__version__}")
            return 0
        case "--help" | "-h" | "help":
            print(USAGE)
            return 0
    if verb and not verb.startswith("-"):
        print(f"lms-desktop: there is no verb {verb!r}\n\n{USAGE}", file=sys.stderr)
        return 2
    from lms_desktop.app import main as app

    return app(words)


def _tutor(words: list[str]) -> int:
    match words:
        case ["worker", *rest]:  # a child of the node
            from lms_desktop.tutor.worker import main as worker

            return worker(rest)
        case ["extract", *rest]:  # a child of the worker, for one PDF
            from lms_desktop.tutor.pdftext import main as extract

            return extract(rest)
    from lms_desktop.config import machine_data
    from lms_desktop.tutor.command import main as tutor

    return tutor(words, data=machine_data())
