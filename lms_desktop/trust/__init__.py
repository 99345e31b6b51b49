"""Signatures, seals and the formats that carry them. Knows nothing of schools, networks or databases.

Every hash, signature and seal starts with a tag `b"LMS/v1/<name>\\0"`, so that bytes made for one purpose
never pass for another.
"""

from lms_desktop.trust.errors import TrustError

__all__ = ["TrustError"]
