"""What grows old: the checks are silent on a fresh course, and name exactly what has ended."""

import re
import shutil
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

from common.settings import DEFAULT_MODELS
from console import freshness
from console.freshness import (
    differences,
    ended,
    ended_mentions,
    ending,
    ending_defaults,
    mentions,
    old_prices,
    pages,
    sdk_ends,
    sdk_folder,
    sdk_names,
    stale,
    successor,
    unknown_defaults,
)
from emulator.models import DIARIZING, NAMED, PRICES_READ, SDK_LISTS

import pytest

NOW = date(2026, 11, 28)
SPEECH = {"gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1", "tts-1-hd"}
FILES = {
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
    "gpt-4o-transcribe-diarize",
    "whisper-1",
}


def names(day, since=NOW):
    return {model.id for model in ended(day)} - {model.id for model in ended(since)}


def uses(day):
    return {(each.file, each.model) for each in ended_mentions(day)}


def test_course_is_fresh_on_the_day_of_this_run():
    """If this fails, something in the course has to be changed: each line says what, and where."""
    assert stale(date.today()) == []


def test_day_after_the_end_of_gpt_5_names_its_family_and_no_page():
    day = date(2026, 12, 12)
    family = {"gpt-5", "gpt-5-mini", "gpt-5-nano", "o3"}

    assert names(day) == family | {NAMED[name].snapshot for name in family}
    assert stale(day) == [], "the pages that name gpt-5-mini say when it ends"


def test_day_after_the_end_of_speech_names_who_still_speaks_with_it():
    day = date(2027, 1, 7)

    assert names(day, since=date(2026, 12, 12)) == SPEECH
    assert uses(day) == {
        ("examples/audio/chained_assistant.py", "gpt-4o-mini-tts"),
        ("exercises/04_audio/a3_speak_at_once.py", "gpt-4o-mini-tts"),
        ("exercises/index.toml", "gpt-4o-mini-tts"),
    }


def test_day_after_the_end_of_whisper_names_the_lesson():
    day = date(2027, 2, 27)
    found = uses(day)

    assert names(day, since=date(2027, 2, 25)) == FILES
    assert {
        ("03_realtime_api.py", DIARIZING),
        ("03_realtime_api.py", "whisper-1"),
    } < found
    assert all(NAMED[model].has_ended(day) for _, model in found)
    assert not any(file == "README.md" for file, _ in found)


def course_of(tmp_path, name, text):
    """A course of one page."""
    page = tmp_path / name
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
    return tmp_path


LATE = date(2027, 12, 31)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("README.md", "Ask `gpt-5-mini`.", [1]),
        ("README.md", "Ask `gpt-5-mini`, which ended on\nthat day.", []),
        ("README.md", "Ask `gpt-5-mini`.\nOpenAI shut another one down.", [1]),
        ("README.md", "It ends on 2026-12-11.\nAsk `gpt-5-mini`.", [2]),
        ("README.md", "| `gpt-5-mini` | 2026-12-11 |\n| `gpt-5-mini` | - |", [2]),
        ("README.md", "- 2026-12-11: `o3`\n- `o3`, whose answer ends early", [2]),
        ("README.md", "```\ngpt-5-mini, which ends on 2026-12-11\ngpt-5-mini\n```\n", [3]),
        ("README.md", "`my-gpt-5-mini`, `gpt-5-mini-x` and `gpt-6-luna` are others.", []),
        (
            "01_x.py",
            '"""Asks gpt-5-mini.\n\nAsks gpt-5-mini, which ended on 2026-12-11.\n"""\n',
            [1],
        ),
        ("01_x.py", 'M = "gpt-5-mini"  # it ended on 2026-12-11\n', [1]),
        ("01_x.py", 'M = "x"  # gpt-5-mini ended\n', []),
        ("01_x.py", "# Asks gpt-5-mini, which\n# ended on 2026-12-11.\nM = 1\n", []),
        ("examples/a/b.py", 'M = f(\n    "tts-1",\n    "whisper-1")\n', [2, 3]),
        ("console/parts.toml", 'a = "whisper-1"\nb = ["whisper-1", "2027-02-26"]\n', [1]),
        (".env.example", "# gpt-5-mini ends on 2026-12-11.\nOPENAI_MODEL=gpt-5-mini\n", [2]),
    ],
)
def test_sentence_that_says_so_is_no_complaint(tmp_path, name, text, lines):
    found = ended_mentions(LATE, course_of(tmp_path, name, text))

    assert [each.line for each in found] == lines


def test_each_model_that_the_course_names_is_in_the_table():
    named = [mention for path in pages() for mention, _ in mentions(path)]

    assert len(named) > 100
    assert {each.model for each in named} <= NAMED.keys()


@pytest.mark.parametrize("variable", DEFAULT_MODELS)
@pytest.mark.parametrize(("days", "is_told"), [(31, False), (30, True), (0, True), (-1, True)])
def test_default_that_ends_within_30_days_is_told(monkeypatch, variable, days, is_told):
    model = NAMED[DEFAULT_MODELS[variable]]
    monkeypatch.setitem(NAMED, model.id, replace(model, ends=str(NOW + timedelta(days))))

    found = list(ending_defaults(NOW))

    assert [variable in each for each in found] == [True] * is_told


def test_prices_are_told_when_they_are_older_than_180_days():
    read = date.fromisoformat(PRICES_READ)

    assert list(old_prices(read + timedelta(180))) == []
    [line] = old_prices(read + timedelta(181))
    assert "gpt-6-luna" in line and "gpt-transcribe" in line and "181 days" in line


def changed_sdk(tmp_path, file, old, new):
    """The SDK's lists of models, with one of them changed."""
    for each in set(SDK_LISTS.values()):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sdk_folder() / each, tmp_path / each)
    text = (tmp_path / file).read_text("utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new), "utf-8")
    return tmp_path


@pytest.mark.parametrize("variable", DEFAULT_MODELS)
def test_default_that_the_sdk_no_longer_names_is_told(tmp_path, variable):
    model = NAMED[DEFAULT_MODELS[variable]]
    sdk = changed_sdk(tmp_path, model.named_in, f'"{model.id}",', "")

    [line] = unknown_defaults(sdk)
    assert (
        line == f"{variable}={model.id} is a default, and openai/{model.named_in} doesn't name it"
    )


def test_end_that_the_sdk_announces_anew_is_told(tmp_path):
    file = SDK_LISTS["chat"]
    news = '- "gpt-6-luna",\n  "gpt-5.2": Announced\n  shutdown date: 2027-05-01. See\n'
    start = '"""Deprecated values:\n'
    sdk = changed_sdk(tmp_path, file, start, f"{start}\n{news}")

    found = differences(sdk_ends(sdk), "openai's types")

    assert found == [
        "gpt-5.2: openai's types says 2027-05-01, the course says that it stays",
        "gpt-6-luna: openai's types says 2027-05-01, the course says that it stays",
    ]
    assert stale(NOW, sdk) == found


def test_list_that_an_sdk_lacks_makes_its_default_unknown(tmp_path):
    assert sdk_names(tmp_path) == {} == sdk_ends(tmp_path)
    assert len(list(unknown_defaults(tmp_path))) == len(DEFAULT_MODELS)


def test_ends_of_the_sdk_are_read_from_every_list():
    ends = sdk_ends(sdk_folder())

    assert ends["gpt-5-mini"] == "2026-12-11"
    assert ends["whisper-1"] == "2027-02-26"
    assert ends["tts-1"] == "2027-01-06"
    assert ends["gpt-realtime"] == "2027-01-20"


@pytest.mark.parametrize("variable", DEFAULT_MODELS)
def test_successor_does_the_same_job_and_lasts(variable):
    """Also after a chain of ends; a model of another job gives the default."""
    for name, day in product(NAMED, (NOW, LATE)):
        better = NAMED[successor(name, variable, day)]

        assert better.role == NAMED[DEFAULT_MODELS[variable]].role
        assert not better.has_ended(day)


def test_successor_that_has_ended_itself_is_passed_over(monkeypatch):
    terra = NAMED["gpt-6.1-terra"]
    ends = replace(terra, ends="2027-01-01", successor="gpt-6.2-sol")
    monkeypatch.setitem(NAMED, terra.id, ends)

    assert successor("gpt-5-mini", "OPENAI_MODEL", NOW) == "gpt-6.1-terra"
    assert successor("gpt-5-mini", "OPENAI_MODEL", LATE) == "gpt-6.2-sol"


def test_variable_without_a_default_has_plan_b():
    assert successor("whisper-1", "OPENAI_DIARIZE_MODEL", NOW) is None
    assert "docs/4-audio.md" in freshness.remedy("whisper-1", "OPENAI_DIARIZE_MODEL", NOW)


def test_end_is_told_in_the_tense_of_the_day():
    assert ending("gpt-5-mini", NOW) == "OpenAI shuts gpt-5-mini down on 2026-12-11"
    assert ending("gpt-5-mini", LATE) == "OpenAI shut gpt-5-mini down on 2026-12-11"
    assert ending("gpt-6-luna", NOW) == ending("llama3", NOW) == ""


def test_command_names_what_has_ended(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["freshness", "2027-01-07"])

    assert freshness.main() == 1
    shown = capsys.readouterr().out
    assert "examples/audio/chained_assistant.py:17: gpt-4o-mini-tts ended on 2027-01-06" in shown


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_programs_and_the_example_of_settings_use_the_defaults(path):
    """Each program to copy names a model itself, as nothing of the course is in it."""
    text = path.read_text("utf-8")
    named = re.findall(r'"(OPENAI_\w*MODEL)", "([\w.-]+)"', text)
    named += re.findall(r"^(OPENAI_\w*MODEL)=(\S+)", text, re.MULTILINE)

    assert [pair for pair in named if DEFAULT_MODELS.get(pair[0], pair[1]) != pair[1]] == []
