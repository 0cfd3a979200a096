"""Recording the fixtures: without the engines of speech nothing is recorded."""

from setup import requirements
from tools import record_fixtures

import pytest


@pytest.mark.parametrize("missing", record_fixtures.SPEECH)
def test_recording_without_speech_is_refused(monkeypatch, missing):
    monkeypatch.setattr(requirements, "is_installed", lambda name: name != missing)
    recorded = []
    monkeypatch.setattr(record_fixtures, "record", lambda *told: recorded.append(told))

    with pytest.raises(SystemExit, match=f"not installed: {missing}\n  why: .*\n  try: .*extras"):
        record_fixtures.main()

    assert recorded == []


def test_recording_with_speech_covers_every_part(monkeypatch):
    monkeypatch.setattr(requirements, "is_installed", lambda name: True)
    recorded = []
    monkeypatch.setattr(record_fixtures, "record", lambda *told: recorded.append(told))

    record_fixtures.main()

    assert {script for script, _, _ in recorded} == set(record_fixtures.LESSONS.values())
