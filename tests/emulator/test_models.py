"""The table of models."""

import re
from pathlib import Path
from typing import get_args

from emulator.models import MODELS, NAMED, SDK_LISTS
from emulator.realtime.audio_settings import TRANSCRIBERS

import openai
import pytest
from openai.types.shared import ChatModel


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.id)
def test_successor_outlives_model(model):
    if model.ends is not None and model.successor in MODELS:
        assert (MODELS[model.successor].ends or "9999") > model.ends


def test_every_name_that_answers_is_in_the_table():
    for model in MODELS.values():
        assert MODELS[model.answers_as].answers_as == model.answers_as
        assert MODELS[model.answers_as].generation == model.generation


def test_models_that_write_are_those_of_the_sdk():
    """Those of the types that OpenAI still serves, or served in 2026, and no others."""
    writers = {model.id for model in MODELS.values() if model.role in ("chat", "audio")}
    ours = {"gpt-5.6", "gpt-audio-1.5", "gpt-5.4-2026-03-05"}  # recorded, but not in the types

    assert writers - set(get_args(ChatModel)) == ours


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.id)
def test_effort_by_default_is_one_that_can_be_asked_for(model):
    generation = model.generation

    assert generation.effort is None or generation.effort in generation.efforts
    assert bool(generation.efforts) == (generation.context is not None)
    assert model.effort in (*generation.efforts, "none")


@pytest.mark.parametrize("model", NAMED.values(), ids=lambda model: model.id)
def test_each_model_has_a_role_a_source_and_a_successor_that_is_known(model):
    assert model.named_in
    assert model.successor is None or model.successor in MODELS
    assert MODELS.get(model.id, model).role == model.role


@pytest.mark.parametrize("file", sorted(set(SDK_LISTS.values())))
def test_models_with_a_file_of_the_sdk_as_source_stand_in_it(file):
    text = (Path(openai.__file__).parent / file).read_text("utf-8")
    listed = [model.id for model in NAMED.values() if model.named_in == file]
    ours = {"gpt-5.6", "gpt-5.4-2026-03-05"}  # recorded, but not in the types

    assert listed and {name for name in listed if f'"{name}"' not in text} <= ours


def test_models_that_transcribe_in_a_session_are_those_of_the_sdk():
    text = (Path(openai.__file__).parent / SDK_LISTS["captions"]).read_text("utf-8")

    assert set(TRANSCRIBERS) == set(re.findall(r'^ +"(\S+)",$', text, re.MULTILINE))
