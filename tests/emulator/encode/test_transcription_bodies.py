"""Transcriptions on the wire, key for key; subtitles are read back by other people's parsers."""

import io
import json
from itertools import pairwise

from emulator.encode import transcription_bodies as bodies
from emulator.encode.transcription_bodies import SpokenTurn, Transcript
from emulator.voice.recordings import Utterance
from emulator.wire import sse

import pysubs2
import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st
from openai.types.audio import Transcription, TranscriptionDiarized, TranscriptionVerbose
from openai.types.audio.transcription_stream_event import TranscriptionStreamEvent
from pydantic import TypeAdapter

ONE = Utterance(0.5, 2.5, "Good evening. Are you open?", 0.0, 0.9)
OTHER = Utterance(61.25, 62.25, "Yes, we are.", 0.5, 0.8)
EVENT = TypeAdapter(TranscriptionStreamEvent)

times = st.lists(st.floats(0, 40_000), min_size=2, max_size=10, unique=True).map(sorted)
spoken = st.text("abc .,?!'é\n", min_size=1, max_size=40).filter(lambda t: any(map(str.isalpha, t)))


@st.composite
def utterances(draw):
    edges = draw(times)
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return [
        Utterance(start, end, " ".join(draw(spoken).split()), draw(st.floats(0, 0.5)), 0.9)
        for start, end in pairs
    ]


def transcript(*said, by_time=True, seconds=62.3, **fields):
    return Transcript(seconds, by_time, utterances=list(said), **fields)


def keys(body):
    return list(body)


def test_text_and_usage_by_time():
    body = bodies.json_body(transcript(ONE, OTHER))

    assert body == {
        "text": "Good evening. Are you open? Yes, we are.",
        "usage": {"type": "duration", "seconds": 63},
    }
    Transcription.model_validate(body, strict=True)


@pytest.mark.parametrize(("seconds", "billed"), [(1.7, 2), (3.7, 4), (36.7, 37), (2.0, 2)])
def test_seconds_are_rounded_up(seconds, billed):
    assert transcript(ONE, seconds=seconds).usage == {"type": "duration", "seconds": billed}


def test_usage_in_tokens_adds_up():
    heard = transcript(ONE, by_time=False, seconds=3.7, prompt="At the desk.")

    assert heard.usage == {
        "type": "tokens",
        "total_tokens": 37 + 4 + 7,
        "input_tokens": 41,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 37},
        "output_tokens": 7,
    }
    assert keys(heard.usage)[1] == "total_tokens"
    Transcription.model_validate(bodies.json_body(heard), strict=True)


def test_languages_are_told_where_words_are():
    assert bodies.json_body(transcript(ONE, languages=["en"]))["languages"] == [{"code": "en"}]
    assert bodies.json_body(transcript(languages=["en"]))["languages"] == []
    assert "languages" not in bodies.json_body(transcript(ONE))


def test_logprobs_cover_the_text():
    body = bodies.json_body(transcript(ONE, OTHER, by_time=False, has_logprobs=True))

    assert keys(body) == ["text", "logprobs", "usage"]
    assert "".join(each["token"] for each in body["logprobs"]) == body["text"]
    assert all(bytes(each["bytes"]).decode() == each["token"] for each in body["logprobs"])
    assert all(each["logprob"] < 0 for each in body["logprobs"])
    assert body["logprobs"][0]["logprob"] > body["logprobs"][-1]["logprob"]


def test_verbose_body_has_segments():
    body = bodies.verbose_body(transcript(ONE, OTHER, temperature=0.2), ["segment"])

    assert keys(body) == ["task", "language", "duration", "text", "segments", "usage"]
    assert (body["task"], body["language"], body["duration"]) == ("transcribe", "english", 62.3)
    first = body["segments"][0]
    assert keys(first) == [
        *("id", "seek", "start", "end", "text", "tokens", "temperature"),
        *("avg_logprob", "compression_ratio", "no_speech_prob"),
    ]
    told = [(each["id"], each["seek"], each["text"]) for each in body["segments"]]
    assert told == [(0, 0, " Good evening."), (1, 0, " Are you open?"), (2, 6000, " Yes, we are.")]
    assert (first["start"], first["temperature"], first["no_speech_prob"]) == (0.5, 0.2, 0.1)
    TranscriptionVerbose.model_validate(body, strict=True)


def test_verbose_body_has_words():
    body = bodies.verbose_body(transcript(ONE, OTHER), ["word"])

    assert keys(body) == ["task", "language", "duration", "text", "words", "usage"]
    said = "Good evening Are you open Yes we are"
    assert " ".join(each["word"] for each in body["words"]) == said
    assert keys(body["words"][0]) == ["word", "start", "end"]
    assert (body["words"][0]["start"], body["words"][4]["end"]) == (0.5, 2.5)
    both = bodies.verbose_body(transcript(ONE), ["word", "segment"])
    assert keys(both)[4:6] == ["segments", "words"]
    TranscriptionVerbose.model_validate(both, strict=True)


def test_diarized_body():
    turns = [SpokenTurn("agent", ONE), SpokenTurn("A", OTHER)]
    body = bodies.diarized_body(transcript(ONE, OTHER, by_time=False, turns=turns))

    assert keys(body) == ["task", "duration", "text", "segments", "usage"]
    assert body["segments"][0] == {
        "type": "transcript.text.segment",
        "text": " Good evening. Are you open?",
        "speaker": "agent",
        "start": 0.5,
        "end": 2.5,
        "id": "seg_0",
    }
    assert keys(body["segments"][1]) == ["type", "text", "speaker", "start", "end", "id"]
    TranscriptionDiarized.model_validate(body, strict=True)


def test_plain_texts_end_as_recorded():
    assert bodies.text_body(transcript(ONE)) == "Good evening. Are you open?\n"
    assert bodies.text_body(transcript()) == "\n"
    assert bodies.srt_body(transcript(OTHER)) == (
        "1\n00:01:01,250 --> 00:01:02,250\nYes, we are.\n\n\n"
    )
    assert bodies.vtt_body(transcript(OTHER)) == (
        "WEBVTT\n\n00:01:01.250 --> 00:01:02.250\nYes, we are.\n\n\n"
    )


@given(utterances())
def test_subtitles_are_read_by_parsers(said):
    heard = transcript(*said)
    parts = [part.text for part in bodies.segments(said)]
    lines = list(pysubs2.SSAFile.from_string(bodies.srt_body(heard), format_="srt"))
    captions = webvtt.from_buffer(io.StringIO(bodies.vtt_body(heard)))

    assert [line.plaintext for line in lines] == parts
    assert [caption.text for caption in captions] == parts
    starts = [line.start / 1000 for line in lines]
    assert starts == pytest.approx([part.start for part in bodies.segments(said)], abs=1e-3)


@given(utterances())
def test_words_and_segments_share_the_time(said):
    for each in said:
        for parts in (
            [(part.start, part.end) for part in bodies.segments([each])],
            [(word["start"], word["end"]) for word in bodies.words(each)],
        ):
            assert parts[0][0] == pytest.approx(each.start, abs=0.006)
            assert parts[-1][1] == pytest.approx(each.end, abs=0.006)
            assert all(start <= end for start, end in parts)
            assert all(one[1] == other[0] for one, other in pairwise(parts))


def event(block):
    assert block.startswith(b"data: {")
    assert block.endswith(b"}\r\n\r\n")
    return json.loads(block[6:])


@given(utterances(), st.booleans())
def test_deltas_join_to_the_text(said, has_logprobs):
    heard = transcript(*said, by_time=False, has_logprobs=has_logprobs)
    blocks = [
        block
        for n, each in enumerate(said)
        for block in bodies.deltas(each, is_first=n == 0, has_logprobs=has_logprobs)
    ]
    events = [event(block) for block in blocks]
    last = event(bodies.done(heard))

    assert all(isinstance(block, sse.TextBlock) for block in blocks)
    assert "".join(each["delta"] for each in events) == last["text"] == heard.text
    logprobs = [logprob for each in events for logprob in each.get("logprobs", [])]
    assert logprobs == last.get("logprobs", [])
    assert ("logprobs" in last) == has_logprobs
    for each in [*events, last]:
        EVENT.validate_python(each, strict=True)


def test_end_of_a_stream():
    assert event(bodies.done(transcript(ONE, languages=["en"]))) == {
        "type": "transcript.text.done",
        "text": ONE.text,
        "languages": [{"code": "en"}],
        "usage": {"type": "duration", "seconds": 63},
    }
    assert bodies.DONE == b"data: [DONE]\r\n\r\n"
    assert isinstance(bodies.DONE, sse.FinalBlock)
