"""The table of models."""

from emulator.models import MODELS

import pytest


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.id)
def test_successor_outlives_model(model):
    if model.ends is not None and model.successor in MODELS:
        assert (MODELS[model.successor].ends or "9999") > model.ends
