"""What opens a door is never shown by a repr: logs and crash reports print those."""

import dataclasses

import pytest

from lms_desktop.client.people import Slip
from lms_desktop.client.session import Role
from lms_desktop.client.setup import Founded
from lms_desktop.client.signin import FirstSignIn
from lms_desktop.config import Provisioning, Seed


@pytest.mark.parametrize(
    "holder",
    [
        Slip("Mia", "mia", Role.STUDENT, "six secret words", "School"),
        Provisioning(bytes(32), (Seed("host", 1, 2, b"k" * 40),), b"six secret words".ljust(32)),
    ],
)
def test_the_secret_is_not_in_the_repr(holder: object) -> None:
    assert "six secret words" not in repr(holder)


@pytest.mark.parametrize("kind", [Founded, FirstSignIn])
def test_a_passphrase_is_left_out_of_the_repr(kind: type) -> None:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    assert not fields["passphrase"].repr
