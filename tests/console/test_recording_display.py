"""What part 7 of lesson 3 shows: words, turns, subtitles, what was found, which model to take."""

import io
import wave
from pathlib import Path
from types import SimpleNamespace

from common.settings import CourseError
from console import recording_display as recording
from console.lesson import contents_of
from console.terminal import Terminal
from tests.support import lessons

import pytest

PART = contents_of(lessons.LESSON_3).parts["transcribe"]
TURNS = [(0.0, "A: The mirror needs a new coating."), (65.2, "B: It costs nine thousand euros.")]
CUES = "1\n00:00:00,000 --> 00:00:02,000\nThe mirror.\n\n\n\n"


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "test")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my-meeting.wav"
    path.write_bytes(b"RIFF")
    return path


def understand(file, tmp_path, turns=TURNS, find=None, in_part="transcribe"):
    """The screen, and what each function was called with."""
    screen, called = io.StringIO(), []
    options = SimpleNamespace(
        question=file and str(file), find=find, calls=tmp_path / "calls", part=in_part
    )
    lesson = SimpleNamespace(
        options=options,
        terminal=Terminal(screen),
        settings=SimpleNamespace(transcribe_model="gpt-transcribe", embedding_model="small"),
        now=PART,
    )

    def search(client, question, texts, model):
        called.append((question, texts, model))
        return [(0.5, text) for text in texts]

    recording.understand(
        lesson,
        lambda client, file, model: called.append((file, model)),
        lambda client, file: turns,
        lambda client, file: CUES,
        search,
    )
    return " ".join(screen.getvalue().split()), called


def test_turns_subtitles_and_models_are_shown(file, tmp_path):
    screen, called = understand(file, tmp_path, find="money")

    assert called[0] == (file, "gpt-transcribe")
    assert "1:05 B: It costs nine thousand euros." in screen
    assert "00:00:00,000 --> 00:00:02,000 The mirror." in screen
    assert "> money" in screen
    assert "2027-02-26" in screen and "gpt-live-transcribe" in screen
    assert (tmp_path / "calls" / "my-meeting.srt").read_text(encoding="utf-8") == CUES


def test_search_gets_the_turns_with_their_times(file, tmp_path):
    _, called = understand(file, tmp_path, find="money")

    question, texts, model = called[1]
    assert (question, model) == ("money", "small")
    assert texts[1] == "1:05  B: It costs nine thousand euros."


def test_own_recording_is_searched_only_if_asked(file, tmp_path):
    screen, called = understand(file, tmp_path)

    assert len(called) == 1 and ">" not in screen.replace("-->", "")


def test_recording_without_speech_is_no_failure(file, tmp_path):
    screen, called = understand(file, tmp_path, turns=[], find="money")

    assert len(called) == 1 and "No speech was found." in screen


def test_more_turns_are_counted(file, tmp_path):
    screen, _ = understand(file, tmp_path, turns=TURNS * 5)

    assert "4 more turns." in screen


def test_tour_hears_the_beginning_of_the_meeting_only(tmp_path):
    _, called = understand(None, tmp_path, in_part=None)

    file, _ = called[0]
    with wave.open(str(file)) as sound:
        assert sound.getnframes() == recording.IN_TOUR_S * sound.getframerate()
    assert called[1][0] == PART.texts["find"]


def test_missing_file_is_named(tmp_path):
    with pytest.raises(CourseError, match="there is no file"):
        understand(tmp_path / "nothing.wav", tmp_path)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.99, "0:59"), (60, "1:00"), (3_725.5, "62:05")]
)
def test_times_are_minutes_and_seconds(seconds, shown):
    assert recording.clock_time(seconds) == shown


def test_meeting_is_shipped():
    assert Path(lessons.COURSE) / "data" / "meeting.wav" == recording.MEETING
