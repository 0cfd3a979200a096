"""The examples that talk by microphone and loudspeaker, on a sound server without hardware."""

import select
import signal

from audio.playback import RATE_HZ
from audio.portaudio import SounddeviceSystem
from emulator.server import Emulator
from tests.support.cassettes import recorder
from tests.support.example_runs import start_example
from tests.support.interrupts import can_interrupt
from tests.support.pulse import pulse
from tests.support.realtime_clients import clip

import numpy as np
import pytest

PUSH, CALL = "realtime/push_to_talk.py", "realtime/phone_call.py"
CAPTIONS = "audio/captions.py"
TAIL = bytes(2 * RATE_HZ)


@pytest.fixture(scope="module")
def sound_server():
    """A sound server; skips without one, without sounddevice, and without speech recognition."""
    pytest.importorskip("moonshine_voice", reason="recognises speech")
    pytest.importorskip("espeakng_loader", reason="speaks")
    with pulse() as server:
        try:
            SounddeviceSystem().close()
        except (ImportError, OSError) as error:
            pytest.skip(f"sounddevice can't be used: {error}")
        yield server


@pytest.fixture
def paced():
    """An emulator that keeps the time of a real server: the answer is still heard when it's cut."""
    with Emulator(pace=1.0) as emulator:
        yield emulator


def until(stream, text):
    """What a program prints, up to this text."""
    read = ""
    while text not in read:
        letter = stream.read(1)
        assert letter, f"it ended after {read!r}"
        read += letter
    return read


def loud_s(recording):
    """Seconds of the recording in which something was heard."""
    return np.count_nonzero(np.frombuffer(recording.pcm, "<i2")) / RATE_HZ


def ours(err):
    """What is printed, without the lines of ALSA and PortAudio: the computer may be too busy."""
    theirs = ("ALSA lib", "Expression '")
    return "".join(line for line in err.splitlines(True) if not line.startswith(theirs))


def start(name, base_url, server):
    # Not forked: the library of the devices has to be loaded by the program itself.
    return start_example(name, base_url=base_url, is_forked=False, variables=server.variables)


def press_enter(program):
    program.stdin.write("\n")
    program.stdin.flush()


def test_push_to_talk_sends_what_was_said_and_plays_the_answer(emulator, sound_server):
    with sound_server.recorded() as recording:
        with start(PUSH, emulator.base_url, sound_server) as program:
            until(program.stdout, "Enter to speak: ")
            press_enter(program)
            until(program.stdout, "Enter to send: ")
            sound_server.say(clip("ask-closed"))
            sound_server.until_said()
            press_enter(program)
            answer = until(program.stdout, "Enter to speak: ")
            recording.until(lambda pcm: loud_s(recording) > 0.5)
            _, err = program.communicate(timeout=30)  # the end of the input leaves

    assert "closed" in answer
    assert (program.returncode, ours(err)) == (130, "")


def test_push_to_talk_asks_again_after_two_quick_enters(emulator, sound_server):
    with start(PUSH, emulator.base_url, sound_server) as program:
        out, err = program.communicate("\n\n", timeout=30)

    assert out.count("Speak, then press Enter to send: ") == 2
    assert (program.returncode, ours(err)) == (130, "")


@can_interrupt
def test_phone_call_is_interrupted_and_hung_up(paced, sound_server, cassette_path):
    with recorder(cassette_path, paced.base_url) as base_url, sound_server.recorded() as recording:
        with start(CALL, base_url, sound_server) as program:
            until(program.stdout, "Speak.\n")
            sound_server.say(clip("ask-programme") + TAIL)
            recording.until(lambda pcm: loud_s(recording) > 1.5, timeout_s=30)
            sound_server.say(clip("cut-in-price") + TAIL)
            answer = until(program.stdout, "euro")
            program.send_signal(signal.SIGINT)
            _, err = program.communicate(timeout=30)
    frames = cassette_path.read_text()

    assert "conversation.item.truncate" in frames
    assert "conversation.item.truncated" in frames, "the server accepted it"
    assert answer
    assert (program.returncode, ours(err)) == (130, "")


@can_interrupt
def test_captions_of_a_microphone_end_without_a_traceback(emulator, sound_server):
    arguments = {"base_url": emulator.base_url, "variables": sound_server.variables}
    with start_example(CAPTIONS, "--microphone", is_forked=False, **arguments) as program:
        # What is said before the program listens is lost.
        for _ in range(10):
            sound_server.say(clip("ask-closed") + TAIL)
            sound_server.until_said()
            if select.select([program.stdout], [], [], 0)[0]:
                break
        program.send_signal(signal.SIGINT)
        said, err = program.communicate(timeout=30)

    assert said.strip()
    assert (program.returncode, ours(err)) == (130, "")


@pytest.mark.parametrize("name", [PUSH, CALL])
def test_missing_package_is_one_sentence(name, emulator, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    path = {"PYTHONPATH": str(tmp_path)}
    with start_example(name, base_url=emulator.base_url, variables=path, is_forked=False) as it:
        _, err = it.communicate(timeout=30)

    assert it.returncode == 1
    assert err.startswith("error: PortAudio library not found; try: pip install sounddevice")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "arguments", "fix"),
    [
        (PUSH, [], "; connect a microphone and a loudspeaker (python3 -m sounddevice lists them)"),
        (CALL, [], "; connect a microphone and a loudspeaker (python3 -m sounddevice lists them)"),
        (CAPTIONS, ["--microphone"], "; connect a microphone, or pip install sounddevice"),
    ],
)
def test_missing_device_is_one_sentence(name, arguments, fix, emulator, sound_server, tmp_path):
    nowhere = {"PULSE_SERVER": f"unix:{tmp_path}/none"}
    variables = sound_server.variables | nowhere
    with start_example(
        name, *arguments, base_url=emulator.base_url, variables=variables, is_forked=False
    ) as it:
        _, err = it.communicate("\n\n", timeout=30)

    assert it.returncode == 1
    assert err.splitlines()[-1].startswith("error: ")
    assert err.splitlines()[-1].endswith(fix)
