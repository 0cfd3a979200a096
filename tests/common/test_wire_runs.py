"""--wire folds runs of sound, and of transcribed words, into one line each."""

import json
from base64 import b64encode

from common.wire_tap import SocketTap

import pytest

PIECE = b64encode(bytes(960)).decode()
APPEND = {"type": "input_audio_buffer.append", "audio": PIECE}
DELTA = {"type": "response.output_audio.delta", "delta": PIECE, "item_id": "item_1"}
STARTED = {"type": "input_audio_buffer.speech_started"}


def words(text):
    return {"type": "response.output_audio_transcript.delta", "delta": text}


@pytest.fixture
def shown():
    return []


@pytest.fixture
def tap(shown):
    """Its clock moves by a second at each look."""
    seconds = iter(range(1000))
    return SocketTap(shown.append, lambda: float(next(seconds)))


def send(tap, direction, *events):
    for event in events:
        tap.message(direction, json.dumps(event))


def test_run_of_sound_is_one_line_with_its_length(tap, shown):
    send(tap, ">", *[APPEND] * 137)
    assert shown == []

    send(tap, "<", STARTED)

    assert shown == [
        "> +1.000 input_audio_buffer.append x 137, 2.74 s",
        "< +2.000 input_audio_buffer.speech_started",
    ]


def test_runs_of_both_sides_go_on_beside_each_other(tap, shown):
    for text in ("On ", "the ", "night"):
        send(tap, ">", APPEND)
        send(tap, "<", DELTA, words(text))
    send(tap, "<", STARTED)

    assert shown[:3] == [
        "> +1.000 input_audio_buffer.append x 3, 0.06 s",
        "< +2.000 response.output_audio.delta x 3, 0.06 s",
        '< +3.000 response.output_audio_transcript.delta x 3, "On the night"',
    ]


def test_length_goes_by_the_format_of_the_session(tap, shown):
    form = {"input": {"format": {"type": "audio/pcmu"}}}
    send(tap, ">", {"type": "session.update", "session": {"audio": form}}, APPEND, STARTED)

    assert shown[1] == "> +2.000 input_audio_buffer.append x 1, 0.12 s"


@pytest.mark.parametrize(
    "end",
    [{"code": 1000, "by": "client", "reason": "", "how": "complete"}, {"how": "left"}, None],
)
def test_run_is_shown_at_the_end(tap, shown, end):
    send(tap, ">", APPEND)
    tap.end(end or {"how": "complete"})

    assert shown[0] == "> +1.000 input_audio_buffer.append x 1, 0.02 s"


ODD = [
    {"type": "input_audio_buffer.append"},
    {"type": "input_audio_buffer.append", "audio": None},
    {"type": ["input_audio_buffer.append"]},
    {"type": None, "audio": PIECE},
]


@pytest.mark.parametrize("event", ODD)
def test_event_of_another_shape_is_shown_by_itself(tap, shown, event):
    send(tap, ">", event)

    assert len(shown) == 1


def test_sound_from_the_wrong_side_is_not_folded(tap, shown):
    send(tap, "<", APPEND)

    assert shown == ["< +1.000 input_audio_buffer.append  audio 20 ms (960 bytes)"]
