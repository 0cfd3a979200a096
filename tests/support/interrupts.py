"""Whether a test can press Ctrl-C here."""

import signal
import sys

import pytest

can_interrupt = pytest.mark.skipif(
    sys.platform == "win32" or signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
    reason="Windows has no such signal, and who starts these tests may have turned it off",
)
