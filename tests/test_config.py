"""The provisioning file holds the school's id, seed addresses with keys, and a token: nothing else."""

import json
from typing import Any

import pytest

from lms_desktop.config import ConfigError, Provisioning, Seed

FILE = Provisioning(
    bytes(range(32)),
    (Seed("10.0.0.7", 47400, 47401, b"a" * 40), Seed("pc-02.lab", 1024, 65535, b"b" * 40)),
    bytes(reversed(range(32))),
)


def test_a_file_is_read_as_it_was_written() -> None:
    assert Provisioning.from_json(FILE.to_json()) == FILE


def test_it_holds_only_what_a_newcomer_needs() -> None:
    document = json.loads(FILE.to_json())
    assert set(document) == {"format", "version", "cluster_id", "seeds", "token"}
    assert set(document["seeds"][0]) == {"host", "port", "files_port", "curve_public"}


def _changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(FILE.to_json()), **changes}).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a provisioning file"),
        (b"[]", "not a provisioning file"),
        (b"{}", "damaged"),
        (b"\xff\xfe", "not a provisioning file"),
        (_changed(format="something"), "not a provisioning file"),
        (_changed(version=2), "newer version"),
        (_changed(extra=1), "damaged"),
        (_changed(cluster_id="zz"), "damaged"),
        (_changed(cluster_id="00"), "incomplete"),
        (_changed(token="AA"), "incomplete"),
        (_changed(token="not base32!"), "damaged"),
        (_changed(seeds=[]), "incomplete"),
        (_changed(seeds=[{"host": "x", "port": 0, "files_port": 1, "curve_public": "a" * 40}]), "damaged"),
        (_changed(seeds=[{"host": "x", "port": True, "files_port": 1, "curve_public": "a" * 40}]), "damaged"),
        (_changed(seeds=[{"host": "", "port": 1, "files_port": 1, "curve_public": "a" * 40}]), "damaged"),
        (_changed(seeds=[{"host": "x", "port": 1, "files_port": 1, "curve_public": "short"}]), "damaged"),
        (b" " * 20_000, "too large"),
    ],
)
def test_anything_else_is_refused_with_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Provisioning.from_json(data)
