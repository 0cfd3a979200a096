"""A sound server of a test's own, or a reason to skip; see benchmarks/pulse_server.py."""

import sys
from contextlib import ExitStack, contextmanager

from benchmarks.pulse_server import pulse_server

import pytest


@contextmanager
def pulse():
    """A PulseAudio with null sinks, which the devices of this process lead to."""
    if sys.platform != "linux":
        pytest.skip("PulseAudio with null sinks is for Linux alone")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(pulse_server())
        except FileNotFoundError as missing:
            pytest.skip(str(missing))
        yield server
