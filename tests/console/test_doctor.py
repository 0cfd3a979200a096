"""The doctor: what it finds, what it advises, and that it tells no key."""

import os
import socket
import sqlite3
import sys
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta

from audio.devices import DeviceError, how_to_install, lost, sound_system
from audio.portaudio import PortAudioFailure
from audio.sound_check import SoundCheck
from common.settings import default_settings, load_settings
from console import doctor
from console.doctor import (
    RECORDING_MODELS,
    Finding,
    answering_server,
    ask,
    engine,
    examine,
    kept_files,
    main,
    model,
    models,
    parse,
    sound,
    sound_devices,
)
from tests.support.cassettes import serving
from tests.support.pulse import pulse
from tests.support.scripted_devices import HEADSET, DeviceTime, ScriptedPortAudio

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "sk-proj-0123456789"


def findings(tmp_path, **environment):
    settings = load_settings(environment, tmp_path / "none.env")
    return {each.subject: each for each in examine(settings, date(2026, 11, 24))}


def install(folder, name, module):
    """Leave a package in a folder that cannot be imported in earnest."""
    (folder / f"{module}.py").write_text("raise AssertionError('was imported')")
    (folder / f"{name}-7.dist-info").mkdir()
    (folder / f"{name}-7.dist-info/METADATA").write_text(f"Name: {name}\nVersion: 7\n")


def test_healthy_machine_has_nothing_to_fix(tmp_path):
    found = findings(tmp_path)

    assert [each for each in found.values() if each.fix] == []
    assert found["server"].found == "the emulator on this machine"
    assert "model names" in found["emulator"].found


def test_key_is_counted_not_told(tmp_path):
    found = findings(tmp_path, OPENAI_API_KEY=KEY)

    assert not any(KEY[:-4] in each.found for each in found.values())
    assert found["key"].found.endswith("ends in 6789")
    assert "api.openai.com" in found["server"].found


def server_row(url, tmp_path):
    return answering_server(load_settings({"OPENAI_BASE_URL": url}, tmp_path / "none.env"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_server_that_cannot_be_reached_is_a_problem(tmp_path, host):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        there = server_row(f"http://{host}:{port}/v1", tmp_path)
    gone = server_row(f"http://{host}:{port}/v1", tmp_path)

    assert there == Finding("server", f"{host}:{port} (OPENAI_BASE_URL)")
    assert f"{host}:{port} (OPENAI_BASE_URL) cannot be reached: " in gone.found
    assert gone.fix == "start it, or correct OPENAI_BASE_URL"


def test_server_behind_a_proxy_is_not_tried(tmp_path, monkeypatch):
    """Only the proxy may know its name; a server on this machine is reached without one."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    assert server_row("https://no-such-host.invalid/v1", tmp_path).fix == ""
    assert server_row("http://127.0.0.1:9/v1", tmp_path).fix != ""


def test_bad_settings_are_a_row(capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-...")

    assert main() == 1

    shown = capsys.readouterr().out
    assert "OPENAI_API_KEY is still a placeholder" in shown
    assert "emulator" in shown


def test_ending_model_is_named_with_its_successor():
    ending, ended = (
        model("model", "gpt-5-mini", "OPENAI_MODEL", day, "2026-12-11")
        for day in (date(2026, 11, 24), date(2026, 12, 11))
    )

    assert ending.found == "gpt-5-mini, ends on 2026-12-11"
    assert ended.found == "gpt-5-mini, ended on 2026-12-11"
    assert ending.fix == ended.fix == "set OPENAI_MODEL=gpt-6.1-terra in .env"


ENDING = {
    "OPENAI_MODEL": ("gpt-4o", date(2027, 1, 14), "gpt-6-luna"),
    "OPENAI_EMBEDDING_MODEL": ("text-embedding-ada-002", None, None),
    "OPENAI_REALTIME_MODEL": ("gpt-realtime", date(2027, 1, 20), "gpt-realtime-2.1"),
    "OPENAI_TRANSCRIBE_MODEL": ("whisper-1", date(2027, 2, 26), "gpt-transcribe"),
}


@pytest.mark.parametrize(("variable", "row"), ENDING.items(), ids=list(ENDING))
@pytest.mark.parametrize(("days", "is_warned"), [(91, False), (90, True), (-1, True)])
def test_each_variable_is_warned_of_90_days_before(tmp_path, variable, row, days, is_warned):
    name, ends, better = row
    settings = load_settings({variable: name}, tmp_path / "none.env")
    today = (ends or date(2026, 11, 28)) - timedelta(days)

    fixes = [each.fix for each in models(settings, today) if each.found.startswith(f"{name}, ")]

    expected = f"set {variable}={better} in .env" if is_warned and better else ""
    assert [fix for fix in fixes if fix.startswith("set")] == [expected] * bool(expected)


def test_variable_of_an_example_is_a_row(tmp_path):
    settings = load_settings({"OPENAI_DIARIZE_MODEL": "gpt-4o-transcribe-diarize"}, tmp_path / "x")
    rows = {each.subject: each for each in models(settings, date(2027, 2, 27))}

    assert "ended on 2027-02-26" in rows["OPENAI_DIARIZE_MODEL"].found
    assert "docs/4-audio.md" in rows["OPENAI_DIARIZE_MODEL"].fix


def test_end_that_only_the_server_knows_is_a_problem():
    """Our own table is older than what the server says."""
    listed = {"gpt-6-luna": "2026-12-24", "gpt-5-mini": "2026-12-11", "gpt-x": "2026-12-01"}
    settings = replace(default_settings(), key=KEY)

    rows = {each.subject: each for each in models(settings, date(2026, 11, 28), listed)}

    assert rows["model"].found == "gpt-6-luna, ends on 2026-12-24"
    assert rows["model"].fix == "get the newest course: git pull"
    assert rows["ends of models"].found == (
        "gpt-6-luna: api.openai.com says 2026-12-24, the course says that it stays"
    )
    assert "git pull" in rows["ends of models"].fix


def test_server_that_reports_no_end_denies_none():
    """A server may leave the field out, and one that isn't OpenAI's has other models."""
    listed = {"gpt-6-luna": None, "gpt-5-mini": None, "llama3": None}
    settings = replace(default_settings(), model="gpt-5-mini")

    rows = {each.subject: each for each in models(settings, date(2026, 11, 28), listed)}

    assert rows["model"].found == "gpt-5-mini, ends on 2026-12-11"
    assert rows["ends of models"].fix == ""


@contextmanager
def model_list(*fields):
    """The settings for a server whose list has these models, one that breaks if there are none."""
    body = {"object": "list", "data": [{"object": "model", **each} for each in fields]}

    async def answer(request):
        return JSONResponse(body) if fields else JSONResponse({"error": {"message": "off"}}, 500)

    with serving(Starlette(routes=[Route("/v1/models", answer)])) as base_url:
        yield replace(default_settings(), base_url=base_url)


def test_server_is_asked_for_the_ends_of_its_models():
    plain = {"id": "gpt-a", "created": 1, "owned_by": "x"}
    dated = plain | {"id": "gpt-b", "shutdown_date": "2027-01-01"}
    with model_list(plain, dated, plain | {"id": "gpt-c", "shutdown_date": None}) as settings:
        assert ask(settings) == {"gpt-a": None, "gpt-b": "2027-01-01", "gpt-c": None}

    assert ask(default_settings()) is None


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        ("2027-01-01T00:00:00Z", "2027-01-01"),
        *[(value, None) for value in ("soon", "", 1798761600, 0.5, [], {}, True, "2027-13-01")],
    ],
)
def test_end_in_another_form_than_openais_stops_nobody(sent, day):
    with model_list({"id": "gpt-b", "created": 1, "owned_by": "x", "shutdown_date": sent}) as there:
        assert ask(there) == {"gpt-b": day}


@pytest.mark.parametrize("body", [b"<p>Sign in</p>", b"[]", b'{"data": 7}', b'{"data": [7]}', b""])
def test_server_that_lists_something_else_stops_nobody(body):
    async def answer(request):
        return Response(body, media_type="application/json")

    with serving(Starlette(routes=[Route("/v1/models", answer)])) as base_url:
        asked = ask(replace(default_settings(), base_url=base_url))

    assert asked == {} or "doesn't list its models" in asked.found


def test_server_that_does_not_list_its_models_is_a_row_without_a_fix():
    with model_list() as settings:
        asked = ask(settings)
        rows = list(models(settings, date(2026, 11, 28), asked))

    assert asked in rows
    assert "doesn't list its models: the server failed (500)" in asked.found
    assert not any(each.fix for each in rows)


@pytest.mark.parametrize("end", ["", "/"])
def test_address_without_v1_has_its_fix(end):
    with model_list({"id": "llama3", "created": 1, "owned_by": "x"}) as settings:
        bare = settings.base_url.removesuffix("/v1")
        asked = ask(replace(settings, base_url=bare + end))

    assert "doesn't list its models" in asked.found
    assert asked.fix == "add /v1 to the end of OPENAI_BASE_URL"


def test_model_that_the_server_lacks_is_a_problem():
    settings = replace(default_settings(), base_url="http://127.0.0.1:1/v1", model="qwen9")
    listed = dict.fromkeys(["llama3:latest", "gpt-6-luna", "phi4"])

    rows = {each.subject: each for each in models(settings, date(2026, 11, 28), listed)}

    assert rows["model"].found == "qwen9; 127.0.0.1:1 doesn't list it"
    assert rows["model"].fix.endswith(
        " the server lists, such as gpt-6-luna or llama3:latest or phi4"
    )
    assert "doesn't list it" in rows["realtime"].found
    assert rows["realtime"].fix == ""


@pytest.mark.parametrize("listed", ["qwen9", "qwen9:latest", "qwen9-2026-01-01", "qwen*", "*"])
def test_model_may_be_listed_by_another_form_of_its_name(listed):
    settings = replace(default_settings(), base_url="http://127.0.0.1:1/v1", model="qwen9")

    rows = {each.subject: each for each in models(settings, date(2026, 11, 28), {listed: None})}

    assert rows["model"].found == "qwen9"


def test_every_engine_is_a_row(tmp_path):
    found = findings(tmp_path)

    assert {
        "text-to-speech",
        "speech recognition",
        "voice activity",
        "sound devices",
    } <= found.keys()


def test_engine_is_found_without_import(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "good_voice", "good_voice")
    install(tmp_path, "its_model", "its_model")

    whole = engine("text-to-speech", [("good-voice", "its-model"), ("plain",)], "all is silent")

    assert whole == Finding("text-to-speech", "good-voice 7 with its-model 7")


def test_half_engine_gives_way_to_next(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "good_voice", "good_voice")
    install(tmp_path, "plain", "plain")

    found = engine("text-to-speech", [("good-voice", "its-model"), ("plain",)], "all is silent")

    assert found == Finding("text-to-speech", "plain 7")


def test_package_without_module_counts_as_missing(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "plain", "plain")
    (tmp_path / "plain.py").unlink()

    found = engine("text-to-speech", [("plain",)], "all is silent")

    assert found.fix == ""  # an extra is no problem
    assert found.found.startswith("not installed, so all is silent; to try: py")
    assert found.found.endswith(" course.py extras")


def test_devices_are_a_row_with_their_package():
    found = sound_devices(lambda: ScriptedPortAudio(DeviceTime()))

    assert found.found.startswith("USB Headset; 2 inputs, 3 outputs, by ")
    assert found.fix == ""


def test_missing_package_for_sound_is_no_problem():
    def missing():
        raise DeviceError("there is no package for sound devices", "why", how_to_install())

    found = sound_devices(missing)

    assert found.found.startswith("there is no package for sound devices, so lesson 3 uses WAV")
    assert found.found.endswith(how_to_install())
    assert found.fix == ""


def test_system_without_devices_is_no_problem():
    found = sound_devices(lambda: ScriptedPortAudio(DeviceTime(), []))

    assert found.found.startswith(
        "no microphone was found, so lesson 3 uses WAV files; to fix it: plug one"
    )
    assert found.fix == ""


CHECK = SoundCheck("Headset", "Speakers", 48_000, 24_000, 69.4, -20.4, -61.2, False, ())


def sound_rows(monkeypatch, **changes):
    monkeypatch.setattr(doctor, "run_sound_check", lambda *_: replace(CHECK, **changes))
    return list(sound(parse(["--sound"]), lambda: ScriptedPortAudio(DeviceTime())))


def test_sound_check_is_shown_with_rates_and_levels(monkeypatch):
    assert sound_rows(monkeypatch) == [
        Finding("microphone", "Headset, opened at 48,000 Hz, tone -20 dBFS, noise -61 dBFS"),
        Finding("loudspeaker", "Speakers, opened at 24,000 Hz"),
        Finding("round trip", "69 ms from loudspeaker to microphone"),
    ]


@pytest.mark.parametrize(
    ("platform", "changes", "fix"),
    [
        ("linux", {"is_silent": True}, "look for a mute switch"),
        ("darwin", {"is_silent": True}, "System Settings > Privacy & Security > Microphone"),
        ("win32", {"is_silent": True}, "Settings > Privacy & security > Microphone"),
        ("linux", {"level_dbfs": -1.0}, "turn its level down"),
        ("linux", {"level_dbfs": -50.0}, "turn its level up"),
        ("linux", {"reports": ("The loudspeaker 'X': too slow.",)}, "close other programs"),
    ],
)
def test_each_problem_of_sound_has_its_fix(monkeypatch, platform, changes, fix):
    monkeypatch.setattr(sys, "platform", platform)

    [problem] = [each.fix for each in sound_rows(monkeypatch, **changes) if each.fix]
    assert problem.startswith(fix)


def test_device_that_is_pulled_out_of_a_sound_check_is_to_be_plugged_in(monkeypatch):
    problem = lost("microphone", HEADSET)
    found = [each for each in sound_rows(monkeypatch, problems=(problem,)) if each.fix]

    assert [each.fix for each in found] == [problem.attempt]
    assert "'USB Headset' stopped working" in found[0].found
    assert found[0].fix.startswith("plug it in and start again")


@pytest.mark.parametrize(("today", "has_ended"), [("2026-11-28", False), ("2027-02-26", True)])
def test_models_that_part_7_names_are_shown_with_their_ends(today, has_ended):
    found = [
        each
        for each in models(default_settings(), date.fromisoformat(today))
        if each.subject == "3 transcribe"
    ]

    assert [each.found.split(",")[0] for each in found] == list(RECORDING_MODELS)
    assert all("on 2027-02-26; plan B: docs/4-audio.md" in each.found for each in found)
    assert [bool(each.fix) for each in found] == [has_ended] * 2


def test_tone_that_headphones_keep_to_themselves_is_no_problem(monkeypatch):
    rows = sound_rows(monkeypatch, round_trip_ms=None, level_dbfs=-70.0)

    assert [each.fix for each in rows] == ["", "", ""]
    assert "that's normal with headphones" in rows[-1].found


def test_device_that_cannot_be_opened_is_a_problem_with_its_fix(capsys, monkeypatch):
    busy = PortAudioFailure(-9985, "Device unavailable")
    monkeypatch.setattr(
        doctor, "sound_system", lambda: ScriptedPortAudio(DeviceTime(), failure=busy)
    )
    rows = list(sound(parse(["--sound", "--input", "0"]), doctor.sound_system))

    assert [each.subject for each in rows] == ["sound"]
    assert "'USB Headset' can't be opened" in rows[0].found
    assert rows[0].fix.startswith("close the programs that use it")


def test_doctor_plays_and_records_on_a_real_server(capsys):
    with pulse() as server:
        server.listen_to("speaker")
        try:
            sound_system().close()
        except DeviceError as error:
            pytest.skip(str(error))
        main(["--sound"])

    shown = " ".join(capsys.readouterr().out.split())
    assert "ms from loudspeaker to microphone" in shown
    assert "default, opened at 24,000 Hz, tone -1" in shown


def test_variables_that_stop_connections_are_rows(tmp_path, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    found = findings(tmp_path)

    assert "ALL_PROXY names a SOCKS proxy" in found["proxy"].found
    assert "pip install socksio" in found["proxy"].fix
    assert "gone.pem" in found["certificates"].found
    assert "SSL_CERT_FILE" in found["certificates"].fix
    assert found["emulator"].fix == "", "it works without either"


def test_env_file_with_another_name_is_a_row(tmp_path, monkeypatch, capsys):
    (tmp_path / ".env.txt").write_text("OPENAI_API_KEY=sk-x\n")
    monkeypatch.setattr(doctor, "load_settings", lambda: load_settings({}, tmp_path / ".env"))

    assert main() == 1

    shown = " ".join(capsys.readouterr().out.split())
    assert "there is a file .env.txt, but no .env" in shown


def test_kept_files_are_found(tmp_path):
    folder = tmp_path / ".emulator"
    assert kept_files(folder) == Finding("kept files", "none yet")

    folder.mkdir()
    with closing(sqlite3.connect(folder / "library.sqlite3")) as database:
        database.execute("CREATE TABLE x (y)")
    assert kept_files(folder) == Finding("kept files", str(folder))
    assert os.listdir(folder) == ["library.sqlite3"]


def test_course_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)

    found = kept_files(tmp_path / ".emulator")

    assert str(tmp_path) in found.found
    assert found.fix == "copy the course to a folder of your own"


def test_kept_files_that_cannot_be_written_are_told(tmp_path):
    """Root may write anywhere, so the test puts other obstacles in the way."""
    folder = tmp_path / ".emulator"
    folder.write_text("a file")
    assert "can't be written: " in kept_files(folder).found

    folder.unlink()
    folder.mkdir()
    (folder / "library.sqlite3").write_text("no database, but as long as the head of one. " * 30)
    found = kept_files(folder)
    assert f"{folder} can't be written: " in found.found
    assert f'"{folder}"' in found.fix


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give away")
def test_kept_files_of_another_user_need_more_rights(tmp_path):
    (tmp_path / "emulator.sqlite3").write_text("no database, but as long as a head. " * 30)
    os.chown(tmp_path, 12345, -1)

    assert kept_files(tmp_path).fix.startswith("sudo rm -r ")


def test_model_of_another_kind_is_named_with_its_own_variable():
    found = model(
        "realtime", "gpt-realtime", "OPENAI_REALTIME_MODEL", date(2026, 11, 24), "2027-01-20"
    )

    assert found.fix == "set OPENAI_REALTIME_MODEL=gpt-realtime-2.1 in .env"
