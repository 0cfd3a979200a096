"""The recording of a call: a stereo WAV, exact to the sample, and spans with their captions."""

from array import array

from audio.call_recording import Mark, Recording, Span, loud_stretches
from audio.playback import RATE_HZ
from audio.wav import WavMicrophone, WavSpeaker
from tests.support.call_sound import Time, frames_of, sides, tone

import pytest


@pytest.fixture
def time():
    return Time()


async def interrupted_call(time, recording, cut_after=0.3):
    """The caller asks, the assistant answers for long, the caller cuts in."""
    clock = time.clock()
    microphone, speaker = WavMicrophone(clock, recording), WavSpeaker(clock, recording)
    microphone.speak(tone(0.4, level=3000))
    await frames_of(microphone, 25)
    speaker.play("a", tone(3))
    microphone.speak(tone(0.5, level=3000))
    time.now += cut_after
    speaker.stop()
    await frames_of(microphone, 75)
    return speaker.cuts["a"]


@pytest.mark.parametrize("samples", [1, 7199, 7200, 7201])
async def test_right_channel_ends_at_the_sample_of_the_cut(tmp_path, time, samples):
    recording = Recording(time.clock())

    cut = await interrupted_call(time, recording, cut_after=samples / RATE_HZ)
    recording.save(tmp_path / "call.wav")

    left, right = sides(tmp_path / "call.wav")
    began, ended = RATE_HZ // 2, RATE_HZ // 2 + samples
    assert cut.heard == samples
    assert len(left) == len(right) == 2 * RATE_HZ
    assert not any(right[:began]) and all(right[began:ended]) and not any(right[ended:])


async def test_left_channel_is_the_caller(tmp_path, time):
    recording = Recording(time.clock())

    await interrupted_call(time, recording)
    recording.save(tmp_path / "call.wav")

    left, _ = sides(tmp_path / "call.wav")
    silence = bytes(2 * 2400)  # 100 ms
    assert left[:12_000].tobytes() == tone(0.4, level=3000) + silence
    assert left[12_000:].tobytes() == tone(0.5, level=3000) + 10 * silence


async def test_cut_is_marked(time):
    recording = Recording(time.clock())

    await interrupted_call(time, recording)

    assert recording.marks == [Mark(0.8, "cut after 300 ms", unheard_s=2.7)]


async def test_spans_say_who_spoke_when(time):
    recording = Recording(time.clock())

    await interrupted_call(time, recording)

    assert recording.spans() == [
        # Pauses of up to half a second do not part what one side says.
        Span("caller", 0.0, 1.0),
        Span("assistant", 0.5, 0.8),
    ]


def test_r15_words_go_where_they_were_said(time):
    """A transcript that comes late is placed by its item's moment, not by its arrival."""
    recording = Recording(time.clock())
    recording.put("caller", 24_000_000, tone(1))
    recording.put("assistant", 24_048_000, tone(1))
    recording.put("caller", 24_096_000, tone(1))
    time.now += 9

    recording.caption("caller", 1004.0, "Goodbye.")
    recording.caption("assistant", 1002.0, "Good evening.")
    recording.caption("assistant", None, "Never heard.")
    recording.caption("caller", 999.7, "Hello?")

    assert recording.spans() == [
        Span("caller", 0.0, 1.0, "Hello?"),
        Span("assistant", 2.0, 3.0, "Good evening."),
        Span("caller", 4.0, 5.0, "Goodbye."),
    ]


def test_hiss_is_no_speech():
    assert loud_stretches([0.01, 0.0, 0.019]) == []


def test_short_pause_is_part_of_speech():
    assert loud_stretches([0.5, *[0.0] * 25, 0.5, *[0.0] * 26, 0.5]) == [(0.0, 0.54), (1.06, 1.08)]


def test_levels_of_both_sides_cover_the_call(time):
    recording = Recording(time.clock())
    recording.put("caller", 24_000_000, bytes(960))
    recording.put("assistant", 24_000_000 + 480, array("h", [-32768] * 480).tobytes())

    assert recording.levels("assistant") == [0.0, 1.0]
    assert recording.levels("caller") == [0.0, 0.0]


def test_call_without_sound_is_an_empty_file(tmp_path, time):
    recording = Recording(time.clock())

    recording.save(tmp_path / "call.wav")

    assert sides(tmp_path / "call.wav") == (array("h"), array("h"))
    assert recording.spans() == []


def test_unwritable_file_is_an_os_error(tmp_path, time):
    recording = Recording(time.clock())

    with pytest.raises(OSError, match="nowhere"):
        recording.save(tmp_path / "nowhere" / "call.wav")


def test_call_is_saved_while_a_device_still_records(tmp_path, time):
    """Each track is read once: between two looks at it, it may have grown."""

    class Growing(bytearray):
        def __len__(self):
            self.extend(bytes(960))
            return super().__len__()

    recording = Recording(time.clock())
    recording.put("caller", 24_000_000, tone(0.1))
    recording._tracks["assistant"] = Growing(tone(0.1))

    recording.save(tmp_path / "call.wav")
    recording.levels("assistant")

    left, right = sides(tmp_path / "call.wav")
    assert len(left) == len(right)
