"""A student's app in a process of its own, so that the story can kill it: it hands in one file.

Run as `lms-desktop pupil`. One JSON object on stdin: data, user_data, login, passphrase, assignment, path.
One JSON line on stdout a step: {"done", "total", "state"}.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from lms_desktop.client import signin, submit
from lms_desktop.client.link import Link


def main() -> int:
    """Do what stdin says; the exit status is 0 once the file is safe."""
    asyncio.run(_run(json.loads(sys.stdin.readline())))
    return 0


async def _run(task: dict[str, Any]) -> None:
    link = Link(Path(task["data"]))
    link.start()
    try:
        session = await signin.sign_in(
            link, login=task["login"], passphrase=task["passphrase"], user_data=Path(task["user_data"])
        )
        assignment = int(task["assignment"])
        checked = await submit.check(session, assignment=assignment, path=Path(task["path"]))
        item = await submit.submit(session, assignment=assignment, checked=checked, on_step=_tell)
        await submit.follow(session, item=item, on_step=_tell)
    finally:
        link.close()


def _tell(step: submit.Step) -> None:
    print(json.dumps({"done": step.done, "total": step.total, "state": step.state}), flush=True)
