"""The check list of the day before a class."""

import os
import shutil
import socket
from dataclasses import replace
from datetime import date, timedelta

from common.settings import default_settings
from console import class_check, doctor
from console.class_check import (
    FIXTURES,
    cassettes,
    characters,
    check_class,
    colors,
    ports,
    window,
)
from tests.support.cassettes import HEADER, write_cassette

import pytest

TODAY = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("columns", "lines", "is_right"),
    [(100, 30, True), (220, 60, True), (99, 30, False), (100, 29, False), (80, 24, False)],
)
def test_window_has_room_for_the_back_row(columns, lines, is_right):
    found = window(True, os.terminal_size((columns, lines)))

    assert (found.fix == "") is is_right
    assert found.found == f"{columns} columns, {lines} lines"
    assert window(False, os.terminal_size((1, 1))).fix == ""


@pytest.mark.parametrize(("encoding", "is_right"), [("utf-8", True), ("cp1252", False)])
def test_encoding_without_bars_is_a_problem(encoding, is_right):
    assert (characters(encoding).fix == "") is is_right


@pytest.mark.parametrize(
    ("system", "is_terminal", "environment", "fix"),
    [
        ("truecolor", True, {}, ""),
        (None, False, {"NO_COLOR": "1"}, ""),
        (None, True, {"NO_COLOR": "1"}, "unset NO_COLOR"),
        (None, True, {"TERM": "dumb"}, "use another terminal, or set TERM=xterm-256color"),
    ],
)
def test_terminal_without_colors_has_its_fix(system, is_terminal, environment, fix):
    assert colors(system, is_terminal, environment).fix == fix


def test_recordings_of_the_course_are_complete_and_recent():
    recorded = date.fromisoformat(
        class_check.Cassette(FIXTURES / "lesson1/stream.jsonl").header["recorded"]
    )

    assert cassettes(default_settings(), recorded).fix == ""
    old = cassettes(default_settings(), recorded + timedelta(400))
    assert str(recorded) in old.found and "git pull" in old.fix


def test_recordings_of_another_model_are_a_problem():
    found = cassettes(replace(default_settings(), model="gpt-6.1-terra"), TODAY)

    assert "made with gpt-6-luna" in found.found
    assert "remove the OPENAI_..._MODEL lines" in found.fix


def test_missing_or_damaged_recordings_are_named(tmp_path):
    for lesson in class_check.SCRIPTS:
        (tmp_path / lesson).mkdir()
        for path in (FIXTURES / lesson).glob("*.jsonl"):
            (tmp_path / lesson / path.name).symlink_to(path)
    (tmp_path / "lesson1/chat.jsonl").unlink()
    (tmp_path / "lesson3/text.jsonl").unlink()
    write_cassette(tmp_path / "lesson3/text.jsonl", [HEADER], close=False)

    found = cassettes(default_settings(), TODAY, tmp_path)

    assert "chat: there is none; text: " in found.found
    assert "text.jsonl breaks off" in found.found


def test_ports_that_a_firewall_closes_are_a_problem():
    def refused(address):
        raise PermissionError(13, "Permission denied")

    class Silent(socket.socket):
        """A listener whose address leads nowhere, as behind a firewall."""

        def getsockname(self):
            with socket.create_server(("127.0.0.1", 0)) as gone:
                return gone.getsockname()

    assert ports().fix == ""
    assert "Permission denied" in ports(refused).found
    assert "firewall" in ports(lambda address: Silent()).fix


def test_list_names_what_a_class_needs(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "load_settings", default_settings)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_: os.terminal_size((100, 30)))

    subjects = {each.subject for each in check_class(default_settings(), TODAY)}
    assert {"window", "fonts", "colors", "sound devices", "cassettes", "ports"} < subjects

    doctor.main(["--class"])
    assert "cassettes" in capsys.readouterr().out
