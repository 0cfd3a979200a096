"""Endings that are no ordinary ones, and attacks on the judge: each with a small program."""

import os
import time
from pathlib import Path

from grading.child import Ending
from grading.crash import crash
from grading.judge import check, new_seeds, run
from grading.scene import Scene
from grading.scenes import scene_of
from grading.scenes.streaming_scenes import JoinDeltas
from grading.trace import Trace, TracedEvent, TracedExchange

import pytest

SEED = 4711
ASK = """
from openai import OpenAI
client = OpenAI()
ask = dict(model="gpt-6-luna", stream=True)
user = {"role": "user", "content": "Hello"}
"""


class Hasty(JoinDeltas):
    """So that a hang needn't be waited for."""

    limit_s = 3.0


class AnyRequest(Scene):
    def verdict(self):
        return None


class HangBehindAnAnswer(AnyRequest):
    """Stops the program when it has had an answer, so that the limit needn't be waited for."""

    def drive(self, program):
        while program.is_running and not any(each.ended for each in self.trace.exchanges):
            time.sleep(0.02)
        return program.wait(0.2)


def told(tmp_path, text, scene=AnyRequest, variables=None):
    path = tmp_path / "mine.py"
    path.write_text(text, "utf-8")
    failure = run(scene, path, SEED).failure
    assert failure is not None, "it passed"
    return "\n".join(failure.lines())


@pytest.mark.parametrize(
    ("text", "fact", "why"),
    [
        ("", "without a single request", "OpenAI() without arguments"),
        ("x = {}\nx['a']\n", "KeyError in line 2", "was not there"),
        ("None.x\n", "AttributeError in line 1", "no attribute 'x'. Some fields of an answer can"),
        ("int.x\n", "AttributeError in line 1", "no attribute 'x'. An object has no field of that"),
        ("(lambda: 1)(b=1)\n", "TypeError in line 1", "takes no parameter of that name"),
        ("(lambda a: a)()\n", "TypeError in line 1", "other arguments than it takes"),
        ("1 + ''\n", "TypeError in line 1", "another type than the code expects"),
        ("def f(:\n", "SyntaxError in line 1", "can't read the file"),
        ("x = (1 2)\n", "SyntaxError in line 1", "a comma? can't"),
        ("import nothing_like_that\n", "ModuleNotFoundError in line 1", "a package is missing"),
        ("import sys\nsys.exit('no luck')\n", "the exit code 1", "no luck"),
        ("raise NotImplementedError\n", "Nothing is written yet: line 1", "where your code goes"),
        ("while True: print('again' * 100)\n", "more than a million bytes", "endless loop"),
    ],
)
def test_ending_is_explained(tmp_path, text, fact, why):
    message = told(tmp_path, text)

    assert fact in message
    assert why in message.replace("A package", "a package").replace("Python can't", "can't")
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("x = {}\nif x:\n    y = 1\ny = x['a']\n", "x['a']"),
        ("if 1:\n    def f(:\n        pass\n", ":"),
        ("names = (1,\nx = 2\n", "(1,"),
        (f"x = [{'1, ' * 40}{{}}['a']]\n", "x = [1"),
    ],
)
def test_caret_stands_where_python_saw_the_mistake(tmp_path, text, marked):
    lines = told(tmp_path, text).splitlines()
    caret = next(number for number, line in enumerate(lines) if line.strip() == "^")

    assert lines[caret - 1][lines[caret].index("^") :].startswith(marked)


def test_hang_before_the_first_request_is_explained(tmp_path):
    message = told(tmp_path, "while True: pass", Hasty)

    assert "still ran after 3 seconds" in message
    assert "It never sent a request." in message


def test_hang_behind_an_answer_is_explained(tmp_path):
    message = told(tmp_path, f"{ASK}client.models.list()\nwhile True: pass\n", HangBehindAnAnswer)

    assert "still ran after 20 seconds" in message
    assert "All answers had ended." in message


def request(number, began, ended):
    answered = {} if ended is None else {"status": 200}
    return TracedExchange(
        number, "POST", "/v1/embeddings", {}, {}, b"", began, ended=ended, **answered
    )


@pytest.mark.parametrize(
    ("exchanges", "why"),
    [
        ([(0, 1), (2, None)], "No answer had come yet to request 2 (POST /v1/embeddings)."),
        ([(0, 4), (5, 9), (12, 16)], "It was still sending requests, 3 so far."),
        ([(0, 4), (5, 9)], "All answers had ended."),
    ],
)
def test_program_that_was_stopped_in_its_work_is_told_apart_from_one_that_hangs(exchanges, why):
    trace = Trace([request(number, *times) for number, times in enumerate(exchanges, 1)])
    failure = crash(Ending(None, "", "", 20.0), Path("mine.py"), trace, 20.0)

    assert failure.why.startswith(why)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Does your program wait for an event? Then compare its name with those that came"),
        (
            'MODEL = "gpt-6"\nif event.type == "response.finished": print("a.wav")\n',
            "Your program names an event that never came: response.finished. These came",
        ),
    ],
)
def test_hang_on_an_event_names_those_that_came(text, told, tmp_path):
    program = tmp_path / "mine.py"
    program.write_text(text, "utf-8")
    session = TracedExchange(1, "GET", "/v1/realtime", {}, {}, b"", 0.0, status=101)
    kinds = "session.updated response.created response.done response.done".split()
    session.messages = [TracedEvent(0.0, "server", {"type": kind}) for kind in kinds]
    session.messages.insert(1, TracedEvent(0.0, "client", {"type": "response.create"}))
    failure = crash(Ending(None), program, Trace([session]), 30.0)

    came = "at the end: response.created, response.done."
    assert failure.why == f"The server had nothing more to send. {told} {came}"
    assert failure.excerpt.text == "response.done"


def test_what_was_sent_wrong_comes_before_the_crash_behind_it(tmp_path):
    wrong = (
        f"{ASK}list(client.chat.completions.create(messages=[user], **ask | dict(stream=False)))"
    )
    message = told(tmp_path, f"{wrong}\nraise ValueError\n", JoinDeltas)

    assert "didn't ask for a stream" in message


def test_crash_comes_before_what_it_kept_from_coming(tmp_path):
    text = (
        f"{ASK}list(client.chat.completions.create(messages=[user], **ask))\nraise ValueError(7)\n"
    )

    assert "ValueError in line 7" in told(tmp_path, text, JoinDeltas)


ATTACKS = {
    "echo": """
for _ in range(2):
    list(client.chat.completions.create(messages=[user, {"role": "assistant", "content": "Hello"},
                                                  user], **ask))
""",
    "prints": "print('S1 passed')",
    "no stream": """
answer = client.chat.completions.create(model="gpt-6-luna", messages=[user])
""",
    "catches everything": """
for _ in range(9):
    try:
        list(client.chat.completions.create(messages=[user], **ask))
        raise OSError
    except BaseException:
        pass
""",
    "asks for the log": """
import os, httpx2
base = os.environ["OPENAI_BASE_URL"]
for path in ("/exchanges/1", "/../exchanges/1", "/answers", "/debug"):
    httpx2.get(base.removesuffix("/v1") + path, trust_env=False)
list(client.chat.completions.create(messages=[user], **ask))
""",
    "asks for another fault": """
client = client.with_options(default_headers={"x-emulator-fault": "eof@1"})
list(client.chat.completions.create(messages=[user], **ask))
list(client.chat.completions.create(messages=[user, {"role": "assistant", "content": ""}], **ask))
""",
    "empty answer": """
list(client.chat.completions.create(messages=[user], **ask))
list(client.chat.completions.create(messages=[user, {"role": "assistant", "content": ""}], **ask))
""",
    "answer of another seed": """
words = {"role": "assistant", "content": "Harbour slate amber 481."}
list(client.chat.completions.create(messages=[user], **ask))
list(client.chat.completions.create(messages=[user, words, user], **ask))
""",
    "leaves it to the server": """
first = client.responses.create(model="gpt-6-luna", input="Hello")
client.responses.create(model="gpt-6-luna", input="Hello", previous_response_id=first.id)
""",
    "sleeps": "import time\ntime.sleep(60)",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_on_the_judge_fails(tmp_path, attack):
    assert told(tmp_path, ASK + ATTACKS[attack], Hasty)


def test_seeds_are_new_each_time():
    assert len({tuple(new_seeds()) for _ in range(20)}) == 20


def test_check_stops_at_the_first_failure(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("1 / 0")

    assert check(scene_of("S1"), path, [7, 8, 9]).seed == 7


def test_program_gets_no_key_and_no_other_address(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-real")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    lines = ["import os", "found = dict(os.environ)", "assert 'sk-real' not in found.values()"]
    lines += ["assert 'org-real' not in found.values()", "assert 'HTTPS_PROXY' not in found"]
    path = tmp_path / "mine.py"
    path.write_text("\n".join([*lines, ASK, "client.models.list()"]))

    assert run(AnyRequest, path, SEED).failure is None
    assert os.environ["OPENAI_API_KEY"] == "sk-real"


def test_program_leaves_nothing_beside_itself(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"open('left.txt', 'w').write('x')\n{ASK}\nclient.models.list()")

    assert run(AnyRequest, path, SEED).failure is None
    assert [each.name for each in tmp_path.iterdir()] == ["mine.py"]
