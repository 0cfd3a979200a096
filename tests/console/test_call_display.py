"""What lesson 3 shows of a call: where answers were cut, and how long each turn took."""

import io
from types import SimpleNamespace

from audio.call_recording import Recording
from audio.caller import CallNotes, TurnTimes
from audio.wav import WavMicrophone, WavSpeaker
from console.call_display import STAGES, show_cuts, show_latency
from console.terminal import Terminal
from tests.support.call_sound import Time, tone

import pytest


def interrupted(*items):
    """The notes of a call in which each of these answers was cut off after a second."""
    time = Time()
    clock = time.clock()
    recording = Recording(clock)
    speaker = WavSpeaker(clock, recording)
    notes = CallNotes(clock, recording, WavMicrophone(clock), speaker, lambda *_: None)
    for item_id in items:
        delta = {"type": "response.output_audio_transcript.delta", "delta": "By bus."}
        notes.note_event(SimpleNamespace(**delta, item_id=item_id))
        speaker.play(item_id, tone(3))
        time.now += 1
        speaker.stop()
    return notes


@pytest.mark.parametrize(
    ("items", "beginnings"),
    [
        ([], []),
        (["a"], ["Of 3,000 ms"]),
        (["a", "b"], ["Answer 1: of 3,000 ms", "Answer 2: of 3,000 ms"]),
    ],
)
def test_cuts_name_their_answers_if_there_are_several(items, beginnings):
    screen = io.StringIO()
    show_cuts(interrupted(*items), Terminal(screen))

    shown = " ".join(screen.getvalue().split())
    assert shown.count("that had arrived") == len(items)
    assert shown.count("is an estimate") == bool(items)
    for beginning in beginnings:
        assert f"{beginning} that had arrived, 1,000 ms were played" in shown


@pytest.mark.parametrize("turns", [0, 1, 5, 6, 12])
def test_latency_of_any_number_of_turns_fits_the_screen(turns):
    screen = io.StringIO()
    times = {str(number): TurnTimes(ended=number + 0.5) for number in range(turns)}
    spans = [SimpleNamespace(speaker="caller", end_s=float(number)) for number in range(turns)]
    recording = SimpleNamespace(spans=lambda: spans, seconds=lambda moment: moment)
    show_latency(SimpleNamespace(turns=times, recording=recording), Terminal(screen))

    shown = screen.getvalue()
    assert [f"turn {number}" in shown for number in range(1, turns + 2)] == [True] * turns + [False]
    assert shown.count("+0.50 s") == turns
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert all(stage in shown for stage in STAGES.values())
