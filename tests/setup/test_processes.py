"""Running other programs: what they see of our settings, and that none is left behind."""

import signal
import socket
import sys
from pathlib import Path

from setup import processes
from tests.support.interrupts import can_interrupt

import pytest

# Reports that it runs, then stays; Ctrl-C means nothing to it.
DEAF = """
import signal, socket
signal.signal(signal.SIGINT, signal.SIG_IGN)
connection = socket.create_connection(("127.0.0.1", PORT))
print("ready", flush=True)
connection.recv(1)
"""
PARENT = "import subprocess, sys; subprocess.call([sys.executable, '-c', DEAF])"


def press_ctrl_c(line: str) -> None:
    assert line == "ready"
    raise KeyboardInterrupt


def test_settings_of_pip_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "mine")
    names = "print(sorted(n + '=' + v for n, v in os.environ.items() if v in ('mine', '0')))"

    code, said = processes.run([sys.executable, "-c", "import os; " + names], folder=tmp_path)

    assert code == 0
    assert "PIP_USER=0" in said
    assert [word for word in said.split("'") if "=mine" in word] == ["PIP_INDEX_URL=mine"]


@can_interrupt
@pytest.mark.parametrize("is_child", [True, False], ids=["child", "child of the child"])
def test_nothing_outlives_ctrl_c(is_child: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE_S", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        deaf = DEAF.replace("PORT", str(server.getsockname()[1]))
        program = deaf if is_child else PARENT.replace("DEAF", repr(deaf))
        with pytest.raises(KeyboardInterrupt):
            processes.run([sys.executable, "-c", program], press_ctrl_c)

        with server.accept()[0] as started:
            started.settimeout(60)
            assert started.recv(1) == b""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@can_interrupt
def test_ctrl_c_while_child_starts_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    start = processes.start

    def pressed_meanwhile(*arguments: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return start(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(processes, "start", pressed_meanwhile)

    with pytest.raises(KeyboardInterrupt):
        processes.run([sys.executable, "-c", "print('never read')"], press_ctrl_c)


@can_interrupt
def test_ctrl_c_right_after_the_start_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    start, restore, started = processes.start, signal.signal, []

    def noted(*arguments: object) -> object:
        started.append(start(*arguments))  # type: ignore[arg-type]
        return started[0]

    def pressed_at_once(number: int, handler: object) -> object:
        before = restore(number, handler)  # type: ignore[arg-type]
        if len(started) == 1 and handler is signal.default_int_handler:
            started.append(None)  # type: ignore[arg-type]
            signal.raise_signal(signal.SIGINT)
        return before

    monkeypatch.setattr(processes, "start", noted)
    monkeypatch.setattr(processes.signal, "signal", pressed_at_once)

    with pytest.raises(KeyboardInterrupt):
        processes.run([sys.executable, "-c", "import time; time.sleep(60)"])
    assert started[0].returncode is not None


def test_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        processes.run([tmp_path / "nowhere"])
    assert signal.getsignal(signal.SIGINT) is not None
