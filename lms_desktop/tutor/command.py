"""`lms-desktop tutor`: the language models of this machine, by an administrator at its keyboard."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lms_desktop.tutor import models
from lms_desktop.tutor.download import PUBLISHED, discard, get
from lms_desktop.tutor.loading import NO_ADDON, available
from lms_desktop.tutor.models import ModelFacts
from lms_desktop.tutor.weights import ModelError

EXTRACTIVE: Final = "extractive"
_NEXT: Final = "Where this machine is the GPU host, its tutor loads it within seconds."


def main(arguments: Sequence[str], *, data: Path) -> int:
    """Run one verb; `data` is this machine's data folder unless --data names another. Returns the exit
    status.
    """
    options = _parser(data).parse_args(arguments)
    try:
        _run(options, options.data / "tutor")
    except ModelError as error:
        print(f"lms-desktop tutor: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"lms-desktop tutor: {error.filename or options.data}: {error.strerror or error}. "
            "Run this as the account that the node runs as.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What had come is kept for the next time.", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace, folder: Path) -> None:
    match options.verb:
        case "models":
            _list(folder)
        case "add-model":
            progress = _Progress(f"Copying {options.source.name}")
            facts = models.add_model(options.source, folder, progress)
            progress.end()
            _say_added(facts)
        case "use":
            models.activate(folder, None if options.name == EXTRACTIVE else options.name)
            words = (
                "answers with quoted passages alone" if options.name == EXTRACTIVE else f"uses {options.name}"
            )
            print(f"Within seconds the tutor of this machine {words}.")
        case "remove":
            models.remove(folder, options.name)
            discard(folder, options.name)
            print(f"{options.name} is no longer on this machine.")
        case "get":
            published = PUBLISHED[options.name]
            address = options.address or published.address
            print(f"{published.name}, {published.size / 1e6:.0f} MB, from {address}")
            progress = _Progress(f"Fetching {published.name}")
            facts = get(published, folder, address=address, progress=progress)
            progress.end()
            _say_added(facts)
        case "make-sample-model":
            from lms_desktop.tutor.sample import make_sample_model

            make_sample_model(options.folder, lambda line: print(line, flush=True))
            print(f"Add it with: lms-desktop tutor add-model {options.folder}")


def _say_added(facts: ModelFacts) -> None:
    print(_described(facts))
    print(_NEXT if available() else f"It cannot answer yet: {NO_ADDON}")


def _list(folder: Path) -> None:
    active = models.active(folder)
    print(f"{'*' if active is None else ' '} {EXTRACTIVE}: quoted passages, no language model")
    for name in models.installed(folder):
        place = folder / "models" / name
        try:
            words = _described(models.check(place))
        except ModelError as error:
            words = f"{name}: cannot be used. {error}"
        print(f"{'*' if place == active else ' '} {words}")


def _described(facts: ModelFacts) -> str:
    return (
        f"{facts.name}: {facts.architecture}, {facts.parameters / 1e6:,.0f} million parameters, "
        f"reads {facts.context:,} tokens, needs {facts.needed_bytes / 1e9:.1f} GB of memory"
    )


class _Progress:
    """A line that counts; where the output is no screen, a line for each tenth."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._screen = sys.stdout.isatty()
        self._shown = -1
        self._last = 0.0

    def __call__(self, done: int, total: int) -> None:
        percent = 100 * done // max(1, total)
        step = percent if self._screen else percent // 10
        if step == self._shown and (not self._screen or time.monotonic() - self._last < 1):
            return
        self._shown, self._last = step, time.monotonic()
        text = f"{self._words}: {percent} % of {total / 1e6:,.0f} MB"
        print(f"\r{text}" if self._screen else text, end="" if self._screen else "\n", flush=True)

    def end(self) -> None:
        if self._screen and self._shown >= 0:
            print()


def _parser(data: Path) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lms-desktop tutor",
        description="The language models of this machine. Without one the tutor quotes passages.",
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data", type=Path, default=data, metavar="DIR", help=f"the node's data folder (now: {data})"
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, words: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=words, description=words, parents=[common])

    verb("models", "list the models on this machine; * marks the one in use")
    add = verb("add-model", "check a model's folder, copy it here and use it")
    add.add_argument(
        "source", type=Path, metavar="DIR", help="a Hugging Face causal language model: safetensors"
    )
    use = verb("use", f"choose a model of this machine, or {EXTRACTIVE!r} for none")
    use.add_argument("name", metavar="NAME")
    remove = verb("remove", "delete a model from this machine")
    remove.add_argument("name", metavar="NAME")
    fetch = verb("get", "fetch a published model over the internet, verify and use it")
    fetch.add_argument("name", choices=sorted(PUBLISHED))
    fetch.add_argument(
        "--from", dest="address", default="", metavar="URL", help="a mirror's folder of the files"
    )
    sample = verb(
        "make-sample-model",
        "train a toy model on the demo courses' pages, within a minute (needs the add-on)",
    )
    sample.add_argument("folder", type=Path, metavar="DIR", help="where to save it; must not exist yet")
    return parser
