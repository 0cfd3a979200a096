"""docs/tiny_emulator.py speaks the format that the unmodified SDK reads, and is small."""

import importlib.util
import re
import textwrap
import threading
from contextlib import contextmanager

from common.client import LOCAL
from tests.support.lessons import COURSE

import httpx2
import openai
import pytest

FILE = COURSE / "docs" / "tiny_emulator.py"
ASKED = {"model": "tiny", "messages": [{"role": "user", "content": "Grüße, two  words"}]}
SAID = "You said: Grüße, two  words"


@pytest.fixture(scope="module")
def tiny():
    spec = importlib.util.spec_from_file_location("tiny_emulator", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def served(tiny, wait=lambda self: None):
    """A client of a tiny emulator on a free port; it refuses what its own types refuse."""
    quiet = type("Quiet", (tiny.TinyEmulator,), {"wait": wait, "log_message": lambda *_: None})
    with tiny.ThreadingHTTPServer(("127.0.0.1", 0), quiet) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        with openai.OpenAI(
            base_url=f"http://127.0.0.1:{server.server_port}/v1",
            api_key="anything",
            max_retries=0,
            http_client=httpx2.Client(**LOCAL),
            _strict_response_validation=True,
        ) as client:
            yield client
        server.shutdown()


def test_whole_answer_is_read_by_the_sdk(tiny):
    with served(tiny) as client:
        completion = client.chat.completions.create(**ASKED)

    assert completion.choices[0].message.content == SAID
    assert (completion.model, completion.choices[0].finish_reason) == ("tiny", "stop")


def test_stream_is_read_by_the_sdk(tiny):
    with served(tiny) as client:
        chunks = list(client.chat.completions.create(**ASKED, stream=True))

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SAID
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert len(chunks) > 5


def test_helper_of_the_sdk_accumulates(tiny):
    with served(tiny) as client, client.chat.completions.stream(**ASKED) as stream:
        assert stream.get_final_completion().choices[0].message.content == SAID


def test_pieces_come_while_the_rest_is_not_there(tiny):
    opened = threading.Event()

    with served(tiny, wait=lambda self: opened.wait(10)) as client:
        stream = client.chat.completions.create(**ASKED, stream=True)
        first = next(stream)
        opened.set()
        rest = list(stream)

    assert first.choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in rest) == SAID


def test_client_may_leave_in_the_middle(tiny, capfd):
    left = threading.Event()

    with served(tiny, wait=lambda self: left.wait(10)) as client:
        with client.chat.completions.create(**ASKED, stream=True) as stream:
            next(stream)
        left.set()
        assert client.chat.completions.create(**ASKED).choices

    assert "Traceback" not in capfd.readouterr().err


def test_how_to_try_it_is_right(tiny, capsys, monkeypatch):
    """The lines of the docstring, run as they stand but for the port, print the answer."""
    lines = re.search(r"(?s)(    from openai.*?)\n\n", tiny.__doc__)[1]
    with served(tiny) as client:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        exec(textwrap.dedent(lines).replace("http://127.0.0.1:8000/v1", str(client.base_url)), {})

    assert capsys.readouterr().out == "You said: Hello, who are you?"
    assert 'print("http://127.0.0.1:8000/v1", flush=True)' in FILE.read_text(encoding="utf-8")


def test_it_stays_tiny():
    assert len(FILE.read_text(encoding="utf-8").splitlines()) <= 80
