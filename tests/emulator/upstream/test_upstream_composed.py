"""Oddities of other servers, composed: the caller gets the answer that is meant, or an error.

Never a 500 of the emulator's own, and never a part of the answer that passes for all of it.
"""

import gc
from inspect import isasyncgen

from emulator.server import Emulator
from tests.support.emulator_clients import connect
from tests.support.odd_streams import failing_streams, odd_streams
from tests.support.relayed_answers import WAYS, Failed, seen_by
from tests.support.scripted_upstream import ScriptedUpstream

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

composed = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
WAY = st.sampled_from(WAYS)
PACKED = st.sampled_from([{}, {}, {"content-encoding": "gzip"}])


@pytest.fixture(scope="module")
def relay():
    """A server upstream, and a client of the emulator that it writes for."""
    with ScriptedUpstream() as upstream, Emulator(upstream=upstream.write) as emulator:
        with connect(emulator) as client:
            yield upstream, client


@composed
@given(odd_streams(), PACKED, WAY)
def test_odd_stream_is_the_answer_that_it_means(relay, stream, headers, way):
    upstream, client = relay
    upstream.script(stream.body, stream.kind, headers=headers)

    assert seen_by(client, way) == stream.meant


@composed
@given(odd_streams(), st.floats(0, 1), st.booleans(), WAY)
def test_cut_stream_is_complete_or_an_error(relay, stream, share, is_broken, way):
    """The connection is closed in the midst of the body, or that is all of it."""
    upstream, client = relay
    length = int(share * len(stream.body))
    upstream.script(stream.body[:length], stream.kind, missing=int(is_broken))

    seen = seen_by(client, way)
    if length < stream.complete_at:
        assert isinstance(seen, Failed)
    assert isinstance(seen, Failed) or seen == stream.meant


@composed
@given(failing_streams(), WAY)
def test_error_in_a_stream_is_told_with_its_reason(relay, body, way):
    upstream, client = relay
    upstream.script(body)

    assert seen_by(client, way) == Failed("reported an error: busy")


def test_no_reader_of_a_failed_answer_is_left(relay):
    """The collector of garbage would close it in any thread, in the middle of something else."""
    upstream, client = relay
    upstream.script(b'data: {"choices": []}\n\ndata: {"error": {"message": "busy"}}\n\n')
    assert isinstance(seen_by(client, WAYS[0]), Failed)

    assert [each for each in gc.get_objects() if is_left(each)] == []


def is_left(found):
    return isasyncgen(found) and found.ag_frame is not None and "httpx" in found.ag_code.co_filename
