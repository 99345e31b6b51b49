"""Fixed keys, so that a failure repeats."""

import pytest

from lms_desktop.trust.primitives import SealingKey, SigningKey


@pytest.fixture
def cluster_id() -> bytes:
    return bytes(range(32))


@pytest.fixture
def signer() -> SigningKey:
    return SigningKey(bytes([1]) * 32)


@pytest.fixture
def alice() -> SealingKey:
    return SealingKey(bytes([2]) * 32)


@pytest.fixture
def bob() -> SealingKey:
    return SealingKey(bytes([3]) * 32)
