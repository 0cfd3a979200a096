"""The recordings of the show: what a lesson writes, with its time, and the mark of its cassette."""

import json
import wave

from console.terminal import WIRE_CODE, WIRE_END
from presenter.course_show import COLUMNS, Chunk, load_show, place_of, read_recording
from presenter.pane import Pane, text_of
from tests.support.fork_server import Popen
from tools import record_screens

import pytest


def screen(chunks):
    pane = Pane(COLUMNS)
    for chunk in chunks:
        pane.feed(chunk.text)
    return text_of(pane.lines())


def test_part_is_recorded_as_it_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(record_screens, "RECORDINGS", tmp_path)
    monkeypatch.setattr("subprocess.Popen", Popen)
    record_screens.main(["tools"])

    file = tmp_path / "lesson1" / "tools.jsonl"
    show = load_show(["1"])
    before = show[place_of(show, "tools")]
    header = json.loads(file.read_text("utf-8").partition("\n")[0])
    assert header == json.loads(before.file.read_text("utf-8").partition("\n")[0])
    assert screen(read_recording(file)) == screen(before.chunks)
    assert "lesson1 tools" in capsys.readouterr().out


@pytest.mark.parametrize(("sides", "begins"), [(1, 0.5), (2, 0.25)])
def test_sound_is_kept_as_a_telephone_transmits_it(tmp_path, sides, begins):
    """The channels of a call are added; it begins with the session, an answer with its response."""
    saved, kept = tmp_path / "call.wav", tmp_path / "kept.wav"
    with wave.open(str(saved), "wb") as sound:
        sound.setparams((sides, 2, 24_000, 0, "NONE", ""))
        sound.writeframes((1_000).to_bytes(2, "little") * sides * 24_000)
    chunks = [
        Chunk(at, f"{WIRE_CODE}< +0.1 {kind}{WIRE_END}")
        for at, kind in ((0.25, "session.created"), (0.5, "response.created"))
    ]

    assert record_screens.keep_sound(saved, kept, chunks) == begins
    with wave.open(str(kept)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getnframes()) == (8_000, 1, 8_000)
        middle = sound.readframes(8_000)[8_000:8_002]
    assert int.from_bytes(middle, "little") == pytest.approx(1_000 * sides, abs=20)
    with pytest.raises(SystemExit, match="no "):
        record_screens.keep_sound(saved, kept, [])


def test_recordings_of_the_newest_cassettes_are_kept(monkeypatch, capsys):
    monkeypatch.setattr(record_screens, "record_screen", lambda *names: print(*names))

    record_screens.main([])
    assert capsys.readouterr().out == ""
    record_screens.main(["chat"])
    assert capsys.readouterr().out == "lesson1 01_streaming.py chat\n"


def test_recording_of_another_cassette_is_old(tmp_path, monkeypatch):
    monkeypatch.setattr(record_screens, "RECORDINGS", tmp_path)
    (tmp_path / "lesson1").mkdir()
    (tmp_path / "lesson1" / "chat.jsonl").write_text('{"cassette": "0"}\n', encoding="utf-8")

    assert record_screens.is_old("lesson1", "chat")
    assert record_screens.is_old("lesson1", "stream")


def test_lesson_that_fails_leaves_no_recording(tmp_path, monkeypatch):
    monkeypatch.setattr(record_screens, "RECORDINGS", tmp_path)
    monkeypatch.setattr("subprocess.Popen", Popen)
    monkeypatch.setattr(record_screens, "FIXTURES", tmp_path)

    with pytest.raises(SystemExit, match="lesson1 tools failed"):
        record_screens.main(["tools"])
    assert list(tmp_path.rglob("*.jsonl")) == []
