"""course.py run: an unmodified program of anybody's, its server, and what happens on the way."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from cassette.format import Cassette
from console.run import main, split
from tests.support import lessons
from tests.support.complaints import CANARY, COMPLAINT
from tests.support.fork_server import Popen
from tests.support.interrupts import can_interrupt

import pytest

RUN = lessons.COURSE / "console" / "run.py"
PROGRAM = """
import sys
from openai import OpenAI
answer = ""
for chunk in OpenAI(max_retries=0).chat.completions.create(
    model="gpt-6-luna",
    messages=[{"role": "user", "content": "Reply with exactly: one two three"}],
    stream=True,
):
    answer += chunk.choices[0].delta.content or ""
print(answer, *sys.argv[1:])
sys.exit(7)
"""
TWICE = """
import openai
client = openai.OpenAI(max_retries=0)
for _ in range(4):
    try:
        client.models.retrieve("gpt-6-luna")
        print("fine")
    except openai.APIStatusError as error:
        print(error.status_code)
"""
CALL = """
from openai import OpenAI
with OpenAI().realtime.connect(model="gpt-realtime-2.1-mini") as connection:
    print(connection.recv().type)
    connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
    print(connection.recv().type)
"""
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Write a program into an empty folder, which becomes the current one."""
    monkeypatch.chdir(tmp_path)

    def write(text):
        (tmp_path / "mine.py").write_text(textwrap.dedent(text))
        return "mine.py"

    return write


def run(*words, **variables):
    with Popen(
        [sys.executable, str(RUN), *words],
        env=lessons.environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_program_reaches_the_emulator(program):
    code, out, err = run("--pace", "0", program(PROGRAM), "--wire", "x")

    assert (code, out) == (7, "one two three --wire x\n")
    assert "the course's emulator" in err


def test_named_server_answers(program, start):
    emulator = start()

    code, out, _ = run(program(PROGRAM), OPENAI_BASE_URL=emulator.base_url)

    assert (code, out) == (7, "one two three \n".replace(" \n", "\n"))
    assert [each.path for each in emulator.exchanges] == ["/v1/chat/completions"]


def test_program_is_recorded_and_replayed_without_anyone(program, start):
    mine = program(PROGRAM)
    recorded = run("--record", "c.jsonl", mine, OPENAI_BASE_URL=start().base_url)

    replayed = run("--replay", "c.jsonl", "--speed", "0", mine)

    assert recorded[:2] == replayed[:2] == (7, "one two three\n")
    assert Cassette(Path("c.jsonl")).header["program"].endswith("mine.py")
    assert "cassette c.jsonl" in replayed[2]


def test_what_was_not_recorded_is_an_error_although_the_program_ended_well(program, start):
    run("--record", "c.jsonl", program(PROGRAM), OPENAI_BASE_URL=start().base_url)

    code, out, err = run("--replay", "c.jsonl", program("print('nothing asked')"))

    assert (code, out) == (1, "nothing asked\n")
    assert "error: " in err and "Traceback" not in err


def test_traffic_goes_to_standard_error(program, start):
    code, out, err = run("--wire", program(PROGRAM), OPENAI_BASE_URL=start().base_url)

    assert (code, out) == (7, "one two three\n")
    assert "> POST /v1/chat/completions" in err
    assert "< data: [DONE]" in err


def test_websockets_pass_and_are_shown(program, start):
    code, out, err = run("--wire", program(CALL), OPENAI_BASE_URL=start().base_url)

    assert (code, out) == (0, "session.created\nsession.updated\n")
    assert "session.update " in err


def test_every_second_request_fails_on_purpose(program):
    code, out, _ = run("--pace", "0", "--fault", "500", "--every", "2", program(TWICE))

    assert (code, out.split()) == (0, ["fine", "500", "fine", "500"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fault", "shatter", "mine.py"], "Unknown fault: 'shatter'"),
        (["none.py"], "there is no file none.py"),
        (["--", "no-such-command"], "no-such-command can't be started"),
        (["--replay", "none.jsonl", "mine.py"], "none.jsonl cannot be read"),
    ],
)
def test_failure_is_explained_in_three_lines(program, words, said):
    program("")

    code, out, err = run("--pace", "0", *words)

    assert (code, out) == (1, "")
    explained = err[err.index("error: ") :]
    assert said in explained
    assert COMPLAINT.fullmatch(explained)


def test_fault_needs_the_emulator(program, start):
    code, _, err = run("--fault", "500", program(""), OPENAI_BASE_URL=start().base_url)

    assert code == 1
    assert "error: --fault needs the emulator" in err


def test_option_behind_the_file_gets_a_hint(program, start):
    mine = program("import sys; print(sys.argv[1:])")

    code, out, err = run(mine, "--wire", "--pace=0", "--no", OPENAI_BASE_URL=start().base_url)

    assert (code, out) == (0, "['--wire', '--pace=0', '--no']\n")
    hint = "goes to mine.py: options of `run` stand before the file."
    assert [line for line in err.splitlines() if hint in line] == [
        f"|  {word} {hint}" for word in ("--wire", "--pace=0")
    ]


@pytest.mark.parametrize("every", [["--every", "2"], ["--every=2"]])
def test_every_needs_a_fault(every, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*every, "mine.py"])

    assert ended.value.code == 2
    assert "--every needs --fault" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--"],
        ["--dance", "mine.py"],
        ["--every", "0", "mine.py"],
        ["app.mjs"],
        ["--record", "a", "--replay", "b", "mine.py"],
    ],
)
def test_arguments_that_make_no_sense(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert "usage: " in capsys.readouterr().err


def test_similar_option_is_suggested(capsys):
    with pytest.raises(SystemExit):
        main(["--ofline", "mine.py"])

    assert capsys.readouterr().err.rstrip().endswith("Did you mean --offline?")


def test_similar_fault_is_suggested(program, capsys):
    program("")
    with pytest.raises(SystemExit):
        main(["--fault", "halfjsn@3", "mine.py"])

    assert "try: Did you mean halfjson? If not, pick one" in capsys.readouterr().err


def test_options_end_where_the_program_begins():
    assert split(["--wire", "a.py", "--pace", "1"]) == (["--wire"], ["a.py", "--pace", "1"])
    assert split(["--pace", "0", "--", "pytest", "-q"]) == (["--pace", "0"], ["--", "pytest", "-q"])
    assert split(["--pace=0", "a.py"]) == (["--pace=0"], ["a.py"])
    assert split(["--pace"]) == (["--pace"], [])


def test_any_command_line_runs(start):
    command = [sys.executable, "-c", SHOW]

    code, out, _ = run(
        "--",
        *command,
        OPENAI_BASE_URL=start().base_url,
        OPENAI_API_KEY=CANARY,
        OPENAI_ORG_ID=CANARY,
    )

    assert code == 0
    assert CANARY not in out
    assert json.loads(out)["OPENAI_API_KEY"] == "offline"


def test_key_is_the_program_s_where_its_server_is_live():
    command = [sys.executable, "-c", SHOW]

    code, out, _ = run(
        "--", *command, OPENAI_API_KEY="sk-proj-0123", OPENAI_BASE_URL="http://192.0.2.1/v1"
    )

    assert code == 0
    assert json.loads(out)["OPENAI_API_KEY"] == "sk-proj-0123"


COUNTS = """
    import os, signal, sys
    came = []
    def note(number, frame):
        came.append(number)
        os.write(1, b"came\\n")  # `print` may not be interrupted by itself
    signal.signal(signal.SIGINT, note)
    print("ready", flush=True)
    sys.stdin.readline()
    print("interrupted", len(came), flush=True)
    sys.stdin.readline()  # a terminal drops what nobody has read when its last program ends
"""
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@can_interrupt
@on_posix
@pytest.mark.parametrize("whom", ["the runner alone", "its group"])
def test_ctrl_c_reaches_the_program_once(program, start, whom):
    process = subprocess.Popen(
        [sys.executable, str(RUN), program(COUNTS)],
        env=lessons.environment(OPENAI_BASE_URL=start().base_url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        for _ in range(2):
            (os.kill if whom == "the runner alone" else os.killpg)(process.pid, signal.SIGINT)
            assert process.stdout.readline() == "came\n"
        out, err = process.communicate("\n", timeout=20)

    assert (process.returncode, out) == (0, "interrupted 2\n")
    assert "Traceback" not in err


# Standard input becomes the terminal of the session, then the program takes our place.
WITH_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class InTerminal:
    """The runner and its program in a terminal of their own."""

    def __init__(self, file, base_url):
        self._keys, screen = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", WITH_TERMINAL, sys.executable, str(RUN), file],
            env=lessons.environment(OPENAI_BASE_URL=base_url),
            **dict.fromkeys(["stdin", "stdout", "stderr"], screen),
            start_new_session=True,
        )
        os.close(screen)
        self._shown = ""

    def wait_for(self, text):
        """Read the screen until the text is there; what comes after it stays for the next time."""
        while text not in self._shown:
            self._shown += os.read(self._keys, 1000).decode()
        self._shown = self._shown.partition(text)[2]

    def press(self, key):
        os.write(self._keys, key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._keys)


@can_interrupt
@on_posix
def test_ctrl_c_of_a_terminal_reaches_the_program_once(program, start):
    with InTerminal(program(COUNTS), start().base_url) as terminal:
        terminal.wait_for("ready")
        for _ in range(2):
            terminal.press(b"\x03")
            terminal.wait_for("came")
        terminal.press(b"\n")
        terminal.wait_for("interrupted 2")
        terminal.press(b"\n")
        assert terminal.process.wait(20) == 0


@on_posix
def test_ctrl_z_stops_both_and_a_shell_continues_both(program, start):
    with InTerminal(program(COUNTS), start().base_url) as terminal:
        terminal.wait_for("ready")
        terminal.press(b"\x1a")
        assert os.WIFSTOPPED(os.waitpid(terminal.process.pid, os.WUNTRACED)[1])
        terminal.process.send_signal(signal.SIGCONT)
        terminal.press(b"\n")
        terminal.wait_for("interrupted 0")
        terminal.press(b"\n")
        assert terminal.process.wait(20) == 0


@can_interrupt
@on_posix
def test_ctrl_c_is_the_program_s(program, start):
    """A terminal sends it to the whole group; the program decides what it means."""
    waits = """
        import time
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("stopped by hand")
            raise SystemExit(5)
    """
    process = subprocess.Popen(
        [sys.executable, str(RUN), program(waits)],
        env=lessons.environment(OPENAI_BASE_URL=start().base_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert (process.returncode, out) == (5, "stopped by hand\n")
    assert "Traceback" not in err
