"""A microphone and a loudspeaker on devices that a test drives, block by block."""

import asyncio
import sys
import threading
from threading import get_ident

from audio import devices as module
from audio.call_recording import Recording
from audio.devices import (
    FADE,
    MOST_FRAMES,
    DeviceError,
    Microphone,
    Speaker,
    choose,
    devices,
    how_to_install,
    sound_system,
)
from audio.playback import FRAME, RATE_HZ
from audio.portaudio import PLAYED_MS, PortAudioFailure
from tests.support import lessons
from tests.support.call_sound import frames_of, tone
from tests.support.scripted_calls import CREATED, MODEL, STARTED, TRANSCRIBER, Server, delta
from tests.support.scripted_devices import (
    BUILT_IN,
    DEVICES,
    HEADSET,
    LATENCY_S,
    OUTPUT_ONLY,
    DeviceTime,
    ScriptedPortAudio,
)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BLOCK_MS, LATENCY_MS = PLAYED_MS, 40
MAC, WINDOWS = "System Settings > Privacy", "Settings > Privacy & security"


@pytest.fixture
def time():
    return DeviceTime()


@pytest.fixture
def system(time):
    return ScriptedPortAudio(time)


def microphone_of(system, **options):
    return Microphone(system.time.clock(), system=system, **options)


def speaker_of(system, **options):
    return Speaker(system.time.clock(), system=system, sleep=system.time.wait, **options)


def numbers(pcm):
    return np.frombuffer(pcm, "<i2").astype(int)


def sine(seconds, rate_hz=RATE_HZ, hz=440, level=8000):
    places = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.rint(level * np.sin(2 * np.pi * hz * places)).astype("<i2").tobytes()


# ------------------------------------------------------------ which device


def test_default_is_chosen():
    assert choose(DEVICES, "microphone") == HEADSET
    assert choose([OUTPUT_ONLY, BUILT_IN], "microphone") == BUILT_IN
    assert choose([BUILT_IN, OUTPUT_ONLY], "loudspeaker", "") == BUILT_IN


@pytest.mark.parametrize("wanted", [1, "1", "built", "BUILT-IN AUDIO", "Audio"])
def test_device_is_chosen_by_number_or_part_of_name(wanted):
    assert choose(DEVICES, "microphone", wanted) == BUILT_IN


def test_whole_name_beats_longer_one():
    longer = [BUILT_IN, type(BUILT_IN)(3, "Built-in Audio 2", "ALSA", 2, 2, 48_000)]

    assert choose(longer, "microphone", "built-in audio") == BUILT_IN


def test_host_of_the_default_beats_others():
    """Windows lists each device once for each of its interfaces."""
    twin = type(HEADSET)(7, HEADSET.name, "WASAPI", 1, 2, 48_000)

    assert choose([twin, HEADSET], "microphone", "headset") == HEADSET


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ("telephone", "no microphone matches 'telephone'"),
        ("u", "several microphones match 'u'"),
        (2, "no microphone matches '2'"),
    ],
)
def test_choice_that_fits_none_or_several_names_all(wanted, error):
    with pytest.raises(DeviceError, match=error) as raised:
        choose(DEVICES, "microphone", wanted)

    assert raised.value.why == "there are: 0 USB Headset; 1 Built-in Audio"
    assert "--input" in raised.value.attempt


@pytest.mark.parametrize(
    ("platform", "fix"),
    [("linux", "apt install"), ("darwin", "System Settings > Sound"), ("win32", "Settings > ")],
)
def test_system_without_devices_says_what_to_do(monkeypatch, platform, fix):
    monkeypatch.setattr(sys, "platform", platform)

    with pytest.raises(DeviceError, match="no microphone was found") as raised:
        choose([OUTPUT_ONLY], "microphone")

    assert fix in raised.value.attempt


def test_devices_are_listed(system):
    assert devices(system) == DEVICES


def test_missing_packages_are_named_with_the_command(monkeypatch):
    def fail():
        raise ImportError("No module named 'pyaudio'; PortAudio library not found")

    monkeypatch.setattr(module, "open_sound_system", fail)
    monkeypatch.setattr(sys, "platform", "linux")

    with pytest.raises(DeviceError, match="no package for sound devices") as raised:
        sound_system()

    assert "PortAudio library not found" in raised.value.why
    assert raised.value.attempt == how_to_install()
    assert how_to_install() == "sudo apt install libportaudio2, then python3 course.py extras"


def test_list_closes_what_it_opened(system, monkeypatch):
    monkeypatch.setattr(module, "open_sound_system", lambda: system)

    assert devices() == DEVICES
    assert system.is_closed


# ------------------------------------------------------------ opening


@pytest.mark.parametrize(
    ("failure", "platform", "what"),
    [
        (PortAudioFailure(-9985, "Device unavailable"), "linux", "close the programs that use it"),
        (PortAudioFailure(-9996, "Invalid device"), "linux", "plug it in"),
        (PortAudioFailure(-9999, "Unanticipated host error"), "win32", WINDOWS),
        (PortAudioFailure(-9986, "Internal PortAudio error"), "darwin", MAC),
    ],
)
def test_device_that_cannot_be_opened_says_what_to_do(time, monkeypatch, failure, platform, what):
    monkeypatch.setattr(sys, "platform", platform)
    system = ScriptedPortAudio(time, failure=failure)

    with pytest.raises(DeviceError, match="'USB Headset' can't be opened") as raised:
        microphone_of(system)

    assert what in raised.value.attempt and "--input" in raised.value.attempt
    assert str(failure.code) in raised.value.why


def test_busy_device_is_asked_once(time):
    system = ScriptedPortAudio(time, failure=PortAudioFailure(-9985, "Device unavailable"))

    with pytest.raises(DeviceError):
        speaker_of(system)

    assert len(system.asked) == 1


def test_device_that_refuses_to_start_ends_in_a_message(time):
    system = ScriptedPortAudio(time, refuses_start=True)

    with pytest.raises(DeviceError, match="the loudspeaker 'USB Headset' can't be opened"):
        speaker_of(system)


async def test_microphone_that_refuses_to_start_ends_the_call(time):
    told = []
    microphone = microphone_of(ScriptedPortAudio(time, refuses_start=True), on_problem=told.append)

    assert [frame async for frame in microphone] == []
    assert told == [microphone.problem]
    assert "can't be opened" in str(microphone.problem)


def test_unusual_choice_is_refused_before_anything_is_opened(system):
    with pytest.raises(DeviceError, match="no microphone matches 'x y'"):
        microphone_of(system, device="x y")

    assert system.asked == []


# ------------------------------------------------------------ the microphone


async def test_frames_are_what_was_heard(system):
    system.heard = tone(0.1) + sine(0.1)
    with microphone_of(system) as microphone:
        frames = await frames_of(microphone, 10)

    assert b"".join(frames) == tone(0.1) + sine(0.1)
    assert {len(frame) for frame in frames} == {2 * FRAME}
    assert microphone.report() == ""
    assert system.inputs[0].is_closed


async def test_device_starts_with_the_first_frame(system, time):
    microphone = microphone_of(system)
    time.wait(3)
    assert not system.inputs[0].is_running

    await frames_of(microphone, 1)
    assert system.inputs[0].is_running


async def test_closed_microphone_ends(system):
    microphone = microphone_of(system)
    await frames_of(microphone, 2)
    microphone.close()

    assert [frame async for frame in microphone] == []
    assert microphone.problem is None


async def test_muted_frames_are_silence_while_the_meter_moves(system):
    system.heard = tone(0.2)
    microphone = microphone_of(system)
    assert (await frames_of(microphone, 1))[0] == tone(0.02)

    microphone.is_muted = True
    assert (await frames_of(microphone, 1))[0] == bytes(2 * FRAME)
    assert microphone.level == pytest.approx(8000 / 32768)


async def test_silence_of_a_whole_call_points_to_the_settings(system, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    microphone = microphone_of(system)
    await frames_of(microphone, 5)

    assert microphone.report().startswith("The microphone 'USB Headset': it recorded nothing")
    assert MAC in microphone.report()


async def test_recording_gets_what_was_sent_when_it_was_recorded(system, time):
    recording = Recording(time.clock())
    microphone = Microphone(time.clock(), recording, system=system)
    system.heard = tone(0.1)
    await frames_of(microphone, 10)

    assert recording.duration_s == pytest.approx(0.2)
    assert [span.end_s for span in recording.spans()] == [pytest.approx(0.1)]
    assert microphone.moment(100) == pytest.approx(1000.1, abs=0.001)


async def test_r17_overflow_is_counted_and_frames_go_on(system):
    """-9981: the computer read too late, and the device threw samples away."""
    system.heard = sine(1)
    microphone = microphone_of(system)
    await frames_of(microphone, 1)
    system.inputs[0].flags = [True, False, True]

    assert len(await frames_of(microphone, 5)) == 5
    assert microphone.overflows == 2
    assert "the computer was too slow 2 times, so sound was lost (-9981)" in microphone.report()
    assert microphone.problem is None


async def test_r17_late_reader_loses_the_oldest_frames_and_nothing_grows(system, time):
    """The connection stalls for a minute: what is kept stays within 5 s."""
    system.heard = sine(61)
    microphone = microphone_of(system)
    await frames_of(microphone, 1)
    time.wait(60)

    assert microphone.dropped_frames == 3000 - MOST_FRAMES
    assert f"{20 * microphone.dropped_frames:,} ms were dropped" in microphone.report()
    kept = await frames_of(microphone, MOST_FRAMES)
    start = 2 * FRAME * (1 + microphone.dropped_frames)
    assert b"".join(kept) == sine(61)[start : start + 2 * FRAME * MOST_FRAMES]


@pytest.mark.parametrize("own_hz", [48_000, 44_100, 16_000, 96_000])
async def test_r18_device_at_its_own_rate_sounds_the_same(time, own_hz):
    """-9997: the device knows one rate only; what comes of it is 24 kHz, without clicks."""
    device = type(HEADSET)(0, "Card", "ALSA", 1, 1, own_hz, True, True)
    others = {RATE_HZ, 48_000, 44_100, 16_000} - {own_hz}
    system = ScriptedPortAudio(time, [device], refused=others)
    system.heard = sine(1, own_hz)
    microphone = microphone_of(system)
    heard = numbers(b"".join(await frames_of(microphone, 40)))

    assert microphone.open_device.rate_hz == own_hz
    assert_sine(heard[480:])


@pytest.mark.parametrize("own_hz", [48_000, 44_100, 16_000])
def test_r18_loudspeaker_at_its_own_rate_sounds_the_same(time, own_hz):
    device = type(HEADSET)(0, "Card", "ALSA", 1, 1, own_hz, True, True)
    others = {RATE_HZ, 48_000, 44_100, 16_000} - {own_hz}
    system = ScriptedPortAudio(time, [device], refused=others)
    speaker = speaker_of(system)
    for start in range(0, 48_000, 4_800):
        speaker.play("a", sine(1)[start : start + 4_800])
    speaker.finish("a")
    time.wait(1.2)
    played = numbers(system.outputs[0].played)
    loud = np.nonzero(played)[0]

    assert_sine(played[loud[0] + own_hz // 50 : loud[-1] - own_hz // 50], own_hz)
    assert (loud[-1] - loud[0]) / own_hz == pytest.approx(1, abs=0.005)
    assert speaker.heard_ms("a") == 1000


def test_r18_stereo_device_gets_both_sides(time):
    system = ScriptedPortAudio(time, refused={1})
    system.heard = np.repeat(numbers(sine(0.1)), 2).astype("<i2").tobytes()
    speaker = speaker_of(system)
    speaker.play("a", sine(0.1))
    speaker.finish("a")
    time.wait(0.3)
    played = numbers(system.outputs[0].played)

    assert system.asked[-1] == (0, RATE_HZ, 2)
    assert (played[::2] == played[1::2]).all() and played.any()


async def test_r18_stereo_microphone_is_mixed(time):
    system = ScriptedPortAudio(time, refused={1})
    both = np.stack([numbers(sine(0.1)), np.zeros(2400, int)], axis=1)
    system.heard = both.astype("<i2").tobytes()
    heard = b"".join(await frames_of(microphone_of(system), 5))

    assert np.abs(numbers(heard) - numbers(sine(0.1)) / 2).max() <= 1


def assert_sine(heard, rate_hz=RATE_HZ, hz=440, level=8000):
    """It's that tone and nothing else: no click, no other frequency above -55 dB."""
    places = np.arange(len(heard)) / rate_hz
    parts = np.stack([np.sin(2 * np.pi * hz * places), np.cos(2 * np.pi * hz * places)], axis=1)
    weights, *_ = np.linalg.lstsq(parts, heard, rcond=None)

    assert np.hypot(*weights) == pytest.approx(level, rel=0.01)
    assert np.abs(heard - parts @ weights).max() < level / 500


@pytest.mark.parametrize("stays_active", [False, True])
async def test_r19_unplugged_microphone_ends_the_call_with_one_message(system, time, stays_active):
    told = []
    system.heard = sine(0.5)
    microphone = microphone_of(system, on_problem=told.append)
    await frames_of(microphone, 5)
    system.inputs[0].unplug(stays_active=stays_active)
    began = time.now

    assert [frame async for frame in microphone] == []
    assert time.now - began < 2.1 if stays_active else time.now - began < 0.2
    assert told == [microphone.problem]
    assert str(microphone.problem).startswith("the microphone 'USB Headset' stopped working")
    assert "plug it in and start again" in microphone.problem.attempt


async def test_r19_microphone_that_never_calls_ends(system, time):
    microphone = microphone_of(system)
    microphone.open_device.start()
    system.inputs[0].unplug(stays_active=True)

    assert [frame async for frame in microphone] == []
    assert microphone.problem


def test_r19_unplugged_loudspeaker_goes_on_by_the_clock(system, time):
    """The sound of the answer goes to the recording, and what counts as heard follows the clock."""
    recording, told = Recording(time.clock()), []
    speaker = Speaker(time.clock(), recording, system=system, on_problem=told.append)
    speaker.play("a", tone(10))
    time.wait(1)
    system.outputs[0].unplug()
    time.wait(3)

    speaker.play("a", tone(0.1))
    assert [str(each) for each in told] == [str(speaker.problem)]
    assert "the call goes on, and the recording has its sound" in str(speaker.problem)
    before = speaker.heard_ms("a")
    time.wait(2)
    assert speaker.heard_ms("a") == before + 2000
    assert speaker.stop() == [("a", before + 2000)]
    assert recording.duration_s == pytest.approx((before + 2000) / 1000, abs=3.1)
    assert len(told) == 1


def test_r19_driver_that_hangs_does_not_hang_the_call(system, time, monkeypatch):
    """A read or a close of a device that is gone may never return."""
    monkeypatch.setattr(module, "CLOSING_S", 0.01)
    gone = threading.Event()
    speaker = speaker_of(system)
    speaker.play("a", tone(1))
    speaker.finish("a")
    time.wait(12 * BLOCK_MS / 1000)
    system.outputs[0].unplug(stays_active=True)
    monkeypatch.setattr(system.outputs[0], "close", gone.wait)
    time.wait(3)

    assert speaker.sounding == "a" and speaker.problem
    assert speaker.ledger.heard_ms("a") == 12 * BLOCK_MS, "nothing was heard since then"
    time.wait(0.6)
    assert speaker.sounding is None, "from here on it goes by the clock"
    gone.set()


def test_device_that_works_is_closed_by_the_thread_that_opened_it(system, monkeypatch):
    """Windows has drivers that know the thread."""
    threads = []
    speaker = speaker_of(system)
    system.time.wait(0.1)
    monkeypatch.setattr(system.outputs[0], "close", lambda: threads.append(get_ident()))
    speaker.close()

    assert threads == [get_ident()]


def test_r19_a_new_list_is_made_by_a_new_system(system, monkeypatch):
    """PortAudio lists devices once, when it starts: what is plugged in later needs a new start."""
    opened = []

    def fresh():
        opened.append(ScriptedPortAudio(system.time, DEVICES[: 1 + len(opened)]))
        return opened[-1]

    monkeypatch.setattr(module, "open_sound_system", fresh)

    assert [len(devices()), len(devices())] == [1, 2]
    assert all(each.is_closed for each in opened)


# ------------------------------------------------------------ the loudspeaker


def played_by(system):
    return numbers(system.outputs[0].played)


def test_sound_comes_out_as_it_went_in(system, time):
    speaker = speaker_of(system)
    speaker.play("a", sine(0.5)[:9_999])
    speaker.play("a", sine(0.5)[9_999:])
    speaker.finish("a")
    time.wait(1)
    played = system.outputs[0].played

    assert sine(0.5) in played
    assert speaker.report() == ""
    assert (speaker.sounding, speaker.stop()) == (None, [])


def test_heard_counts_the_latency_of_the_device(system, time):
    speaker = speaker_of(system)
    speaker.play("a", tone(2))
    time.wait(0.12)
    taken = speaker.ledger.heard_ms("a")
    last_block = time.now

    assert taken == 120
    assert speaker.heard_ms("a") == taken - LATENCY_MS - BLOCK_MS
    time.wait(0.019)
    assert speaker.heard_ms("a") == taken - LATENCY_MS - BLOCK_MS + 19
    assert last_block + LATENCY_S == pytest.approx(1000 + 0.12 + LATENCY_S)


def test_stop_is_silent_within_one_block_and_counts_what_was_taken(system, time):
    speaker = speaker_of(system)
    speaker.play("a", tone(5))
    speaker.play("b", tone(1))
    time.wait(1.003)
    [(item, ms), (other, nothing)] = speaker.stop()
    before = len(played_by(system))
    time.wait(1)

    loud = np.nonzero(played_by(system))[0]
    assert (item, ms, other, nothing) == ("a", round(len(loud) * 1000 / RATE_HZ) - 2, "b", 0)
    assert loud[-1] < before + FADE
    assert not speaker.play("a", tone(1)), "what comes late of it is refused"


@settings(deadline=None)
@given(st.integers(1, 400), st.lists(st.integers(1, 120), min_size=1, max_size=6))
def test_what_stop_returns_is_what_was_played(after_ms, pieces_ms):
    """Whatever comes when: the ms that are returned are those that reached the device."""
    time = DeviceTime()
    system = ScriptedPortAudio(time)
    speaker = speaker_of(system)
    for ms in pieces_ms:
        speaker.play("a", b"\x10\x27" * 24 * ms)
        time.wait(0.007)
    time.wait(after_ms / 1000)
    [(item, ms)] = speaker.stop()
    time.wait(0.5)

    assert ms == np.count_nonzero(played_by(system) == 10_000) * 1000 // RATE_HZ
    assert item == "a"


def test_cut_does_not_click(system, time):
    speaker = speaker_of(system)
    speaker.play("a", sine(5, hz=50))
    time.wait(1)
    speaker.stop()
    time.wait(1)

    steps = np.abs(np.diff(played_by(system)))
    assert steps.max() < 8000 / FADE + 8000 * 2 * np.pi * 50 / RATE_HZ + 2


def test_r20_gap_is_silence_that_counts_as_heard_in_no_item(system, time):
    """Deltas of 200 ms that come 400 ms apart."""
    speaker = speaker_of(system)
    for _ in range(4):
        speaker.play("a", b"\x10\x27" * 4_800)
        time.wait(0.4)
        assert speaker.ledger.heard_ms("a") == np.count_nonzero(played_by(system) == 10_000) // 24

    assert speaker.ledger.heard_ms("a") == 800
    assert speaker.underruns == 3
    assert speaker.report().startswith("The loudspeaker 'USB Headset': the network was too slow 3")


def test_r20_small_gaps_are_filled_by_the_jitter_buffer(system, time):
    """Deltas of 100 ms that come up to 80 ms too late: they are heard as one."""
    speaker = speaker_of(system)
    waits = [0.1, 0.1, 0.06, 0.14, 0.1, 0.02, 0.1, 0.18]
    for wait in waits:
        speaker.play("a", b"\x10\x27" * 2_400)
        time.wait(wait)
    speaker.finish("a")
    time.wait(0.5)

    loud = np.nonzero(played_by(system) == 10_000)[0]
    assert len(loud) == loud[-1] - loud[0] + 1 == 8 * 2_400
    assert speaker.underruns == 0


def test_short_answer_does_not_wait_for_more(system, time):
    speaker = speaker_of(system)
    speaker.play("a", tone(0.05))
    speaker.finish("a")
    time.wait(BLOCK_MS / 1000)

    assert speaker.ledger.heard_ms("a") == BLOCK_MS


def test_end_that_is_announced_late_is_no_gap(system, time):
    speaker = speaker_of(system)
    speaker.play("a", tone(0.2))
    time.wait(1)
    speaker.finish("a")
    speaker.play("b", tone(0.2))
    time.wait(1)

    assert speaker.underruns == 0


def test_underflow_of_the_device_is_counted(system, time):
    speaker = speaker_of(system)
    system.outputs[0].flags = [True]
    time.wait(0.1)
    assert speaker.report() == "", "there was nothing to play yet"

    speaker.play("a", tone(1))
    time.wait(0.1)
    system.outputs[0].flags = [True]
    time.wait(0.1)
    assert speaker.report().endswith("the computer was too slow once (-9980).")


def test_queue_is_bounded(system):
    speaker = speaker_of(system)
    minute = bytes(2 * RATE_HZ * 60)
    taken = [speaker.play("a", minute) for _ in range(12)]

    assert taken == [True] * 11 + [False]
    assert "its queue was full once" in speaker.report()


async def test_silent_waits_until_the_device_has_played_it(system, time):
    speaker = speaker_of(system)
    speaker.play("a", tone(0.3))
    speaker.finish("a")
    began = time.now
    await speaker.silent()

    assert time.now - began == pytest.approx(0.3 + BLOCK_MS / 1000 + LATENCY_S, abs=0.04)
    assert speaker.sounding is None


def test_closing_plays_what_the_device_holds(system, time):
    speaker = speaker_of(system)
    speaker.play("a", tone(0.5))
    time.wait(0.3)
    at = time.now
    speaker.close()

    assert time.now - at >= LATENCY_S + 0.1, "100 ms of silence come after it"
    assert system.outputs[0].is_closed
    assert speaker.ledger.heard_ms("a") == np.count_nonzero(played_by(system)) // 24 - 1
    speaker.close()


def test_closing_a_loudspeaker_that_played_nothing_takes_no_time(system, time):
    with speaker_of(system):
        began = time.now
    assert time.now == began


def test_device_has_sounded_until_its_echo_is_over(system, time):
    speaker = speaker_of(system)
    assert not speaker.has_sounded(0.3)
    speaker.play("a", tone(0.2))
    speaker.finish("a")
    time.wait(0.1)
    assert speaker.has_sounded(0.3)
    time.wait(0.2 + LATENCY_S)
    assert speaker.has_sounded(0.3), "its echo lasts"
    time.wait(0.3)
    assert not speaker.has_sounded(0.3)


def test_recording_has_the_answer_when_it_was_heard(system, time):
    recording = Recording(time.clock())
    recording.put("caller", round(time.now * RATE_HZ), bytes(2))
    speaker = Speaker(time.clock(), recording, system=system)
    speaker.play("a", tone(0.3))
    speaker.finish("a")
    time.wait(1)

    [span] = recording.spans()
    assert span.start_s == pytest.approx(BLOCK_MS / 1000 + LATENCY_S, abs=0.021)
    assert span.end_s - span.start_s == pytest.approx(0.3, abs=0.021)
    assert speaker.moment("a") == pytest.approx(time.now - 1 + span.start_s, abs=0.021)


def test_device_clock_that_runs_fast_keeps_the_count_right(system, time):
    """A card of 24,024 Hz, one per mille too fast: its blocks come earlier and earlier."""
    speaker = speaker_of(system)
    speaker.play("a", tone(60))
    stream = system.outputs[0]
    for _ in range(2_000):
        time.wait(0.02 * 0.999)
        stream.due = time.now + 0.02 * 0.999

    assert speaker.heard_ms("a") == pytest.approx((time.now - 1000 - LATENCY_S) * 1000, rel=0.003)


# ------------------------------------------------------------ a call


async def test_minute_of_a_call_has_no_gap_and_bounded_memory(time):
    """Lesson 3's own loops, both devices, and a server that sends faster than it is heard."""
    system = ScriptedPortAudio(time)
    microphone, speaker = microphone_of(system), speaker_of(system)
    sent = 0
    async for _ in microphone:
        sent += 1
        if sent % 500 == 1:  # an answer of 8 s every 10 s
            for second in [tone(1)] * 8:
                speaker.play(f"item_{sent}", second)
            speaker.finish(f"item_{sent}")
        if sent == 3_000:
            microphone.close()

    assert sent == 3_000
    assert np.count_nonzero(played_by(system)) == pytest.approx(6 * 8 * RATE_HZ, abs=6 * FADE)
    assert speaker.ledger.waiting == 0 and len(microphone._frames) == 0
    assert microphone.report().startswith("The microphone 'USB Headset': it recorded nothing")
    assert (speaker.report(), speaker.underruns, speaker.underflows) == ("", 0, 0)


async def test_lesson_holds_a_call_with_devices(time, monkeypatch):
    """The caller interrupts: the lesson sends what the device has played, to the millisecond."""
    lesson = lessons.load(lessons.LESSON_3)
    system = ScriptedPortAudio(time)
    microphone, speaker = microphone_of(system), speaker_of(system)

    def script(server):
        server.say(CREATED)
        server.hear("session.update")
        server.say(delta(3_000))
        while len(server.sound) < 2 * FRAME * 50:
            server.hear("input_audio_buffer.append")
        server.say(STARTED)
        server.hear("conversation.item.truncate")
        server.hang_up()

    with Server(script) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "offline")
        call = lesson.interrupt(microphone, speaker, MODEL, TRANSCRIBER, lambda event: None)
        with pytest.raises(EOFError):
            async with asyncio.timeout(20):
                await call
        time.wait(0.5)

    [truncation] = [each for each in server.heard if each["type"].endswith("truncate")]
    loud = np.count_nonzero(played_by(system))
    assert truncation["audio_end_ms"] == pytest.approx(loud * 1000 / RATE_HZ, abs=3)
    assert truncation["audio_end_ms"] > 0
