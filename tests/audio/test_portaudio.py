"""PortAudio in earnest, by both of its packages: on a sound server without hardware.

These are the only tests that wait for real time, because a device can't be hurried. They are
skipped where there is no PulseAudio; `.ci/run` installs it.
"""

import asyncio
import os
import subprocess
import sys
import threading
import types
from base64 import b64decode

from audio import portaudio
from audio.call_clock import CallClock
from audio.devices import DeviceError, Microphone, Speaker, devices
from audio.playback import FRAME, RATE_HZ
from audio.portaudio import (
    PortAudioFailure,
    PyAudioSystem,
    SounddeviceSystem,
    open_sound_system,
)
from audio.sound_check import check_sound
from audio.wav import read_wav
from tests.support import lessons
from tests.support.scripted_calls import MODEL, TRANSCRIBER

import numpy as np
import pytest

LESSON = lessons.load(lessons.LESSON_3)
CALLERS = lessons.COURSE / "data" / "callers"
PACKAGES = {"pyaudio": PyAudioSystem, "sounddevice": SounddeviceSystem}


@pytest.fixture(params=PACKAGES)
def system(request, sound_server):
    """PortAudio by one of its packages, on a server without hardware."""
    sound_server.listen_to("mic")
    try:
        opened = PACKAGES[request.param]()
    except (ImportError, OSError) as error:
        pytest.skip(f"{request.param} can't be used: {error}")
    yield opened
    opened.close()
    sound_server.until_said()


def numbers(pcm):
    return np.frombuffer(pcm, "<i2").astype(int)


def sine(seconds, hz=440):
    places = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.rint(8000 * np.sin(2 * np.pi * hz * places + 0.5)).astype("<i2").tobytes()


def item_ids(events):
    return [event.item_id for event in events if event.type == "response.output_audio.delta"]


def sound_of(events, item_id):
    """All sound of an item that has come."""
    deltas = [event for event in events if event.type == "response.output_audio.delta"]
    return b"".join(b64decode(each.delta) for each in deltas if each.item_id == item_id)


def frequency(pcm):
    spectrum = np.abs(np.fft.rfft(numbers(pcm)))
    return np.argmax(spectrum) * RATE_HZ / len(numbers(pcm))


# ------------------------------------------------------------ devices that are there


def test_devices_of_the_server_are_listed(system):
    listed = devices(system)

    assert {"pulse", "default"} <= {each.name for each in listed}
    assert [each.name for each in listed if each.is_default_input] == ["default"]
    assert [each.name for each in listed if each.is_default_output] == ["default"]
    assert all(each.inputs and each.outputs and each.host == "ALSA" for each in listed)


async def test_tone_is_played_to_its_last_sample(system, sound_server):
    """Closing a device cuts what it holds, unless silence follows."""
    with sound_server.recorded() as recording:
        with Speaker(CallClock(), system=system) as speaker:
            speaker.play("a", sine(1))
            speaker.finish("a")
            await speaker.silent()

    played = numbers(recording.pcm)
    loud = np.nonzero(played)[0]
    assert sine(1) in recording.pcm or speaker.underflows, "what is missing was counted"
    assert loud[-1] - loud[0] == pytest.approx(RATE_HZ, abs=100 + 1200 * speaker.underflows)
    assert speaker.heard_ms("a") == 1000
    assert speaker.underruns == 0


async def test_microphone_hears_what_is_said_to_it(system, sound_server):
    sound_server.say(sine(1, 1000))
    with Microphone(CallClock(), system=system) as microphone:
        frames = [await anext(microphone) for _ in range(75)]

    heard = b"".join(frames)
    loud = np.nonzero(np.abs(numbers(heard)) > 1000)[0]
    assert len(loud) > RATE_HZ // 10
    assert frequency(heard[2 * loud[0] : 2 * loud[-1]]) == pytest.approx(1000, abs=20)
    assert microphone.problem is None and not microphone.is_silent


async def test_round_trip_is_short(system, sound_server):
    """The loudspeaker is heard by the microphone."""
    sound_server.listen_to("speaker")
    clock = CallClock()
    check = await check_sound(
        clock, Microphone(clock, system=system), Speaker(clock, system=system)
    )

    assert 20 < check.round_trip_ms < 1000
    assert (check.input_hz, check.output_hz) == (RATE_HZ, RATE_HZ)
    assert check.level_dbfs == pytest.approx(-15.2, abs=1) or check.reports


async def test_interruption_silences_the_sink_and_counts_what_was_heard(system, sound_server):
    """The done-when in short; benchmarks/sound_devices.py measures 50 of them."""
    with sound_server.recorded() as recording:
        with Speaker(CallClock(), system=system) as speaker:
            for number in range(3):
                speaker.play(f"item_{number}", sine(3))
                await asyncio.sleep(0.5 + number / 100)
                [(_, ms)] = speaker.stop()
                before = recording.size
                await asyncio.sleep(0.5)
                since = np.nonzero(numbers(recording.pcm)[before:])[0]
                assert len(since) == 0 or since[-1] < RATE_HZ * 0.4
                assert ms > 200

    heard_ms = np.count_nonzero(numbers(recording.pcm)) * 1000 / RATE_HZ
    assert sum(cut.audio_end_ms for cut in speaker.cuts.values()) == pytest.approx(heard_ms, abs=40)


async def test_call_of_the_lesson_by_microphone_and_loudspeaker(
    system, sound_server, start, monkeypatch
):
    """A caller asks, then interrupts the answer; all of it by real devices."""
    pytest.importorskip("moonshine_voice", reason="recognises speech")
    pytest.importorskip("espeakng_loader", reason="speaks")
    monkeypatch.setenv("OPENAI_BASE_URL", start().base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "offline")
    clock = CallClock()
    events = []

    async def interrupt_answer():
        while speaker.ledger.sounding is None or speaker.heard_ms(speaker.ledger.sounding) < 900:
            await asyncio.sleep(0.02)
        sound_server.say(read_wav(CALLERS / "cut-in-price.wav"))

    def show(event):
        events.append(event)
        if event.type == "session.updated":
            sound_server.say(read_wav(CALLERS / "ask-programme.wav"))
        if event.type == "conversation.item.truncated":
            asyncio.get_running_loop().call_later(0.5, microphone.close)

    with (
        sound_server.recorded() as recording,
        Microphone(clock, system=system) as microphone,
        Speaker(clock, system=system) as speaker,
    ):
        async with asyncio.timeout(40):
            call = LESSON.interrupt(microphone, speaker, MODEL, TRANSCRIBER, show)
            await asyncio.gather(call, interrupt_answer())

    kinds = [event.type for event in events]
    assert kinds.count("input_audio_buffer.speech_started") >= 2
    assert "conversation.item.truncated" in kinds
    [cut] = [each for each in speaker.cuts.values() if each.received]
    assert cut.audio_end_ms >= 900
    # A gap where this computer is too busy delays sound, but loses none.
    heard = b"".join(
        sound_of(events, item_id)[: 48 * speaker.ledger.heard_ms(item_id)]
        for item_id in dict.fromkeys(item_ids(events))
    )
    sounds, played = (np.count_nonzero(numbers(pcm)) for pcm in (heard, recording.pcm))
    assert played * 1000 / RATE_HZ == pytest.approx(sounds * 1000 / RATE_HZ, abs=40)
    assert (microphone.dropped_frames, microphone.problem, speaker.problem) == (0, None, None)


def test_number_that_is_no_device_is_refused(system):
    with pytest.raises(DeviceError, match="no loudspeaker matches '99'"):
        Speaker(CallClock(), system=system, device=99)


def test_form_that_no_device_has_is_refused_with_portaudios_code(system):
    default = next(each for each in system.devices() if each.is_default_output)
    with pytest.raises(PortAudioFailure) as raised:
        system.open_output(default, RATE_HZ, 4_000, lambda *_: b"")

    assert raised.value.code in (-9998, -9999)


# ------------------------------------------------------------ devices that are not there

NO_DEVICES = """
from audio.devices import DeviceError, devices
from audio.portaudio import {system}
try:
    system = {system}()
except (ImportError, OSError) as error:
    print("no package")
else:
    print(devices(system))
    system.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA and JACK are of Linux")
@pytest.mark.parametrize("system", ["PyAudioSystem", "SounddeviceSystem"])
def test_libraries_print_nothing_where_there_is_no_device(system, tmp_path):
    """ALSA and JACK print 80 lines to the file descriptor; none of them is shown."""
    env = os.environ | {"HOME": str(tmp_path), "PULSE_SERVER": f"unix:{tmp_path}/none"}
    env.pop("ALSA_CONFIG_PATH", None)
    command = [sys.executable, "-c", NO_DEVICES.format(system=system)]
    done = subprocess.run(command, env=env, cwd=lessons.COURSE, capture_output=True, text=True)

    assert done.stderr == ""
    assert done.stdout == "no package\n" or done.stdout.startswith("[")


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA is of Linux")
def test_alsa_keeps_quiet_in_the_middle_of_a_call(tmp_path):
    """It prints `underrun occurred` from a stream's thread, where nothing can be redirected."""
    program = "import ctypes\nfrom audio.portaudio import quiet_alsa\nquiet_alsa()\n"
    program += "pcm = ctypes.c_void_p()\nalsa = ctypes.CDLL('libasound.so.2')\n"
    program += "print(alsa.snd_pcm_open(ctypes.byref(pcm), b'nothing', 0, 0) < 0)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=lessons.COURSE, capture_output=True, text=True
    )
    if "libasound.so.2: cannot open" in done.stderr:
        pytest.skip("no ALSA")

    assert (done.stdout, done.stderr) == ("True\n", "")


def test_first_package_that_works_is_used():
    def missing():
        raise ImportError("No module named 'pyaudio'")

    def broken():
        raise OSError("PortAudio library not found")

    assert open_sound_system((missing, lambda: "the second")) == "the second"
    with pytest.raises(ImportError, match="'pyaudio'; PortAudio library not found"):
        open_sound_system((missing, broken))


@pytest.mark.parametrize(
    "error",
    [
        OSError(-9985, "Device unavailable"),  # as PyAudio raises it
        RuntimeError("Error opening RawInputStream: Device unavailable [PaErrorCode -9985]", -9985),
    ],
)
def test_codes_of_both_packages_are_read(error):
    failure = portaudio._failure(error)

    assert failure.code == -9985
    assert "Device unavailable" in str(failure)


def test_error_without_a_code_counts_as_one_of_the_system():
    assert portaudio._failure(ValueError("Invalid output channels")).code == -9999


@pytest.mark.parametrize(
    ("told", "used"), [(0.03, 0.03), (0.0, 0.04), (-5.0, 0.04), (86_400.0, 0.04)]
)
def test_delay_that_makes_no_sense_is_not_used(told, used):
    """Some drivers leave the times of a block at 0, others count from another zero."""
    assert portaudio._plausible(told, 0.04) == used


def test_sounddevice_is_started_anew_for_a_new_list(monkeypatch):
    """Without that, a headset that was plugged in later is never seen; but not during a call."""
    started = []
    module = types.SimpleNamespace(
        _terminate=lambda: started.append("ended"), _initialize=lambda: started.append("began")
    )
    monkeypatch.setattr(portaudio, "import_module", lambda name: module)
    first = SounddeviceSystem()
    second = SounddeviceSystem()
    assert started == ["ended", "began"]

    first.close()
    second.close()
    SounddeviceSystem().close()
    assert started == ["ended", "began"] * 2


@pytest.mark.parametrize("error", [None, PermissionError("only root may")])
def test_thread_of_a_device_is_hurried_once_where_that_is_allowed(monkeypatch, error):
    asked = []

    def set_priority(kind, thread, niceness):
        asked.append((thread, niceness))
        if error:
            raise error

    monkeypatch.setattr(os, "setpriority", set_priority, raising=False)
    monkeypatch.setattr(os, "PRIO_PROCESS", 0, raising=False)
    callback = portaudio._hurried(lambda *blocks: blocks)

    assert [callback(1, 2), callback(3, 4)] == [(1, 2), (3, 4)]
    assert asked == [(threading.get_native_id(), -11)]


def test_frame_and_block_are_as_long():
    assert FRAME * 1000 == portaudio.FRAME_MS * RATE_HZ
