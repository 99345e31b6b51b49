"""Settings of this machine and the provisioning file with which a machine joins a school."""

import base64
import binascii
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

APP_NAME = "lms-desktop"
DEFAULT_PORT = 47400
DEFAULT_FILES_PORT = 47401
MAX_PROVISIONING_BYTES = 16 * 1024
MAX_SEEDS = 16
TOKEN_BYTES = 32


class ConfigError(Exception):
    """A setting or a provisioning file that cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A machine of the school that a newcomer may ask: address, both ports, CURVE public key (z85)."""

    host: str
    port: int
    files_port: int
    curve_public: bytes


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What a joining machine is given: which school, whom to ask, and a token that only lets it join."""

    cluster_id: bytes
    seeds: tuple[Seed, ...]
    token: bytes = field(repr=False)

    def to_json(self) -> bytes:
        """The file's bytes: JSON for people's editors, keys and ids as text."""
        document = {
            "format": "lms-desktop-provisioning",
            "version": 1,
            "cluster_id": self.cluster_id.hex(),
            "seeds": [
                {
                    "host": seed.host,
                    "port": seed.port,
                    "files_port": seed.files_port,
                    "curve_public": seed.curve_public.decode("ascii"),
                }
                for seed in self.seeds
            ],
            "token": base64.b32encode(self.token).decode("ascii").rstrip("="),
        }
        return json.dumps(document, indent=2).encode("ascii") + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> "Provisioning":
        """Read a provisioning file; raises ConfigError for anything but exactly the documented fields."""
        if len(data) > MAX_PROVISIONING_BYTES:
            raise ConfigError("The provisioning file is too large. Ask for it again.")
        try:
            document = _json(data)
            if document["format"] != "lms-desktop-provisioning":
                raise ConfigError("This is not a provisioning file of LMS Desktop. Ask for it again.")
            if document["version"] != 1:
                raise ConfigError(
                    "The provisioning file is of a newer version. Update LMS Desktop on this machine."
                )
            if set(document) != {"format", "version", "cluster_id", "seeds", "token"}:
                raise ValueError("unexpected fields")
            seeds = tuple(_seed(item) for item in document["seeds"])
            token = _base32(document["token"])
            cluster_id = bytes.fromhex(document["cluster_id"])
        except (ValueError, KeyError, TypeError, UnicodeDecodeError, binascii.Error) as error:
            raise ConfigError(f"The provisioning file is damaged ({error}). Ask for it again.") from error
        if len(cluster_id) != 32 or len(token) != TOKEN_BYTES or not 1 <= len(seeds) <= MAX_SEEDS:
            raise ConfigError("The provisioning file is incomplete. Ask for it again.")
        return cls(cluster_id, seeds, token)


def _json(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ConfigError("This is not a provisioning file of LMS Desktop. Ask for it again.")
    return document


def _seed(item: dict[str, object]) -> Seed:
    host, port, files_port, key = item["host"], item["port"], item["files_port"], item["curve_public"]
    if not (isinstance(host, str) and host and isinstance(key, str) and len(key) == 40 and key.isascii()):
        raise ValueError("seed address or key")
    for number in (port, files_port):
        if type(number) is not int or not 0 < number < 65536:
            raise ValueError("seed port")
    assert isinstance(port, int)
    assert isinstance(files_port, int)
    return Seed(host, port, files_port, key.encode("ascii"))


def _base32(text: str) -> bytes:
    return base64.b32decode(text + "=" * (-len(text) % 8))


def machine_data() -> Path:
    """Where this machine's node keeps its data: `LMS_DESKTOP_DATA`, else the machine-wide folder if usable,
    else this OS user's own.
    """
    override = os.environ.get("LMS_DESKTOP_DATA")
    if override:
        return Path(override)
    shared = Path(platformdirs.site_data_dir(APP_NAME, appauthor=False))
    if sys.platform.startswith("linux"):
        shared = Path("/var/lib") / APP_NAME
    if shared.is_dir() and (os.access(shared, os.W_OK) or (shared / "link.json").exists()):
        return shared
    return Path(platformdirs.user_data_dir(APP_NAME, appauthor=False, roaming=False)) / "machine"


def user_data() -> Path:
    """Where the app keeps what belongs to this OS user only: sealed drafts, window geometry."""
    override = os.environ.get("LMS_DESKTOP_USER_DATA")
    if override:
        return Path(override)
    return Path(platformdirs.user_data_dir(APP_NAME, appauthor=False, roaming=False)) / "user"
