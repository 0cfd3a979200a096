"""The doctor: what it finds, what it advises, and that it tells no key."""

from datetime import date

from common.doctor import examine, main, model
from common.settings import load_settings

KEY = "sk-proj-0123456789"


def findings(tmp_path, **environment):
    settings = load_settings(environment, tmp_path / "none.env")
    return {each.subject: each for each in examine(settings, date(2026, 11, 24))}


def test_healthy_machine_has_nothing_to_mend(tmp_path):
    found = findings(tmp_path)

    assert [each for each in found.values() if each.mend] == []
    assert found["who answers"].found == "the emulator on this machine"
    assert "models' names" in found["emulator"].found


def test_key_is_counted_not_told(tmp_path):
    found = findings(tmp_path, OPENAI_API_KEY=KEY)

    assert not any(KEY[:-4] in each.found for each in found.values())
    assert found["key"].found.endswith("ends in 6789")
    assert "api.openai.com" in found["who answers"].found


def test_bad_settings_are_a_row(capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-...")

    assert main() == 1

    shown = capsys.readouterr().out
    assert "OPENAI_API_KEY is still a placeholder" in shown
    assert "emulator" in shown


def test_ending_model_is_named_with_its_successor():
    ending = model("model", "gpt-5-mini", date(2026, 11, 24))
    ended = model("model", "gpt-5-mini", date(2026, 12, 11))

    assert ending.found == "gpt-5-mini, ends on 2026-12-11"
    assert ended.found == "gpt-5-mini, ended on 2026-12-11"
    assert ending.mend == "set OPENAI_MODEL=gpt-6.1-terra in .env"
