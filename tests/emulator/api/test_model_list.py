"""The table of models, and what GET /v1/models tells of it."""

from datetime import date

from emulator.models import MODELS

import openai
import pytest


def test_list_tells_table(client):
    listed = client.models.list().data

    assert {model.id: model.shutdown_date for model in listed} == {
        model.id: model.ends for model in MODELS.values()
    }


def test_model_tells_its_end(client):
    model = client.models.retrieve("gpt-5-mini")

    assert (model.id, model.object, model.shutdown_date) == ("gpt-5-mini", "model", "2026-12-11")
    assert date.fromtimestamp(model.created).year == 2025


def test_dated_release_is_listed_with_the_end_of_its_alias(client):
    listed = {model.id: model for model in client.models.list().data}

    assert listed["gpt-5-mini-2025-08-07"].shutdown_date == listed["gpt-5-mini"].shutdown_date


def test_unknown_model_is_404(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-none")

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
