"""The fields of a transcription: any form gives checked values, or one of OpenAI's refusals."""

import json
from base64 import b64encode

from emulator.api import transcription_params
from emulator.api.transcription_params import LISTS, PARAMS, TRANSCRIBERS, parsed, values_of
from emulator.errors import ApiError
from emulator.models import MODELS
from tests.support.computing_time import computes_at_once

import pytest
from hypothesis import given
from hypothesis import strategies as st

MODEL = {"model": ["whisper-1"]}
DIARIZE = {"model": ["gpt-4o-transcribe-diarize"], "response_format": ["diarized_json"]}
names = st.sampled_from(
    [
        *PARAMS,
        *(f"{name}[]" for name in LISTS),
        *("chunking_strategy[type]", "chunking_strategy[threshold]", "bogus", "model[x]", ""),
    ]
)
texts = st.text("ab1-.{}[]:,<é\r\n", max_size=9) | st.sampled_from(
    ["auto", "server_vad", "0.5", "-1", "1e9", "true", "en", "json", "logprobs", "word", "{}"]
)


def outcome_of(fields):
    try:
        return parsed(fields)
    except ApiError as error:
        return error


@given(st.dictionaries(names, st.lists(texts, min_size=1, max_size=6)))
def test_any_form_is_parsed_or_refused(fields):
    outcome = outcome_of(MODEL | fields)
    if isinstance(outcome, ApiError):
        assert outcome.status in (400, 404)
        return
    values, inert = outcome
    assert set(values) == set(PARAMS)
    assert values["model"] in TRANSCRIBERS
    assert isinstance(inert, list)


numbers = st.floats() | st.integers() | st.sampled_from([10**400, -(10**400)])
values_in_json = numbers | st.text(st.characters(), max_size=3) | st.none() | st.just("server_vad")
vad_names = st.sampled_from(["type", "threshold", "silence_duration_ms", "\ud800"])


@given(st.dictionaries(vad_names, values_in_json))
def test_any_json_of_chunking_is_parsed_or_refused(chunking):
    outcome = outcome_of(MODEL | {"chunking_strategy": [json.dumps(chunking)]})
    if isinstance(outcome, ApiError):
        assert outcome.body()
        assert outcome.status == 400
    else:
        assert 0 <= outcome[0]["chunking_strategy"]["threshold"] <= 1


def test_every_model_is_in_the_table():
    listed = {name for name, model in MODELS.items() if model.role == "transcription"}

    assert listed == set(TRANSCRIBERS)


def test_lists_come_with_brackets_and_without():
    fields = MODEL | {"languages[]": ["en"], "languages": ["nl"], "keywords": ["a", "b"]}
    values, _ = values_of(fields)

    assert values["languages"] == ["en", "nl"]
    assert values["keywords"] == ["a", "b"]


def test_last_of_several_values_counts():
    values, _ = parsed({"model": ["whisper-9", "whisper-1"], "language": ["xx", "en"]})

    assert (values["model"], values["language"]) == ("whisper-1", "en")


def test_server_vad_has_defaults():
    values, _ = parsed(MODEL | {"chunking_strategy[type]": ["server_vad"]})

    assert values["chunking_strategy"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
    }


@pytest.mark.parametrize("value", ["auto", '{"type": "server_vad"}', ""])
@given(st.data())
def test_value_and_its_own_fields_are_refused_together(value, data):
    fields = [("chunking_strategy", [value]), ("chunking_strategy[type]", ["server_vad"])]
    fields = data.draw(st.permutations([*fields, *MODEL.items()]))

    with pytest.raises(ApiError, match="both as a value and as") as caught:
        parsed(dict(fields))
    assert caught.value.param == "chunking_strategy"


@pytest.mark.parametrize("value", ["no", "2", "tru"])
def test_flag_is_a_flag(value):
    with pytest.raises(ApiError, match="'stream': expected a boolean"):
        parsed(MODEL | {"stream": [value]})


def test_language_is_ignored_by_the_newest_model():
    values, inert = parsed({"model": ["gpt-transcribe"], "language": ["german"]})

    assert (values["language"], inert) == ("german", ["language"])


@pytest.mark.parametrize("code", ["en", "EN", "zh-TW", "cy"])
def test_language_is_a_code(code):
    assert parsed(MODEL | {"language": [code]})[0]["language"] == code


def test_known_speakers_are_bytes():
    url = "data:audio/wav;codecs=1;base64," + b64encode(b"sound").decode()
    fields = {"known_speaker_names[]": ["Ann"], "known_speaker_references[]": [url]}
    values, inert = parsed(DIARIZE | fields)

    assert transcription_params.known_speakers(values) == {"Ann": b"sound"}
    assert inert == []


@pytest.mark.parametrize("part", ["a", ";a=b", ";", ";base64"])
def test_reference_with_a_long_head_is_refused_at_once(part):
    url = f"data:{part * (20_000_000 // len(part))}"
    fields = {"known_speaker_names": ["Ann"], "known_speaker_references": [url]}

    with computes_at_once(0.5), pytest.raises(ApiError, match="expected a data URL"):
        parsed(DIARIZE | fields)


@pytest.mark.parametrize("url", ["", "data:,x", "data:audio/wav;base64,!", "file:///etc/passwd"])
def test_reference_is_a_data_url(url):
    fields = {"known_speaker_names": ["Ann"], "known_speaker_references": [url]}

    with pytest.raises(ApiError, match="expected a data URL") as caught:
        parsed(DIARIZE | fields)
    assert caught.value.param == "known_speaker_references[0]"
