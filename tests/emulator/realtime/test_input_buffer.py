"""The input buffer: the states of a turn, what a commit takes, what is kept of silence."""

from emulator.errors import ApiError
from emulator.realtime import input_buffer
from emulator.realtime.input_buffer import InputBuffer, TurnEdge, TurnSettings
from tests.support.realtime_calls import LoudIsSpeech, loud, quiet

import pytest

FRAME = 32
STARTED, PAUSED, RESUMED, STOPPED = TurnEdge


class ByScript:
    """A detector whose probabilities a test lists; behind them there is silence."""

    def __init__(self, *chances):
        self.chances = list(chances)

    def probability(self, frame):
        return self.chances.pop(0) if self.chances else 0.0


def buffer(turns=None, detector=None):
    return InputBuffer(detector or LoudIsSpeech(), turns)


def fed(sound, into):
    """The signals; of a turn that stops, the clip is committed as a session does."""
    signals, clips = [], []
    for edge, at_ms in into.append(sound):
        signals.append((edge, at_ms))
        if edge is STOPPED:
            clips.append(into.commit(is_turn=True))
    return signals, clips


def frames(*chances, turns=None, more=10):
    """The signals of frames with these probabilities, and of some silence."""
    taken = buffer(turns or TurnSettings(prefix_ms=0), ByScript(*chances))
    return fed(quiet(FRAME * (len(chances) + more)), taken)[0]


def test_turn_runs_through_its_states():
    signals = frames(0.9, 0, 0, 0, 0.9, 0.9)

    assert [edge for edge, _ in signals] == [STARTED, PAUSED, RESUMED, PAUSED, STOPPED]
    assert signals[0] == (STARTED, 0)
    assert signals[-1] == (STOPPED, (6 + 7) * FRAME)


def test_short_gap_is_no_pause():
    assert [edge for edge, _ in frames(0.9, 0, 0, 0.9)] == [STARTED, PAUSED, STOPPED]


def test_silence_shorter_than_a_pause_stops_at_once():
    signals = frames(0.9, 0, turns=TurnSettings(silence_ms=32, prefix_ms=0))

    assert [edge for edge, _ in signals] == [STARTED, STOPPED]


@pytest.mark.parametrize(("chance", "starts"), [(0.5, True), (0.49, False)])
def test_speech_begins_at_the_threshold(chance, starts):
    assert bool(frames(chance)) is starts


@pytest.mark.parametrize(("chance", "stopped_at"), [(0.35, 9), (0.34, 8)])
def test_speech_goes_on_until_0_15_below(chance, stopped_at):
    assert frames(0.9, chance)[-1] == (STOPPED, stopped_at * FRAME)


def test_next_turn_needs_the_threshold_again():
    assert len([1 for edge, _ in frames(0.9, *[0] * 8, 0.4, 0.4) if edge is STARTED]) == 1


def test_turn_takes_its_padding_and_its_silence():
    taken = buffer(TurnSettings(prefix_ms=64, silence_ms=96))

    _, (clip,) = fed(quiet(10 * FRAME) + loud(5 * FRAME) + quiet(8 * FRAME), taken)

    assert len(clip.pcm) == 48 * FRAME * (2 + 5 + 3)
    assert clip.pcm.startswith(quiet(2 * FRAME) + loud(FRAME))
    assert taken.buffered_ms == 5 * FRAME


def test_padding_ends_where_the_turn_before_did():
    taken = buffer(TurnSettings(prefix_ms=5000, silence_ms=96))

    signals, clips = fed((loud(5 * FRAME) + quiet(5 * FRAME)) * 2, taken)

    assert [len(clip.pcm) for clip in clips] == [48 * FRAME * 8, 48 * FRAME * 10]
    assert [at for edge, at in signals if edge is STARTED] == [0, 0]


def test_words_are_cut_out_of_the_silence():
    taken = buffer()
    fed(quiet(640) + loud(320) + quiet(640), taken)

    clip = taken.commit()

    assert len(clip.pcm) == 48 * 1600
    assert len(clip.speech) == 32 * FRAME * (2 + 10 + 3)


def test_commit_without_speech_has_no_words():
    taken = buffer()
    fed(quiet(640), taken)

    assert taken.commit().speech == b""


def test_commit_leaves_nothing_and_time_goes_on():
    taken = buffer()
    fed(loud(640), taken)
    taken.commit()

    assert (taken.buffered_ms, taken.written_ms) == (0, 640)
    fed(quiet(320) + loud(320), taken)
    assert len(taken.commit().speech) >= 32 * 320


def test_cleared_sound_is_in_no_clip():
    taken = buffer()
    fed(loud(650), taken)  # ends within a frame
    taken.clear()
    fed(quiet(640), taken)

    clip = taken.commit()

    assert clip.speech == b""
    assert clip.pcm == quiet(640)


def test_silence_between_turns_is_dropped():
    """Half a minute stays, for the padding of what comes next; the times are not shifted."""
    taken = buffer(TurnSettings())
    for _ in range(70):
        assert fed(quiet(1000), taken) == ([], [])
        assert taken.buffered_ms <= 60_000

    signals, (clip,) = fed(loud(320) + quiet(320), taken)

    assert signals[0][0] is STARTED
    assert 70_000 - 300 - FRAME <= signals[0][1] <= 70_000 - 300 + FRAME
    assert 48 * 700 <= len(clip.pcm) <= 48 * 900
    assert taken.written_ms == 70_640


def test_silence_in_push_to_talk_is_kept():
    taken = buffer()
    for _ in range(61):
        fed(quiet(1000), taken)

    assert taken.buffered_ms == 61_000


def test_long_turn_is_kept():
    taken = buffer(TurnSettings())
    for _ in range(61):
        fed(loud(1000), taken)

    assert taken.buffered_ms == 61_000


def test_full_buffer_is_refused_and_can_be_cleared(monkeypatch):
    monkeypatch.setattr(input_buffer, "MOST_BYTES", 48 * 100)
    taken = buffer()
    fed(quiet(100), taken)

    with pytest.raises(ApiError) as caught:
        fed(quiet(1), taken)
    taken.clear()

    assert caught.value.code == "input_audio_buffer_full_in_emulator"
    assert fed(quiet(100), taken) == ([], [])


def test_other_turn_detection_forgets_the_turn():
    taken = buffer(TurnSettings())
    fed(loud(320) + quiet(32), taken)
    taken.set_turns(TurnSettings(silence_ms=500))

    assert fed(quiet(1000), taken) == ([], [])
    assert taken.silence_ms == 500


def test_part_of_the_speech_begins_where_somebody_speaks():
    """Silence in front of words would make the recogniser invent some."""
    into = buffer()
    fed(loud(320) + quiet(960) + loud(320) + quiet(320), into)
    whole, later = into.speech(), into.speech(20)

    assert len(whole) // 32 == pytest.approx(320 + 960 + 320, abs=160)
    assert len(later) // 32 == pytest.approx(320, abs=200)
    assert (into.has_speech(20), into.has_speech(52)) == (True, False)
    assert into.judged * FRAME == pytest.approx(320 + 960 + 320 + 320, abs=FRAME)
    assert into.quiet_ms == pytest.approx(320, abs=32)


def test_part_that_begins_within_speech_is_cut_there():
    into = buffer()
    fed(loud(640), into)

    assert len(into.speech(10)) // 32 == pytest.approx(640 - 10 * FRAME, abs=1)
