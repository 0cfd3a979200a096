"""Recording the fixtures: without the engines of speech nothing is recorded."""

import shutil

from setup import requirements
from tools import record_fixtures

import pytest


@pytest.mark.parametrize("missing", record_fixtures.SPEECH)
def test_recording_without_speech_is_refused(monkeypatch, missing):
    monkeypatch.setattr(requirements, "is_installed", lambda name: name != missing)
    recorded = []
    monkeypatch.setattr(record_fixtures, "record", lambda *told, **_: recorded.append(told))

    with pytest.raises(SystemExit, match=f"not installed: {missing}\n  why: .*\n  try: .*extras"):
        record_fixtures.main()

    assert recorded == []


def test_recording_with_speech_covers_every_part(monkeypatch):
    monkeypatch.setattr(requirements, "is_installed", lambda name: True)
    recorded = []
    monkeypatch.setattr(record_fixtures, "record", lambda *told, **_: recorded.append(told))

    assert record_fixtures.main() == 1, "nothing was replaced"

    assert {script for script, _, _ in recorded} == set(record_fixtures.SCRIPTS.values())


def test_recording_of_one_part_leaves_the_others(monkeypatch):
    monkeypatch.setattr(requirements, "is_installed", lambda name: True)
    recorded = []
    monkeypatch.setattr(record_fixtures, "record", lambda *told, **_: not recorded.append(told))

    assert record_fixtures.main(["voice"]) == 0
    assert [part for _, part, _ in recorded] == ["voice"]
    with pytest.raises(SystemExit, match="no part 'voices'"):
        record_fixtures.main(["voices"])


def test_poorer_recording_never_takes_the_place_of_a_fixture(monkeypatch, tmp_path, capsys):
    fixtures = record_fixtures.FIXTURES / "lesson1"
    for ending in (".jsonl", ".txt"):
        shutil.copy(fixtures / f"stream{ending}", tmp_path / f"stream{ending}")
    file, before = tmp_path / "stream.jsonl", (fixtures / "stream.jsonl").read_bytes()

    def run(script, *words, typed="", variables=None):
        if "--record" in words:
            shutil.copy(fixtures / "stop.jsonl", words[-1])
        return "the same screen"

    monkeypatch.setattr(record_fixtures, "run", run)

    assert not record_fixtures.record("01_streaming.py", "stream", file)
    assert file.read_bytes() == before
    assert file.with_suffix(".txt").read_text("utf-8") != "the same screen"
    assert "the new recording is poorer" in capsys.readouterr().out
    assert record_fixtures.record("01_streaming.py", "stream", file, is_forced=True)
    assert file.read_bytes() != before
