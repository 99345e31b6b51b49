"""`school.json`: which school this machine belongs to, its number there, and where the others are.

Not the truth, which is in the ledger, but what a node needs to reach the others when its ledger is empty:
just joined, or set aside because it was damaged. It holds no secret.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lms_desktop.node.errors import SchoolFileUnreadable
from lms_desktop.node.folder import replace_file
from lms_desktop.node.transport import Peer

FILE = "school.json"


@dataclass(frozen=True, slots=True)
class School:
    """`machine` is this machine's number; `peers` are the others, by number."""

    cluster_id: bytes
    epoch: int
    machine: int
    peers: Mapping[int, Peer]


def load(folder: Path) -> School | None:
    """The school of this machine, None where it has none. Raises SchoolFileUnreadable."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_bytes())
        if document["version"] != 1:
            raise ValueError(f"version {document['version']}")
        return School(
            bytes.fromhex(document["cluster_id"]),
            int(document["epoch"]),
            int(document["machine"]),
            {
                int(each["machine"]): Peer(
                    str(each["curve_public"]).encode("ascii"),
                    str(each["host"]),
                    int(each["port"]),
                    int(each["files_port"]),
                )
                for each in document["peers"]
            },
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SchoolFileUnreadable(
            f"What this machine knows of its school cannot be read ({error})",
            where=str(path),
            next_step="Restore the file; if its ledger is whole, moving the file away is enough.",
        ) from error


def save(folder: Path, school: School) -> None:
    """Replace the file, durably."""
    document = {
        "version": 1,
        "cluster_id": school.cluster_id.hex(),
        "epoch": school.epoch,
        "machine": school.machine,
        "peers": [
            {
                "machine": machine,
                "curve_public": peer.curve_public.decode("ascii"),
                "host": peer.host,
                "port": peer.port,
                "files_port": peer.files_port,
            }
            for machine, peer in sorted(school.peers.items())
        ],
    }
    replace_file(folder / FILE, json.dumps(document, indent=1).encode("ascii"), 0o600)
