"""The harness of `course.py conformance`, without the suites that it runs."""

import socket
from pathlib import Path

from setup.problem import Problem
from tests.conformance import environments, run_clients, run_sdk
from tests.conformance.elsewhere import Elsewhere
from tests.conformance.sdk.families import family_of
from tests.conformance.tally import Tally

import pytest

REPORT = """<testsuites><testsuite>
<testcase classname="tests.api_resources.chat.test_completions.TestCompletions"/>
<testcase classname="tests.api_resources.chat.completions.test_messages.TestMessages">
  <failure/></testcase>
<testcase classname="tests.api_resources.test_responses.TestResponses"
  name="test_method_create_with_all_params_overload_1[loose]"><skipped/></testcase>
<testcase classname="tests.api_resources.test_responses.TestResponses"><error/></testcase>
</testsuite></testsuites>"""


def test_report_counted_by_family(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)

    chat, responses, *others = run_sdk.tally(tmp_path / "report.xml")

    assert chat == Tally("openai's tests: chat", passed=1, failed=1)
    assert responses == Tally("openai's tests: responses", left_out=1, failed=1)
    assert {each.passed + each.left_out + each.failed for each in others} == {0}


def test_pattern_without_test_is_told(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)

    told = "\n".join(run_sdk.unfit(tmp_path / "report.xml"))

    assert "no test of chat is called test_method_create_with_all_params.* any more" in told
    assert "of responses is called test_method_create_with" not in told


def test_family_of_nobody_is_others() -> None:
    assert family_of("tests/api_resources/test_videos.py::TestVideos") == "others"


@pytest.mark.parametrize(
    ("code", "said", "elsewhere", "expected"),
    [
        (0, "ok   chat stream\nok   chat tool", [], Tally("llm", passed=2)),
        (1, "ok   chat stream\nFAIL chat tool: no", [], Tally("llm", passed=1, failed=1)),
        (1, "Traceback", [], Tally("llm", failed=1)),
        (0, "ok   chat stream", ["CONNECT x:443"], Tally("llm", passed=1, failed=1)),
        (0, "", [], Tally("llm", failed=1)),
    ],
)
def test_client_judged_by_lines(
    code: int, said: str, elsewhere: list[str], expected: Tally
) -> None:
    assert run_clients.judge("llm", code, said, elsewhere) == expected


def test_proxy_notes_and_refuses() -> None:
    with Elsewhere() as elsewhere:
        with socket.create_connection(elsewhere.server_address) as line:
            line.sendall(b"CONNECT example.org:443 HTTP/1.1\r\n\r\n")
            answer = line.recv(100)

        assert answer.startswith(b"HTTP/1.1 403 ")
        assert elsewhere.take() == ["CONNECT example.org:443 HTTP/1.1"]
        assert elsewhere.take() == []


def test_client_sees_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    monkeypatch.setenv("LANGSMITH_API_KEY", "mine")

    settings = run_clients.surroundings("/home", "http://127.0.0.1:1/v1", "http://127.0.0.1:2")

    assert "mine" not in settings.values()
    assert settings["HOME"] == "/home"


def test_failed_step_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    monkeypatch.setattr(environments, "COURSE", tmp_path)
    made = []

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise Problem("no network")

    with pytest.raises(Problem):
        environments.made("env", b"facts", fail)
    for facts in (b"facts", b"facts", b"other facts"):
        environments.made("env", facts, lambda folder: made.append(list(folder.iterdir())))

    assert made == [[], []]


@pytest.mark.parametrize(
    ("is_refused", "programs"), [(False, ["uv", "uv"]), (True, ["uv", "venv", "pip"])]
)
def test_pip_installs_what_uv_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_refused: bool, programs: list[str]
) -> None:
    started: list[str] = []

    def run(argv: list[str]) -> tuple[int, str]:
        started.append(argv[argv.index("-m") + 1])
        return int(is_refused and started[-1] == "uv"), ""

    monkeypatch.setattr(environments, "find_spec", lambda name: name)
    monkeypatch.setattr(environments, "run", run)

    environments.environment("env", [], "some-package", root=tmp_path)

    assert started == programs


def test_shared_environment_lies_where_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path / "tree")

    folder = environments.made("env", b"facts", lambda folder: None, root=tmp_path / "a" / "cache")

    assert folder == tmp_path / "a" / "cache" / "env"
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize(
    ("system", "surroundings", "expected"),
    [
        ("linux", {}, ".cache"),
        ("linux", {"XDG_CACHE_HOME": ""}, ".cache"),
        ("linux", {"XDG_CACHE_HOME": "not/absolute"}, ".cache"),
        ("linux", {"XDG_CACHE_HOME": "HOME/elsewhere"}, "elsewhere"),
        ("darwin", {"XDG_CACHE_HOME": "HOME/elsewhere"}, "Library/Caches"),
        ("win32", {}, "AppData/Local"),
        ("win32", {"LOCALAPPDATA": "HOME/Local"}, "Local"),
    ],
)
def test_cache_folder_is_the_systems(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    surroundings: dict[str, str],
    expected: str,
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    named = {name: value.replace("HOME", str(tmp_path)) for name, value in surroundings.items()}

    folder = environments.cache_folder(named, system)

    assert folder == tmp_path / expected / "openai-course-conformance"


def test_no_call_without_speech_recognition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_clients, "find_spec", lambda name: None)

    python = run_clients.python_for_calls()

    assert {(each.left_out, each.failed) for each in run_clients.run_calls(python)} == {(1, 0)}
