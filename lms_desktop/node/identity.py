"""Who this machine is: its keys, incarnation, boot counter and boot nonce.

`machine.key` (JSON, readable by the node's account only) holds the secrets and is replaced durably at every
start with the boot counter raised. A disk image that lands on other hardware gets a new identity before it
speaks.
"""

import json
import logging
import os
import stat
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from lms_desktop.node.errors import IdentityUnreadable
from lms_desktop.node.folder import replace_file
from lms_desktop.trust.primitives import CurveKeys, SigningKey, hash_, random_bytes

FILE = "machine.key"
_TRAIT = b"LMS/v1/hardware-trait\0"
_HARDWARE = b"LMS/v1/hardware\0"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """One start of one machine. `incarnation` changes when its ledger is lost; `nonce` at every start."""

    signing: SigningKey
    curve: CurveKeys
    incarnation: bytes
    boot: int
    nonce: bytes
    traits: tuple[bytes, ...]
    """Hashes of what identifies the hardware (network cards), as at the making of the key."""

    @property
    def hardware(self) -> bytes:
        """32 bytes that stand for this hardware, told to the school at joining."""
        return hash_(_HARDWARE, *self.traits)


def start(folder: Path, traits: tuple[bytes, ...] | None = None) -> Identity:
    """Load or make this machine's identity and count this start.

    `traits` default to those of this computer. Raises IdentityUnreadable when the file is damaged: a machine
    must not silently become another one.
    """
    here = hardware_traits() if traits is None else traits
    path = folder / FILE
    if path.exists():
        known = _read(path)
        if not known.traits or not here or set(known.traits) & set(here):
            return _write(path, replace(known, boot=known.boot + 1))
        aside = path.with_name(f"{FILE}.other-hardware-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
        path.rename(aside)
        _log.warning(
            "this disk comes from another computer: new machine key made, old one kept as %s", aside.name
        )
    return _write(
        path,
        Identity(
            SigningKey(random_bytes(32)),
            CurveKeys(random_bytes(32)),
            random_bytes(16),
            1,
            random_bytes(16),
            here,
        ),
    )


def renew_incarnation(folder: Path, identity: Identity) -> Identity:
    """A new incarnation, durable on return: for a machine whose ledger is new, so that it votes for nothing
    old."""
    return _write(folder / FILE, replace(identity, incarnation=random_bytes(16)))


def hardware_traits() -> tuple[bytes, ...]:
    """Hashed addresses of the network cards, sorted; made-up (locally administered) addresses do not count.

    Several, of which one must match: a card may be added or changed without the machine becoming another one.
    """
    cards = {
        address.address.replace("-", ":").lower()
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == psutil.AF_LINK
    }
    real = sorted(
        card for card in cards if len(card) == 17 and not int(card[:2], 16) & 2 and card.strip("0:")
    )
    return tuple(hash_(_TRAIT, card.encode("ascii")) for card in real)


def _read(path: Path) -> Identity:
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        _log.warning("%s could be read by other accounts; tightened to 0600", path)
        path.chmod(0o600)
    try:
        document = json.loads(path.read_bytes())
        if document["version"] != 1:
            raise ValueError(f"version {document['version']}")
        return Identity(
            signing=SigningKey(_hex(document["ed25519"], 32)),
            curve=CurveKeys(_hex(document["curve"], 32)),
            incarnation=_hex(document["incarnation"], 16),
            boot=int(document["boot"]),
            nonce=random_bytes(16),
            traits=tuple(_hex(trait, 32) for trait in document["hardware"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IdentityUnreadable(
            f"The key of this machine cannot be read ({error})",
            where=str(path),
            next_step="Restore the file, or move it away and let the machine join the school again.",
        ) from error


def _hex(text: str, size: int) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != size:
        raise ValueError(f"{len(data)} bytes where {size} belong")
    return data


def _write(path: Path, identity: Identity) -> Identity:
    document = {
        "version": 1,
        "ed25519": identity.signing.seed.hex(),
        "curve": identity.curve.seed.hex(),
        "incarnation": identity.incarnation.hex(),
        "boot": identity.boot,
        "hardware": [trait.hex() for trait in identity.traits],
    }
    replace_file(path, json.dumps(document, indent=1).encode("ascii"), 0o600)
    return identity
