"""Argon2id in a child process.

Run as `python -m lms_desktop.trust.derive`, or `lms-desktop derive` in a frozen program. The derivation
takes 269 MB; in a child the app's memory stays low and its threads stay free. The request goes in by stdin,
never by arguments or the environment: the strict encoding of [passphrase, salt, memory KiB, passes]. The
answer is the 32-byte key on stdout; exit status 1 says that the request was refused.
"""

import os
import subprocess
import sys
from pathlib import Path

from lms_desktop.trust import wire
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.primitives import KEY_BYTES, KdfParams, derive_key

TIMEOUT_S = 60.0


class DeriveFailed(TrustError):
    """The child did not answer: too little memory, or the installation is damaged."""


def child_command() -> list[str]:
    """Return the command line of the child."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "derive"]
    return [sys.executable, "-P", "-m", "lms_desktop.trust.derive"]


def derive_in_child(passphrase: bytes, salt: bytes, params: KdfParams) -> bytes:
    """Return `derive_key` of a child process; blocks for about half a second: call it from a worker thread.

    Raises WeakParameters before anything is started, and DeriveFailed.
    """
    params.check()
    request = wire.pack((passphrase, salt, params.memory_kib, params.passes))
    try:
        child = subprocess.run(
            child_command(),
            input=request,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeriveFailed(f"The passphrase could not be checked: {error}. Try again.") from error
    if child.returncode != 0 or len(child.stdout) != KEY_BYTES:
        raise DeriveFailed(
            "The passphrase could not be checked: about 300 MB of free memory are needed. "
            "Close other programs and try again."
        )
    return child.stdout


def main() -> int:
    """Answer one request from stdin; the process's exit status."""
    try:
        match wire.unpack(sys.stdin.buffer.read(wire.DEFAULT_LIMIT + 1)):
            case (bytes(passphrase), bytes(salt), int(memory_kib), int(passes)):
                sys.stdout.buffer.write(derive_key(passphrase, salt, KdfParams(memory_kib, passes)))
                return 0
    except (TrustError, MemoryError, RuntimeError):
        pass  # the caller words the message: nothing about a passphrase is printed
    return 1


if __name__ == "__main__":
    sys.exit(main())
