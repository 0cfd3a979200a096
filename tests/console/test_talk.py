"""A call of the learner's: what is sent, what is shown, and what happens without a device."""

import asyncio
import io
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

from audio.devices import DeviceError
from audio.wav import write_wav
from common.settings import CourseError
from console import talk
from console.terminal import Terminal
from tests.support.call_sound import sides, tone
from tests.support.scripted_devices import HEADSET, OUTPUT_ONLY, DeviceTime, ScriptedPortAudio

import pytest

MODELS = ("gpt-realtime-2.1-mini", "gpt-transcribe")


class Event(SimpleNamespace):
    """An event of the server, with any field that is asked for."""

    def __getattr__(self, name):
        return None


@pytest.fixture
def time():
    return DeviceTime()


@pytest.fixture
def devices(time):
    return ScriptedPortAudio(time)


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture
def lesson(screen, tmp_path):
    options = SimpleNamespace(
        part="talk", replay=None, push_to_talk=False, speakers=False, input=None, output=None
    )
    options.calls = tmp_path / "calls"
    return SimpleNamespace(
        options=options,
        terminal=Terminal(screen),
        model=MODELS[0],
        settings=SimpleNamespace(transcribe_model=MODELS[1]),
        run=asyncio.run,
    )


def hold(lesson, devices, time, call):
    talk.hold_own_call(lesson, call, devices, time.clock())


def scripted(frames, *events, played=b"", sent=None):
    """A call in which these events come after so many frames; then it ends."""

    async def call(microphone, speaker, model, transcriber, show):
        assert (model, transcriber) == MODELS
        show(Event(type="session.created"))
        count = 0
        async for frame in microphone:
            if sent is not None:
                sent.append(frame)
            count += 1
            if count == frames:
                for event in events:
                    show(event)
                if played:
                    speaker.play("item_a", played)
                    speaker.finish("item_a")
            if count == 2 * frames:
                return

    return call


def test_call_is_shown_and_kept(lesson, devices, time, screen, tmp_path):
    devices.heard = tone(1)
    asked = [
        Event(type="input_audio_buffer.speech_started", item_id="item_u", audio_start_ms=0),
        Event(type="input_audio_buffer.speech_stopped", item_id="item_u"),
        Event(
            type="conversation.item.input_audio_transcription.completed",
            item_id="item_u",
            transcript="May I bring my dog?",
        ),
        Event(
            type="response.output_audio_transcript.delta",
            item_id="item_a",
            delta="In the garden.",
        ),
    ]

    hold(lesson, devices, time, scripted(100, *asked, played=tone(0.5)))

    shown = screen.getvalue()
    assert "Microphone: USB Headset. Loudspeaker: USB Headset." in shown
    assert "caller     May I bring my dog?" in shown
    assert "assistant  In the garden." in shown
    assert shown.count("In the garden.") == 1
    left, right = sides(tmp_path / "calls" / "talk.wav")
    assert max(left) == 8000 and max(right) == 8000


def test_ctrl_c_hangs_up_and_keeps_the_sound(lesson, devices, time, screen, tmp_path):
    async def call(microphone, *_):
        async for _frame in microphone:
            if time.now > 1002:
                raise KeyboardInterrupt

    devices.heard = tone(1)
    hold(lesson, devices, time, call)

    assert (tmp_path / "calls" / "talk.wav").is_file()
    assert all(stream.is_closed for stream in [*devices.inputs, *devices.outputs])


def test_devices_are_closed_before_the_call_is_saved(lesson, devices, time, monkeypatch):
    """A device that still plays would go on adding to the recording."""
    states = []

    def save(recording, path):
        states.append([each.is_closed for each in (*devices.inputs, *devices.outputs)])

    monkeypatch.setattr("audio.call_recording.Recording.save", save)
    devices.heard = tone(1)
    hold(lesson, devices, time, scripted(50, played=tone(5)))

    assert states == [[True, True]]


def test_failure_keeps_the_sound_too(lesson, devices, time, tmp_path):
    async def call(microphone, *_):
        async for _frame in microphone:
            raise EOFError("the connection was closed in the middle of the call")

    with pytest.raises(EOFError):
        hold(lesson, devices, time, call)

    assert (tmp_path / "calls" / "talk.wav").is_file()


def test_half_duplex_sends_silence_while_the_assistant_speaks(lesson, devices, time, screen):
    lesson.options.speakers = True
    devices.heard, sent = tone(5), []

    hold(lesson, devices, time, scripted(100, played=tone(1), sent=sent))

    assert "can't interrupt it" in " ".join(screen.getvalue().replace("|", " ").split())
    is_silent = [not any(frame) for frame in sent]
    assert not any(is_silent[:100]) and any(is_silent[100:])


def test_without_a_loudspeaker_the_call_goes_on(lesson, time, screen, tmp_path):
    webcam = ScriptedPortAudio(time, [replace(HEADSET, name="Webcam", outputs=0)])

    hold(lesson, webcam, time, scripted(50, played=tone(0.5)))

    assert "no loudspeaker was found" in screen.getvalue()
    _, right = sides(tmp_path / "calls" / "talk.wav")
    assert max(right) == 8000


def test_without_a_microphone_it_says_what_to_do(lesson, time):
    with pytest.raises(DeviceError, match="no microphone was found"):
        hold(lesson, ScriptedPortAudio(time, [OUTPUT_ONLY]), time, scripted(1))


def test_microphone_that_is_pulled_out_ends_the_call(lesson, devices, time, screen):
    async def call(microphone, *_):
        count = 0
        async for _frame in microphone:
            count += 1
            if count == 50:
                devices.inputs[0].unplug()

    hold(lesson, devices, time, call)

    assert "stopped working" in " ".join(screen.getvalue().split())


def test_tour_only_says_how_to_talk(lesson, devices, time, screen):
    lesson.options.part = None

    hold(lesson, devices, time, scripted(1))

    assert "3 talk" in screen.getvalue()
    assert devices.asked == []


def test_own_call_cannot_be_replayed(lesson, devices, time):
    lesson.options.replay = "a.jsonl"

    with pytest.raises(CourseError, match="can't be replayed"):
        hold(lesson, devices, time, scripted(1))


def test_push_to_talk_sends_silence_until_the_key_is_down(lesson, devices, time):
    with ExitStack() as stack:
        own = talk.OwnCall(lesson, stack, devices, time.clock())
        own.key = SimpleNamespace(is_down=lambda: time.now > 1001)
        devices.heard = tone(3)

        async def listen():
            frames = own.frames()
            return [any(await anext(frames)) for _ in range(100)]

        heard = asyncio.run(listen())

    assert not any(heard[:40]) and all(heard[60:])


@pytest.mark.parametrize(
    ("level", "bars"), [(0, 0), (1, 10), (0.1, 6), (0.003, 0), (1e-9, 0), (0.0316, 4)]
)
def test_meter_is_logarithmic(level, bars):
    assert talk.meter(level) == "#" * bars + "." * (10 - bars)


def test_status_shows_the_newest_words(lesson, devices, time):
    with ExitStack() as stack:
        own = talk.OwnCall(lesson, stack, devices, time.clock())
        own.notes.words["assistant"] = "word " * 40 + "last"

        lines = own.status().splitlines()

    assert lines[1].endswith("word last") and len(lines[1]) < 79
    assert lines[0].startswith("you")


def test_devices_are_listed(devices, screen):
    talk.show_devices(Terminal(screen), devices)

    shown = screen.getvalue()
    assert "USB Headset" in shown and "HDMI Output" in shown
    assert "own rate" in shown
    assert "3 talk --input 0 --output 0" in shown


def test_no_devices_are_listed_in_a_sentence(time, screen):
    talk.show_devices(Terminal(screen), ScriptedPortAudio(time, []))

    assert "No sound device was found." in screen.getvalue()


def test_file_is_played(lesson, devices, time, tmp_path):
    file = tmp_path / "answer.wav"
    write_wav(file, tone(0.5))

    talk.play(lesson, file, devices, time.clock())

    assert tone(0.5)[:9600] in devices.outputs[0].played


def test_without_a_loudspeaker_a_file_is_not_played(lesson, time, screen, tmp_path):
    file = tmp_path / "answer.wav"
    write_wav(file, tone(0.5))

    talk.play(lesson, file, ScriptedPortAudio(time, []), time.clock())

    assert "can't be played" in screen.getvalue()
