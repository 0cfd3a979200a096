"""Speech on the wire: what the unmodified SDK gets, the bytes under it, and each refusal."""

import base64
import io
import json
import threading
import wave
from concurrent.futures import ThreadPoolExecutor

from emulator.api import speech
from emulator.api.speech import PIECE, VOICES
from emulator.server import Emulator
from emulator.serving import MOST_STEPS
from emulator.text.sentences import spoken_pieces
from emulator.voice import encoding
from emulator.voice.encoding import FORMATS, MEDIA_TYPES
from emulator.voice.sound import samples
from emulator.voice.synthesizer import SpeechSynthesizer
from tests.support.emulator_clients import MODEL, connect
from tests.support.property_examples import examples
from tests.support.sound_files import decoded_pcm, level_db

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TTS, FIRST = "gpt-4o-mini-tts", "tts-1"
TEXT = "The observatory opens at nine. It is closed on Mondays, all year round."
LONG = f"{TEXT} " * 50


@pytest.fixture(autouse=True)
def voice():
    pytest.importorskip("espeakng_loader", reason="there is no voice")


def read_aloud(client, text=TEXT, **options):
    asked = {"model": TTS, "voice": "marin", "response_format": "pcm"} | options
    return client.audio.speech.create(input=text, **asked)


def streamed(emulator, **body):
    """The answer to a bare request: its headers, and its bytes."""
    asked = {"model": TTS, "voice": "marin", "input": TEXT, "response_format": "pcm"}
    with httpx2.stream(
        "POST",
        f"{emulator.base_url}/audio/speech",
        json=asked | body,
        headers={"authorization": "Bearer offline"},
        trust_env=False,
    ) as response:
        return response.headers, response.read()


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_holds_the_same_sound(client, format):
    pytest.importorskip("av" if format == "aac" else "soundfile", reason="it writes this format")
    plain = read_aloud(client).read()

    answer = read_aloud(client, response_format=format)

    found = decoded_pcm(answer.read(), format)
    assert answer.response.headers["content-type"] == MEDIA_TYPES[format]
    assert answer.response.headers["transfer-encoding"] == "chunked"
    assert len(found) / 48_000 == pytest.approx(len(plain) / 48_000, abs=0.1)
    assert level_db(found) == pytest.approx(level_db(plain), abs=1)


def test_formats_are_those_of_the_encoders():
    assert speech.FORMATS == FORMATS


def test_format_is_mp3_unless_another_is_asked_for(client):
    pytest.importorskip("soundfile", reason="it writes this format")

    answer = client.audio.speech.create(model=TTS, voice="marin", input=TEXT)

    assert answer.response.headers["content-type"] == "audio/mpeg"


def test_wav_does_not_know_its_length(client):
    plain, file = read_aloud(client), read_aloud(client, response_format="wav").read()

    with wave.open(io.BytesIO(file)) as sound:
        assert sound.getparams()[:3] == (1, 2, 24_000)
        assert sound.getnframes() == 2_147_483_647
    assert file[4:8] == file[40:44] == b"\xff" * 4
    assert len(file) - 44 == pytest.approx(len(plain.read()), rel=0.02)


def test_first_bytes_leave_before_the_rest_is_spoken(monkeypatch, client):
    """A second sentence is not begun while nobody has taken the first."""
    spoken = []
    synthesizer = speech.synthesizer()

    class Listed:
        name = "listed"

        def synthesize(self, text, voice, speed):
            spoken.append(text)
            return synthesizer.synthesize(text, voice, speed)

    monkeypatch.setattr(speech, "synthesizer", Listed)
    with client.audio.speech.with_streaming_response.create(
        model=TTS, voice="marin", input=LONG, response_format="pcm"
    ) as response:
        first = next(response.iter_bytes(PIECE))
        begun = len(spoken)

    assert len(first) == PIECE
    assert 0 < begun < len(spoken_pieces(LONG))


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 4.0])
def test_speed_divides_the_length(client, speed):
    plain, changed = (len(read_aloud(client, speed=each).read()) for each in (1.0, speed))

    assert changed * speed == pytest.approx(plain, rel=0.25)


def test_every_voice_speaks(client):
    said = {voice: read_aloud(client, "Good evening.", voice=voice).read() for voice in VOICES}

    assert len(VOICES) == len(set(said.values())) == 13


def test_voice_is_the_one_of_a_call(client):
    said = read_aloud(client, "Good evening.", voice="echo").read()

    called = SpeechSynthesizer().synthesize("Good evening.", "echo")
    assert len(samples(said)) == pytest.approx(len(samples(called)), rel=0.02)


@pytest.mark.parametrize("text", ["...", "🙂", "x", "\n", "é" * 4096])
def test_any_text_gives_some_sound(client, text):
    assert len(read_aloud(client, text).read()) >= 4_800


@pytest.mark.parametrize(("model", "events"), [(TTS, True), (FIRST, False), ("tts-1-hd", False)])
def test_events_are_for_the_newer_models(emulator, model, events):
    """The first two models answer with plain sound, as OpenAI's do, and are not refused."""
    headers, body = streamed(emulator, model=model, voice="echo", stream_format="sse")

    assert headers["content-type"].startswith("text/event-stream" if events else "audio/pcm")
    assert body.startswith(b"data: ") == events
    assert headers.get("x-openai-emulator-inert") == (None if events else "stream_format")


def test_events_have_recorded_shape(emulator):
    _, body = streamed(emulator, stream_format="sse")
    _, plain = streamed(emulator)

    lines = body.decode().split("\r\n\r\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    assert body.count(b"\n") == body.count(b"\r\n")
    *deltas, done = (json.loads(line.removeprefix("data: ")) for line in lines[:-2])
    assert {tuple(each) for each in deltas} == {("type", "audio")}
    assert {each["type"] for each in deltas} == {"speech.audio.delta"}
    pieces = [base64.b64decode(each["audio"], validate=True) for each in deltas]
    assert {len(piece) for piece in pieces[:-1]} == {PIECE}
    assert len(b"".join(pieces)) == pytest.approx(len(plain), rel=0.02)
    assert list(done) == ["type", "usage"]
    assert list(done["usage"]) == ["input_tokens", "output_tokens", "total_tokens"]
    seconds = len(b"".join(pieces)) / 48_000
    assert done["usage"]["output_tokens"] == pytest.approx(20 * seconds, abs=1)
    assert (
        done["usage"]["input_tokens"] + done["usage"]["output_tokens"]
        == (done["usage"]["total_tokens"])
    )


def test_instructions_are_taken_and_told_to_be_inert(client):
    answer = read_aloud(client, instructions="Whisper.")

    assert answer.response.headers["x-openai-emulator-inert"] == "instructions"


async def test_async_client_gets_sound(async_client):
    answer = await async_client.audio.speech.create(
        input=TEXT, model=TTS, voice="marin", response_format="pcm"
    )

    assert len(await answer.aread()) > 48_000


NINE = "'nova', 'shimmer', 'echo', 'onyx', 'fable', 'alloy', 'ash', 'sage' or 'coral'"
TOO_LONG = """[{'type': 'string_too_long', 'loc': ('body', 'input'), \
'msg': 'String should have at most 4096 characters', 'ctx': {'max_length': 4096}}]"""
REFUSED = [
    ({"input": "x" * 4097}, TOO_LONG, None, None),
    ({"input": ""}, "String should have at least 1 character", None, None),
    ({"model": FIRST, "voice": "ballad"}, f"Input should be {NINE}", None, None),
    ({"voice": "robot"}, "'shimmer' or 'verse'", None, None),
    ({"voice": 7}, "'type': 'enum'", None, None),
    ({"voice": {"id": "voice_1234"}}, "Custom voices", "voice.id", "unsupported_parameter"),
    ({"speed": 4.1}, "Input should be less than or equal to 4", None, None),
    ({"speed": 0.2}, "Input should be greater than or equal to 0.25", None, None),
    ({"speed": "fast"}, "expected a decimal", "speed", "invalid_type"),
    ({"response_format": "ogg"}, "'mp3', 'opus', 'aac', 'flac', 'wav' or 'pcm'", None, None),
    ({"stream_format": "json"}, "Input should be 'sse' or 'audio'", None, None),
    ({"input": None}, "Missing required parameter", "input", "missing_required_parameter"),
    ({"voice": None}, "Missing required parameter", "voice", "missing_required_parameter"),
    ({"pitch": 1}, "Unknown parameter", "pitch", "unknown_parameter"),
]


@pytest.mark.parametrize(("change", "message", "param", "code"), REFUSED)
def test_unfit_request_is_refused(client, change, message, param, code):
    with pytest.raises(openai.BadRequestError) as caught:
        read_aloud(client, extra_body=change)

    assert message in caught.value.message
    assert (caught.value.param, caught.value.code) == (param, code)


@pytest.mark.parametrize("model", ["gpt-5-tts", MODEL])
def test_other_model_is_404(client, model):
    with pytest.raises(openai.NotFoundError) as caught:
        read_aloud(client, model=model)

    assert caught.value.code == "model_not_found"


FIT = {"model": TTS, "voice": "marin", "input": "Good evening.", "response_format": "pcm"}
ANY = {
    "model": st.sampled_from([TTS, FIRST, "tts-1-hd", MODEL, "", 7]),
    "input": st.text(max_size=30) | st.sampled_from(["x" * 4097, None, ["x"]]),
    "voice": st.sampled_from([*VOICES, "Marin", {"id": "voice_1"}, [], None, True]),
    "response_format": st.sampled_from(["pcm", "wav", "ogg", 1, None]),
    "speed": st.floats(0.2, 4.2) | st.sampled_from([1, "1", True, None]),
    "stream_format": st.sampled_from(["sse", "audio", "text", None]),
    "instructions": st.sampled_from(["Whisper.", 3, None]),
}


@settings(deadline=None, max_examples=examples(60))
@given(body=st.fixed_dictionaries({}, optional=ANY))
def test_any_request_gets_sound_or_an_error(emulator, body):
    answer = httpx2.post(
        f"{emulator.base_url}/audio/speech",
        content=json.dumps(FIT | body),
        headers={"authorization": "Bearer offline", "content-type": "application/json"},
        trust_env=False,
    )

    kind = answer.headers["content-type"]
    if answer.status_code == 200:
        assert kind.startswith(("audio/pcm", "audio/wav", "audio/mpeg", "text/event-stream"))
        assert len(answer.content) > 500
    else:
        assert answer.status_code in (400, 404)
        assert list(answer.json()["error"]) == ["message", "type", "param", "code"]


def without_engine():
    return SpeechSynthesizer([])


def without_package(name):
    raise ModuleNotFoundError(f"No module named '{name}'")


def test_machine_without_engine_says_what_to_type(client, monkeypatch):
    monkeypatch.setattr(speech, "synthesizer", without_engine)

    with pytest.raises(openai.BadRequestError, match=r"run: python3 course.py extras") as caught:
        read_aloud(client)

    assert caught.value.code == "not_installed_on_emulator"


@pytest.mark.parametrize(
    ("format", "fix"), [("mp3", "course.py extras"), ("aac", "-r requirements-full.txt")]
)
def test_machine_without_encoder_says_what_to_type(client, monkeypatch, format, fix):
    monkeypatch.setattr(encoding.importlib, "import_module", without_package)

    with pytest.raises(openai.BadRequestError, match=fix) as caught:
        read_aloud(client, response_format=format)

    assert (caught.value.param, caught.value.code) == (
        "response_format",
        "not_installed_on_emulator",
    )


def test_other_reading_is_not_kept_waiting(client):
    asked = {"model": TTS, "voice": "marin", "response_format": "pcm"}
    with client.audio.speech.with_streaming_response.create(input=LONG, **asked) as response:
        pieces = response.iter_bytes(PIECE)
        next(pieces)
        short = read_aloud(client, "Good evening.").read()
        rest = sum(map(len, pieces))

    assert 24_000 < len(short) < 96_000
    assert rest > 48_000 * 60


def test_many_readings_leave_worker_threads_to_a_call(client, monkeypatch):
    begun, released = threading.Semaphore(0), threading.Event()
    running = []

    class Held:
        name = "held"

        def synthesize(self, text, voice, speed):
            running.append(text)
            begun.release()
            released.wait(10)
            return bytes(960)

    monkeypatch.setattr(speech, "synthesizer", Held)
    with ThreadPoolExecutor(12) as readers:
        answers = [readers.submit(read_aloud, client) for _ in range(12)]
        for _ in range(MOST_STEPS):
            assert begun.acquire(timeout=10)
        client.files.list()  # it needs a worker thread
        assert len(running) == MOST_STEPS
        released.set()
        assert all(answer.result().read() for answer in answers)


def test_connection_lost_in_the_middle_of_the_sound():
    with Emulator(faults=["fin@3"]) as emulator, connect(emulator) as client:
        with pytest.raises(openai.APIConnectionError):
            read_aloud(client)

        assert emulator.exchanges[-1].blocks == 3
