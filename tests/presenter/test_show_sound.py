"""The sound of the show: it starts, stops and goes on with the run of a part."""

import wave

from audio.devices import Speaker
from presenter.course_show import SOUND_HZ, load_show, place_of
from presenter.show_player import ShowPlayer, Stage
from presenter.show_sound import ShowSound, open_sound, samples_of
from tests.support.scripted_devices import DeviceTime, ScriptedPortAudio

import pytest

SHOW = load_show(["3"])
HEARD = [part for part in SHOW if part.sound]


class NotedSpeaker:
    """Notes how many seconds it was given, and when it was stopped."""

    def __init__(self):
        self.notes = []

    def play(self, item_id, pcm):
        self.notes.append(round(len(pcm) / 48_000, 2))
        return True

    def finish(self, item_id):
        pass

    def stop(self):
        self.notes.append("stop")


class Hall:
    """A player with a loudspeaker, and a clock for both."""

    def __init__(self, name, speaker=None):
        self.now, self.speaker = 0.0, speaker or NotedSpeaker()
        self.sound = ShowSound(self.speaker)
        place = place_of(SHOW, name)
        self.player = ShowPlayer(SHOW, lambda: self.now, None, place=place, has_sound=True)

    def press(self, *keys):
        for key in keys:
            self.player.press(key)
        self.wait(0)

    def wait(self, seconds):
        self.now += seconds
        self.player.tick()
        self.sound.follow(self.player)

    @property
    def left(self):
        """How many seconds of sound there are after this moment."""
        part = self.player.part
        gone = self.player.seconds - part.sound.at
        return round(len(samples_of(part.sound.file)) / 48_000 - gone, 1)


def test_calls_can_be_heard():
    assert [part.part.name for part in HEARD] == ["voice", "interrupt", "tool"]
    for part in HEARD:
        with wave.open(str(part.sound.file)) as sound:
            assert (sound.getnchannels(), sound.getframerate()) == (1, SOUND_HZ)
            seconds = sound.getnframes() / SOUND_HZ
        assert seconds == pytest.approx(len(samples_of(part.sound.file)) / 48_000, abs=0.01)
        assert 0 < part.sound.at < 1.5


def test_sound_starts_with_the_session_and_stops_in_a_pause():
    hall = Hall("interrupt")
    hall.press(" ")
    assert hall.speaker.notes == []
    hall.wait(2)
    assert hall.speaker.notes == ["stop", pytest.approx(hall.left, abs=0.1)]
    hall.press("p")
    assert hall.speaker.notes[2:] == ["stop"]
    hall.wait(30)
    hall.press("p")
    hall.wait(1)
    assert hall.speaker.notes[3:] == ["stop", pytest.approx(hall.left + 1, abs=0.2)]


def test_sound_goes_on_after_an_end_that_came_by_itself():
    hall = Hall("voice")
    hall.press(" ")
    hall.wait(1)
    hall.wait(10)
    assert hall.player.stage is Stage.END
    hall.wait(2)
    assert len(hall.speaker.notes) == 2
    hall.press(" ")
    assert hall.speaker.notes[2:] == ["stop"]


@pytest.mark.parametrize("keys", [" ", "+", "b", "s", ".", "p"])
def test_sound_stops_for_every_key_that_leaves_the_recorded_time(keys):
    hall = Hall("tool")
    hall.press(" ")
    hall.wait(1)
    hall.press(*keys)
    assert hall.speaker.notes[-1] == "stop"
    assert hall.player.heard == 0


def test_repeated_part_is_heard_from_its_beginning():
    hall = Hall("tool")
    hall.press(" ")
    hall.wait(1)
    hall.press("r")
    hall.wait(1)
    first, second = [each for each in hall.speaker.notes if each != "stop"]
    assert first == second


def test_parts_that_are_heard_keep_their_silences():
    part = next(part for part in SHOW if part.part.name == "interrupt")
    hall = Hall("interrupt")
    hall.press(" ")
    hall.wait(part.chunks[-1].at + 1)
    assert hall.player.stage is Stage.RUN
    hall.wait(part.all_chunks[-1].at)
    assert hall.player.stage is Stage.END


def test_real_loudspeaker_plays_what_is_recorded():
    time = DeviceTime()
    system = ScriptedPortAudio(time)
    speaker = Speaker(time.clock(), system=system, sleep=time.wait)
    hall = Hall("tool", speaker)
    hall.press(" ")
    hall.wait(1)
    time.wait(1.5)
    assert any(system.outputs[0].played)
    hall.press(" ", " ")
    time.wait(0.5)
    system.outputs[0].played = b""
    time.wait(0.5)
    assert not any(system.outputs[0].played)
    hall.press("b", "b", " ")
    hall.wait(1)
    time.wait(1.5)
    assert any(system.outputs[0].played)
    speaker.close()


def test_show_without_a_loudspeaker_is_silent(monkeypatch):
    def refuse(*_):
        raise OSError("no device")

    monkeypatch.setattr("audio.devices.Speaker", refuse)
    with open_sound(SHOW, is_mute=False) as sound:
        assert not sound.is_there
        sound.follow(ShowPlayer(SHOW, lambda: 0.0, None))
    with open_sound(SHOW, is_mute=True) as sound:
        assert not sound.is_there


def test_loudspeaker_is_closed_at_the_end(monkeypatch):
    done = []

    class Closed(NotedSpeaker):
        def __init__(self, clock):
            super().__init__()

        def close(self):
            done.append("closed")

    monkeypatch.setattr("audio.devices.Speaker", Closed)
    with open_sound(SHOW, is_mute=False) as sound:
        assert sound.is_there
    with open_sound(load_show(["1"]), is_mute=False) as sound:
        assert not sound.is_there
    assert done == ["closed"]
