"""Sound on files: frames in time, what a speaker was heard to say."""

import asyncio
import io
import sys
import wave
from array import array

from audio.call_clock import CallClock
from audio.call_recording import Recording
from audio.playback import FRAME, RATE_HZ, Cut, in_ms
from audio.wav import (
    SILENCE,
    WavMicrophone,
    WavSpeaker,
    read_mono,
    read_sound,
    read_wav,
    write_wav,
)
from common.settings import CourseError
from console.talk import ECHO_S
from tests.support.call_sound import Time, frames_of, tone

import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def time():
    return Time()


# ------------------------------------------------------------ files


def test_wav_comes_back_as_written(tmp_path):
    write_wav(tmp_path / "a.wav", tone(0.1))

    assert read_wav(tmp_path / "a.wav") == tone(0.1)


@pytest.mark.parametrize(
    ("rate_hz", "width", "channels", "why"),
    [
        (16_000, 2, 1, "it has 16,000 Hz, 16 bits, channels: 1"),
        (24_000, 1, 1, "it has 24,000 Hz, 8 bits, channels: 1"),
        (24_000, 2, 2, "it has 24,000 Hz, 16 bits, channels: 2"),
    ],
)
def test_other_formats_are_told(tmp_path, rate_hz, width, channels, why):
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((channels, width, rate_hz, 0, "NONE", ""))
        sound.writeframes(bytes(2400))

    with pytest.raises(CourseError, match="a.wav can't be spoken") as raised:
        read_wav(tmp_path / "a.wav")

    assert raised.value.why == f"{why}; a call needs 24,000 Hz, 16 bits, mono"
    assert "ffmpeg -i a.wav -ar 24000 -ac 1" in raised.value.attempt


@pytest.mark.parametrize("data", [b"", b"RIFF", b"ID3 and so on, as an MP3 begins"])
def test_what_is_no_wav_is_told(tmp_path, data):
    (tmp_path / "a.wav").write_bytes(data)

    with pytest.raises(CourseError) as raised:
        read_wav(tmp_path / "a.wav")

    assert raised.value.why.startswith("it is not a plain WAV file: ")


def test_empty_wav_is_told(tmp_path):
    write_wav(tmp_path / "a.wav", b"")

    with pytest.raises(CourseError) as raised:
        read_wav(tmp_path / "a.wav")

    assert raised.value.why == "there is no sound in it"


@given(place=st.integers(0, 43), byte=st.integers(0, 255), length=st.integers(0, 60))
def test_damaged_wav_is_read_or_told(tmp_path_factory, place, byte, length):
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        sound.writeframes(b"\1\2" * 8)
    damaged = bytearray(file.getvalue())
    damaged[place] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.wav"
    path.write_bytes(damaged[:length])

    try:
        pcm = read_wav(path)
    except CourseError:
        return
    assert len(pcm) % 2 == 0


# ------------------------------------------------------------ microphone


async def test_line_carries_silence(time):
    microphone = WavMicrophone(time.clock())

    assert await frames_of(microphone, 3) == [SILENCE] * 3
    assert len(SILENCE) == 960


async def test_frame_comes_when_its_time_has_passed(time):
    microphone = WavMicrophone(time.clock())

    await frames_of(microphone, 3)

    assert time.now == pytest.approx(1000.06)


async def test_schedule_does_not_drift(time):
    """Each frame is sent late, as sending takes a while; the next ones wait for less."""
    microphone = WavMicrophone(time.clock())

    for _ in range(500):
        await anext(microphone)
        time.now += 0.007

    assert time.now == pytest.approx(1010.007)


async def test_late_frames_follow_at_once(time):
    microphone = WavMicrophone(time.clock())
    await anext(microphone)
    time.now += 0.1

    await frames_of(microphone, 5)

    assert time.slept[1:] == [0.0] * 5


async def test_faster_clock_shortens_sleep(time):
    microphone = WavMicrophone(time.clock(speed=4))

    await frames_of(microphone, 4)

    assert time.now == pytest.approx(1000.02)


async def test_clip_is_sent_whole_then_silence(time):
    microphone = WavMicrophone(time.clock())
    await anext(microphone)

    microphone.speak(tone(0.05))

    sent = b"".join(await frames_of(microphone, 4))
    assert sent == tone(0.05) + bytes(len(sent) - len(tone(0.05)))


async def test_clip_comes_from_file(tmp_path, time):
    write_wav(tmp_path / "hello.wav", tone(0.02))
    microphone = WavMicrophone(time.clock())

    microphone.speak(tmp_path / "hello.wav")

    assert await anext(microphone) == tone(0.02)


async def test_clip_is_spoken_once_its_last_frame_is_sent(time):
    microphone = WavMicrophone(time.clock())
    microphone.speak(tone(0.03))

    await frames_of(microphone, 2)
    assert microphone.is_speaking
    await anext(microphone)

    assert not microphone.is_speaking
    await microphone.spoken()


async def test_hanging_up_ends_everything(time):
    microphone = WavMicrophone(time.clock())
    microphone.speak(tone(9))
    await anext(microphone)

    microphone.close()
    microphone.speak(tone(9))

    assert [frame async for frame in microphone] == []
    await microphone.spoken()


def test_half_a_sample_cannot_be_spoken(time):
    with pytest.raises(ValueError, match="not 3 bytes"):
        WavMicrophone(time.clock()).speak(b"\1\2\3")


async def test_moment_of_sound_is_found_on_the_clock(time):
    microphone = WavMicrophone(time.clock())
    await frames_of(microphone, 10)

    assert microphone.moment(audio_ms=340) == pytest.approx(1000.34)


# ------------------------------------------------------------ speaker


def test_r3_deltas_faster_than_real_time(time):
    """Ten seconds come at once; what was heard is the time that passed since."""
    speaker = WavSpeaker(time.clock())
    time.now += 5
    for _ in range(100):
        speaker.play("a", tone(0.1))

    time.now += 1.2345

    assert speaker.stop() == [("a", 1234)]
    assert speaker.cuts == {"a": Cut("a", 0, heard=29_628, received=240_000)}


def test_r4_speech_ends_at_the_cut(time):
    recording = Recording(time.clock())
    speaker = WavSpeaker(time.clock(), recording)
    speaker.play("a", tone(5), response_id="one")
    time.now += 1
    speaker.stop()

    assert not speaker.play("a", tone(5), response_id="one")
    time.now += 1

    assert speaker.stop() == []
    assert recording.duration_s == 1.0


def test_r5_half_duplex_lets_no_echo_in(time):
    """The microphone is muted as long as this is true (console/talk.py)."""
    speaker = WavSpeaker(time.clock())
    speaker.play("a", tone(0.1))
    speaker.finish("a")

    let_in = []
    for _ in range(25):
        time.now += FRAME / RATE_HZ
        let_in.append(not speaker.has_sounded(ECHO_S))

    # 100 ms of speech, and 300 ms until its echo has died away.
    assert let_in == [False] * 19 + [True] * 6


def test_r5_caller_is_let_in_before_assistant_speaks(time):
    assert not WavSpeaker(time.clock()).has_sounded(ECHO_S)


def test_r20_gaps_are_silent_and_not_heard(time):
    recording = Recording(time.clock())
    speaker = WavSpeaker(time.clock(), recording)
    for _ in range(3):
        speaker.play("a", tone(0.1))
        time.now += 0.5

    assert speaker.sounding == "a"
    assert speaker.ledger.heard_ms("a") == 300
    assert [level > 0 for level in recording.levels("assistant")] == (
        [True] * 5 + [False] * 20
    ) * 2 + [True] * 5


def test_item_began_when_it_was_first_heard(time):
    speaker = WavSpeaker(time.clock())
    speaker.play("a", tone(1))
    speaker.play("b", tone(1))
    time.now += 0.5
    assert speaker.moment("b") is None

    time.now += 1

    assert (speaker.moment("a"), speaker.moment("b")) == (1000.0, 1001.0)


async def test_silent_waits_for_the_end(time):
    speaker = WavSpeaker(time.clock())
    speaker.play("a", tone(0.5))
    speaker.finish("a")

    await speaker.silent()

    assert time.now == pytest.approx(1000.5)


async def test_silent_returns_after_a_cut(time):
    speaker = WavSpeaker(time.clock())
    speaker.play("a", tone(5))
    waits = asyncio.create_task(speaker.silent())
    await asyncio.sleep(0)

    speaker.stop()
    await waits

    assert time.now < 1000.1


def test_clock_that_goes_back_is_borne(time):
    speaker = WavSpeaker(time.clock())
    speaker.play("a", tone(1))
    time.now -= 5
    assert speaker.sounding == "a"

    time.now += 5.25

    assert speaker.stop() == [("a", 250)]


steps = st.one_of(
    st.tuples(st.just("play"), st.sampled_from("abc"), st.integers(0, 999)),
    st.tuples(st.just("pass"), st.integers(0, 999)),
    st.tuples(st.just("finish"), st.sampled_from("abc")),
    st.tuples(st.just("stop")),
)


@given(st.lists(steps, max_size=40), st.integers(0, 10**9))
def test_cut_is_exact_over_any_order(script, start):
    """What each item was heard, against a loudspeaker that is fed sample by sample."""
    now = start
    speaker = WavSpeaker(CallClock(monotonic=lambda: now / RATE_HZ))
    waiting, heard, came, late = [], dict.fromkeys("abc", 0), dict.fromkeys("abc", 0), set()
    for name, *arguments in script:
        if name == "play":
            item, samples = arguments
            assert speaker.play(item, bytes(2 * samples)) == (item not in late)
            if item not in late:
                waiting += [item] * samples
                came[item] += samples
        elif name == "pass":
            now += arguments[0]
            for item in waiting[: arguments[0]]:
                heard[item] += 1
            del waiting[: arguments[0]]
        elif name == "finish":
            speaker.finish(*arguments)
        else:
            sounds = speaker.sounding
            stopped = speaker.stop()
            assert [item for item, _ in stopped[:1]] == ([sounds] if sounds else [])
            assert not waiting or sounds == waiting[0]
            if stopped:
                cut = speaker.cuts[sounds]
                assert came[sounds] > 0
                assert (cut.heard, cut.received) == (heard[sounds], came[sounds])
                assert {item for item, _ in stopped} >= {sounds, *waiting}
                # Of what waited behind it something was heard only where items come by turns.
                assert all(in_ms(heard[item]) == ms for item, ms in stopped)
                late |= {item for item, _ in stopped}
                waiting = []


@pytest.mark.parametrize(("rate_hz", "channels", "width"), [(8_000, 1, 1), (44_100, 2, 2)])
def test_any_wav_can_be_a_question(tmp_path, rate_hz, channels, width):
    path = tmp_path / "mine.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate_hz, 0, "NONE", "not compressed"))
        silence = b"\x80" if width == 1 else bytes(2)
        file.writeframes(silence * channels * rate_hz)

    pcm = read_sound(path)

    assert abs(len(pcm) - 48_000) <= 4
    assert max(map(abs, memoryview(pcm).cast("h"))) <= 1


@pytest.mark.parametrize("data", [b"", b"not a sound", b"RIFF\0\0\0\0WAVE"])
def test_file_without_sound_is_no_question(tmp_path, data):
    path = tmp_path / "mine.mp3"
    path.write_bytes(data)

    with pytest.raises(CourseError, match="mine.mp3 can't be spoken"):
        read_sound(path)


@pytest.mark.parametrize(
    ("name", "data", "package", "fix"),
    [
        ("mine.flac", b"fLaC" + bytes(99), "soundfile", "course.py extras"),
        ("mine.m4a", b"\0\0\0\x18ftypM4A ", "av", "requirements-full.txt"),
    ],
)
def test_missing_decoder_says_what_installs_it(tmp_path, monkeypatch, name, data, package, fix):
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / name
    path.write_bytes(data)

    with pytest.raises(CourseError, match="can't be read") as raised:
        read_sound(path)

    assert package in raised.value.why
    assert raised.value.attempt.endswith(fix)


def test_question_is_not_longer_than_five_minutes(tmp_path):
    path = tmp_path / "long.wav"
    write_wav(path, bytes(2 * RATE_HZ * 301))

    with pytest.raises(CourseError) as raised:
        read_sound(path)

    assert "longer than 5 minutes" in raised.value.why


def test_both_sides_of_a_call_are_mixed(tmp_path):
    path = tmp_path / "call.wav"
    both = array("h", [1000, 30000, 2000, 30000]).tobytes()
    write_wav(path, both, channels=2)

    assert array("h", read_mono(path)).tolist() == [31000, 32000]
