"""The page on choosing: the ends of models are those of the emulator's table."""

import re
from pathlib import Path

from console.lesson import contents_of
from emulator.models import MODELS, NAMED
from setup import COURSE

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "which-api-when.md").read_text("utf-8")


def test_ends_of_models_are_named_beside_them():
    for line in PAGE.splitlines():
        for name in re.findall(r"`(gpt-[\w.-]+)`", line):
            known = MODELS.get(name)
            assert not known or not known.ends or known.ends in line, name


def test_models_of_realtime_have_prices_of_table():
    rows = re.findall(r"^\| `(gpt-realtime[\w.-]*)` \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)

    assert len(rows) == 2
    for name, *columns in rows:
        text, sound = (
            (float(price_in), float(price_out))
            for price_in, _, price_out in (column.split(" / ") for column in columns)
        )
        assert (MODELS[name].text_price, MODELS[name].price) == (text, sound)


@pytest.mark.parametrize("name", ["gpt-transcribe", "gpt-live-transcribe", "gpt-live-1"])
def test_prices_of_a_minute_are_those_of_the_table(name):
    row = next(line for line in PAGE.splitlines() if f"`{name}`" in line and " a minute" in line)

    assert f"${NAMED[name].minute_price} a minute" in row


def test_table_that_lesson_3_prints_has_prices_and_ends_of_the_table():
    choices = contents_of(COURSE / "03_realtime_api.py").parts["transcribe"].texts["choices"]

    for _, use, price, ends in choices:
        model = NAMED[re.match(r"[\w.-]+", use)[0]]
        found = re.fullmatch(r"\$([\d.]+)", price)
        if found or " session" not in use:  # the price that is known is that of files
            assert model.minute_price == (float(found[1]) if found else None)
        assert (model.ends or "-") == ends


def test_what_could_not_be_verified_is_marked():
    doubtful = ["`2026` does not match", "some of its files failed", "$0.0025"]

    for words in doubtful:
        line = next(line for line in PAGE.splitlines() if words in line)
        assert "(not verified)" in line
