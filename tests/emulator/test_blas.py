"""BLAS has one limit of threads for a whole process, and several callers that set it."""

from emulator.blas import one_blas_thread
from emulator.retrieval import encoder
from emulator.voice import speaker_encoder

import pytest
from threadpoolctl import threadpool_info


def blas_threads():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def test_blas_has_its_threads_back_after_the_last_caller():
    before = blas_threads()
    first, second = one_blas_thread(), one_blas_thread()

    with first:
        second.__enter__()
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {1}
    second.__exit__(None, None, None)
    assert blas_threads() == before


@pytest.mark.parametrize("network", [encoder, speaker_encoder])
def test_networks_share_the_limit(network):
    """A limit of its own would be put back by whichever of two ends last."""
    assert network.one_blas_thread is one_blas_thread
    assert not hasattr(network, "threadpool_limits")
