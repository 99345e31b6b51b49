"""What every test shares: Qt needs no display, no example of Hypothesis is judged by the clock, and a failed
test ends."""

import os

import zmq
from hypothesis import HealthCheck, settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

settings.register_profile("lms", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lms")

# A test that fails may leave a ZeroMQ context to the collector, together with its open sockets; pyzmq's
# finalizer then waits for them for ever. Such a context ends with the process instead.
zmq.Context.__del__ = lambda context: None  # type: ignore[method-assign]
