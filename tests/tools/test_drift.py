"""The drift of the API: its cost, what is told of a server that answers in another way."""

import json
import shutil

from common import COURSE
from common.servers import start_emulator
from common.settings import default_settings
from tests.support import lessons
from tests.support.cassettes import write_cassette
from tests.support.changed_answers import changing_answers_of
from tools import drift, record_fixtures
from tools.drift import COSTLY, EXTRA, MOST_DOLLARS, chosen, compare, cost, main, refusal
from tools.recorded_shapes import shape

import pytest

SCRIPT = "01_streaming.py"


@pytest.fixture(scope="module")
def emulator():
    with start_emulator(0) as base_url:
        yield base_url


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """The lessons run in this process, which is faster."""

    def run(script, *words, typed=""):
        return lessons.run_here(*words, script=COURSE / script, **variables).stdout

    variables = {}
    monkeypatch.setattr(drift, "run", run)
    monkeypatch.setattr(record_fixtures, "run", run)
    return variables


@pytest.fixture
def fixture(tmp_path):
    """A copy of the cassette of a part, with its screen."""
    for ending in (".jsonl", ".txt"):
        shutil.copy(record_fixtures.FIXTURES / "lesson1" / f"events{ending}", tmp_path)
    return tmp_path / "events.jsonl"


def test_smallest_calls_of_all_parts_cost_less_than_five_cents():
    prices = {part: cost(file) for _, part, file in chosen([])}

    assert (
        0.01
        < sum(cents for part, cents in prices.items() if part not in COSTLY + EXTRA)
        < MOST_DOLLARS
    )
    assert prices["measure"] > MOST_DOLLARS
    assert prices["voice"] > prices["text"] > prices["cleanup"] == 0


def test_without_a_key_nothing_is_asked():
    assert "there is no key" in refusal(default_settings(), 0.0)


def test_cost_is_told_before_anything_is_asked(emulator, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_BASE_URL", emulator)
    monkeypatch.setattr("builtins.input", lambda prompt: "n")

    assert main(["stream", "events"]) == 1
    shown = capsys.readouterr().out
    assert "stream     about $0.0001" in shown and "all        about $0.0002" in shown
    assert "fixture" not in shown

    with pytest.raises(SystemExit, match="(?s)it would cost .*more than 5 cents"):
        main(["measure"])


def test_server_that_answers_as_recorded_has_no_drift(emulator, fixture, in_this_process):
    in_this_process["OPENAI_BASE_URL"] = emulator
    before = fixture.read_bytes()

    found = list(compare(SCRIPT, "events", fixture))

    assert found == ["as in the fixture", "answered by emulator, so the fixture stays"]
    assert fixture.read_bytes() == before


def test_event_with_another_name_is_told(emulator, fixture, in_this_process):
    with changing_answers_of(emulator) as (answers, base_url):
        kind = "POST /v1/responses response.output_text.delta"
        answers.change = (kind, ("type",), ["response.text.delta"])
        in_this_process["OPENAI_BASE_URL"] = base_url
        found = list(compare(SCRIPT, "events", fixture))

    assert "- POST /v1/responses: response.output_text.delta" in found
    assert "+ POST /v1/responses: response.text.delta" in found
    assert "so the fixture stays" in found[-1]


def answered_by_openai(fixture, target, without=""):
    """The recording as OpenAI would have answered it, perhaps without an event."""
    lines = [json.loads(line) for line in fixture.read_text("utf-8").splitlines()]
    lines[0]["answered_by"] = "api.openai.com"
    for line in lines:
        line.pop("crc")
        line.get("headers", {}).pop("x-openai-emulator", None)
    kept = [line for line in lines[:-1] if not without or without not in json.dumps(line)]
    return write_cassette(target, kept)


@pytest.mark.parametrize("without", ["", "response.output_text.done"])
def test_recording_of_openai_takes_the_place_of_the_emulators(
    fixture, tmp_path, monkeypatch, without, capsys
):
    """Unless something is missing in it."""
    live = answered_by_openai(fixture, tmp_path / "live.jsonl", without)

    def run(script, part, *words, typed=""):
        if "--record" in words:
            shutil.copy(live, words[-1])
        played = lessons.run_here(part, "--replay", str(live), "--speed", "0")
        return played.stdout

    monkeypatch.setattr(drift, "run", run)
    monkeypatch.setattr(record_fixtures, "run", run)

    found = list(compare(SCRIPT, "events", fixture))

    is_replaced = not without
    assert (shape(fixture).answered_by == "api.openai.com") is is_replaced
    assert ("the fixture stays" in found) is not is_replaced
    assert (
        f"it has no POST /v1/responses: {without}" in capsys.readouterr().out
    ) is not is_replaced
