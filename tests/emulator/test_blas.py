"""BLAS has one limit of threads for a whole process, and several callers that set it."""

import subprocess
import sys

from common import COURSE
from emulator.blas import one_blas_thread
from emulator.retrieval import encoder
from emulator.voice import speaker_encoder

import pytest

TWO_CALLERS = """
import numpy
from threadpoolctl import threadpool_info
from emulator.blas import one_blas_thread

def blas_threads():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]

before = blas_threads()
first, second = one_blas_thread(), one_blas_thread()
with first:
    second.__enter__()
    assert set(blas_threads()) == {1}
assert set(blas_threads()) == {1}
second.__exit__(None, None, None)
assert blas_threads() == before
"""


def test_blas_has_its_threads_back_after_the_last_caller():
    """In a process of its own: here, what other tests have started may still compute."""
    run = subprocess.run([sys.executable, "-c", TWO_CALLERS], cwd=COURSE, capture_output=True)

    assert (run.returncode, run.stderr) == (0, b"")


@pytest.mark.parametrize("network", [encoder, speaker_encoder])
def test_networks_share_the_limit(network):
    """A limit of its own would be put back by whichever of two ends last."""
    assert network.one_blas_thread is one_blas_thread
    assert not hasattr(network, "threadpool_limits")
