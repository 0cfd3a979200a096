"""Whatever type a server gives to a field, no lesson calls that a mistake of the course."""

import json
import wave
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from io import StringIO

from common.client import Connection
from console.explain import ErrorContext
from console.first_bytes import FirstBytes
from console.lesson import report_failures
from tests.support import lessons
from tests.support.changed_answers import CHANGES, changing_answers_of, places
from tests.support.gateway_streams import changed
from tests.support.loopback_sockets import socket_server
from tests.support.scripted_calls import (
    CREATED,
    LESSON,
    MODEL,
    TRANSCRIBER,
    began,
    delta,
    done,
    finished,
)
from tests.support.scripted_http import answering

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

# Parts of lesson 2 and their options; a store with one file is enough.
PARTS = {
    "embed": [],
    "search": ["Is it cold?"],
    "answer": ["Is it cold?"],
    "clean": [],
}


def complaint_of(result):
    """What a run said on standard error; never a traceback, nor that it is our mistake."""
    assert result.returncode in (0, 1)
    assert "Traceback" not in result.stderr
    assert "mistake in the course" not in result.stderr
    return result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("files")
    (path / "cold.md").write_text("It is cold on the meadow at night, so bring a coat and a hat.")
    return path


@pytest.mark.parametrize("part", PARTS)
def test_no_type_of_a_field_is_a_mistake_in_lesson_2(start, folder, part):
    """The values of all fields of all answers, one changed in each run."""
    with changing_answers_of(start(pace=0).base_url) as (server, base_url):
        run = partial(
            *(lessons.run_here, part, *PARTS[part], "--folder", str(folder)),
            script=lessons.LESSON_2,
            OPENAI_BASE_URL=base_url,
        )
        assert run().returncode == 0
        possible = server.all_changes()

        @settings(max_examples=15, deadline=None)
        @given(st.sampled_from(possible))
        def check(change):
            server.change = change
            complaint_of(run())

        check()


@pytest.mark.parametrize("change", [[None], [7], [[]], [{}], [], ["\u00e9"], [[0.5]], [["x"] * 9]])
@pytest.mark.parametrize("path", [("data",), ("data", 0), ("data", 0, "embedding")])
def test_vectors_of_another_kind_are_the_server_s(start, folder, path, change):
    with changing_answers_of(start(pace=0).base_url) as (server, base_url):
        server.change = ("POST /v1/embeddings", path, change)
        options = {"script": lessons.LESSON_2, "OPENAI_BASE_URL": base_url}
        result = lessons.run_here("embed", "--folder", str(folder), **options)

    if result.returncode:
        assert "does not speak OpenAI's protocol" in complaint_of(result)


@pytest.mark.parametrize("has_more", [True, None])
@pytest.mark.parametrize("what", ["stores", "files"])
def test_list_without_an_end_is_ended(has_more, what):
    """Each page is the first one again, which belongs to somebody else."""
    page = json.dumps({"object": "list", "data": [{"id": "x_1"}], "has_more": has_more})
    first = json.dumps({"object": "list", "data": [], "has_more": False})
    pages = [page] * 9 if what == "stores" else [first, *[page] * 9]
    with answering(*pages, kind="application/json") as (base_url, asked):
        result = lessons.run_here("clean", script=lessons.LESSON_2, OPENAI_BASE_URL=base_url)

    assert len(asked) < 9
    assert "has no end" in complaint_of(result)
    assert "the server sent the same page twice" in result.stderr


# ------------------------------------------------------------ lesson 3

CALL = {"type": "function_call", "name": "book_slot", "call_id": "call_1", "arguments": "{}"}
HEARD = "conversation.item.input_audio_transcription.completed"
TURN = [
    CREATED,
    began(),
    {"type": HEARD, "transcript": "When?"},
    {"type": "response.output_audio_transcript.delta", "delta": "At eight."},
    delta(40),
    finished(),
    done(CALL),
]


def every_change():
    """The turn with each field of each event changed in every way."""
    for place, event in enumerate(TURN):
        for path in places(event):
            for change in CHANGES:
                yield [*TURN[:place], changed(event, path, change), *TURN[place + 1 :]]


@pytest.mark.parametrize("part", ["voice", "tool"])
def test_no_type_of_a_field_is_a_mistake_in_lesson_3(tmp_path, part):
    turns = list(every_change())
    left = iter(turns)

    def talk(socket):
        events = next(left)
        with suppress(ConnectionClosed):
            while json.loads(socket.recv())["type"] != "response.create":
                continue
            for event in events:
                socket.send(json.dumps(event))

    question, answer = tmp_path / "question.wav", tmp_path / "answer.wav"
    with wave.open(str(question), "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(bytes(4_800))
    with socket_server(talk) as base_url, Connection(base_url, "test", "who").in_environment():
        for events in turns:
            seen, screen = FirstBytes(), StringIO()
            context = ErrorContext(MODEL, "host", answers=seen.answers)
            with suppress(SystemExit), redirect_stdout(StringIO()), redirect_stderr(screen):
                with report_failures(context), seen.watch():
                    getattr(LESSON, part)(question, answer, MODEL, TRANSCRIBER)
            assert "mistake in the course" not in screen.getvalue(), events
