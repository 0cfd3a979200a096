"""Lesson 2's functions without the lesson's main: a transport hands the SDK real bytes."""

import json
from collections.abc import Mapping
from contextlib import suppress

from console.explain import ErrorContext
from console.lesson import report_failures
from tests.support import lessons
from tests.support.emulator_clients import MODEL
from tests.support.property_examples import examples

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI

LESSON = lessons.load(lessons.LESSON_2)


def client_for(answers: Mapping[str, object], asked: list | None = None) -> OpenAI:
    """A client that gets for `METHOD /path` what `answers` holds: a value, or one after another.

    An exception's number is a status. What it sent is put into `asked`.
    """
    left = {
        place: iter(value if isinstance(value, tuple) else (value,) * 99)
        for place, value in answers.items()
    }

    def answer(request: httpx2.Request) -> httpx2.Response:
        place = f"{request.method} {request.url.path.removeprefix('/v1')}"
        if asked is not None:
            asked.append((place, request.content.decode(errors="replace")))
        value = next(left[place])
        if isinstance(value, int):
            return httpx2.Response(value, json={"error": {"message": "gone"}})
        if isinstance(value, bytes):
            kind = {"content-type": "text/event-stream"}
            return httpx2.Response(200, headers=kind, content=value)
        return httpx2.Response(200, headers={"openai-poll-after-ms": "0"}, json=value)

    transport = httpx2.MockTransport(answer)
    return OpenAI(api_key="test", http_client=httpx2.Client(transport=transport), max_retries=0)


def listed(*data: object) -> dict[str, object]:
    return {"object": "list", "data": list(data), "has_more": False}


def used_by_lesson(monkeypatch, client: OpenAI) -> None:
    """The client that the first parts make by `OpenAI()`."""
    monkeypatch.setattr(LESSON, "OpenAI", lambda: client)


# ------------------------------------------------------------ embed, by_hand


def test_vectors_come_in_order_of_texts(monkeypatch):
    made = [
        {"object": "embedding", "index": 1, "embedding": [0.0, 1.0]},
        {"object": "embedding", "index": 0, "embedding": [1.0, 0.0]},
    ]
    asked = []
    client = client_for({"POST /embeddings": {"data": made, "model": "m"}}, asked)
    used_by_lesson(monkeypatch, client)

    assert LESSON.embed(["a", "b"], "m") == [[1.0, 0.0], [0.0, 1.0]]
    assert json.loads(asked[0][1])["input"] == ["a", "b"]


def test_cosine_does_not_depend_on_length():
    assert LESSON.cosine([3.0, 4.0], [0.6, 0.8]) == pytest.approx(1)
    assert LESSON.cosine([1.0, 0.0], [0.0, 5.0]) == 0


def test_by_hand_sends_the_three_nearest_passages(monkeypatch, capsys):
    vectors = [[1.0, 0.0], [0.0, 1.0], [0.9, 0.1], [0.5, 0.5], [1.0, 0.1]]
    data = [{"index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    asked = []
    answers = {"POST /embeddings": {"data": data}, "POST /responses": text("Yes") + END}
    used_by_lesson(monkeypatch, client_for(answers, asked))

    client = client_for(answers, asked)
    LESSON.by_hand(client, "why?", ["far", "near", "half", "nearest"], MODEL, "m")

    sent = json.loads(asked[1][1])
    assert sent["input"] == "why?"
    assert sent["instructions"].split("\n\n")[1:] == ["nearest", "near", "half"]
    assert capsys.readouterr().out == "Yes\n"


def test_without_files_sends_the_question_alone(capsys):
    asked = []
    client = client_for({"POST /responses": text("No") + END}, asked)

    LESSON.without_files(client, "why?", MODEL)

    assert json.loads(asked[0][1]).keys() == {"model", "input", "store", "stream"}
    assert capsys.readouterr().out == "No\n"


# ------------------------------------------------------------ store, wait


def stored(files, **more):
    """What the lesson sends to create a store with these files, and what it noted."""
    asked, made = [], []
    answers = {
        "POST /vector_stores": {"id": "vs_1"},
        "POST /files": ({"id": "file-1"}, {"id": "file-2"}),
        "POST /vector_stores/vs_1/file_batches": {"id": "vsfb_1"},
    } | more
    result = LESSON.store(client_for(answers, asked), files, made)
    return result, made, asked


def test_store_expires_and_has_its_mark():
    (store_id, names), made, asked = stored([])

    sent = json.loads(asked[0][1])
    assert (store_id, names, made) == ("vs_1", {}, ["vs_1"])
    assert sent["expires_after"] == {"anchor": "last_active_at", "days": 1}
    assert sent["metadata"] == {"made-by": "module-7"}


def test_files_are_uploaded_under_a_mark_and_attached_with_their_edition():
    (_, names), made, asked = stored([("edition-2026-rules.md", b"x"), ("rules.md", b"y")])

    assert made == ["vs_1", "file-1", "file-2"]
    assert names == {"file-1": "edition-2026-rules.md", "file-2": "rules.md"}
    assert 'filename="module7-edition-2026-rules.md"' in asked[1][1]
    assert json.loads(asked[-1][1])["files"] == [
        {"file_id": "file-1", "attributes": {"edition": 2026}},
        {"file_id": "file-2", "attributes": {}},
    ]


def test_what_is_made_is_noted_before_the_next_request():
    made = []
    client = client_for({"POST /vector_stores": {"id": "vs_1"}, "POST /files": 500})

    with pytest.raises(openai.InternalServerError):
        LESSON.store(client, [("a.md", b"x")], made)
    assert made == ["vs_1"]


def look(status: str, **more) -> dict[str, object]:
    return {"id": "file-1", "vector_store_id": "vs_1", "status": status, **more}


FILE = "GET /vector_stores/vs_1/files/file-1"


def test_wait_looks_until_a_file_is_done_or_has_failed():
    why = {"code": "invalid_file", "message": "no text"}
    looks = (look("in_progress"), look("in_progress"), look("failed", last_error=why))

    (file,) = LESSON.wait(client_for({FILE: looks}), "vs_1", ["file-1"])

    assert (file.status, file.last_error.message) == ("failed", "no text")


def test_wait_has_a_deadline():
    client = client_for({FILE: look("in_progress")})

    with pytest.raises(TimeoutError):
        list(LESSON.wait(client, "vs_1", ["file-1"], seconds=0))


# ------------------------------------------------------------ search, measure


def hits(*texts: str) -> dict[str, object]:
    data = [
        {"file_id": "f", "filename": "a", "score": 0.5, "content": [{"type": "text", "text": text}]}
        for text in texts
    ]
    return {"object": "vector_store.search_results.page", "data": data, "has_more": False}


def test_measure_counts_places():
    answers = (hits("the  right\none"), hits("no", "the right one"), hits("no"), hits())
    client = client_for({"POST /vector_stores/vs_1/search": answers})

    assert LESSON.measure(client, "vs_1", [("q", "right one")] * 4) == (0.25, 0.5, 1.0)


def test_measure_takes_hits_without_content():
    bare = {"data": [{"file_id": "f", "filename": "a", "score": 0.5, "content": None}]}
    client = client_for({"POST /vector_stores/vs_1/search": bare})

    assert LESSON.measure(client, "vs_1", [("q", "right one")]) == (0, 0, 1)


@pytest.mark.parametrize("output", [None, [], [{"type": "file_search_call", "results": None}]])
def test_rank_takes_a_response_without_results(output):
    client = client_for({"POST /responses": {"id": "resp_1", "output": output}})

    assert LESSON.rank(client, "vs_1", "q", MODEL, 0, 1) == []


def test_rank_asks_for_what_was_found():
    hit = {"filename": "a.md", "score": 0.5, "text": "x", "file_id": "f"}
    call = {"type": "file_search_call", "results": [hit, {"file_id": "g"}]}
    asked = []
    client = client_for({"POST /responses": {"id": "resp_1", "output": [call]}}, asked)

    assert LESSON.rank(client, "vs_1", "q", MODEL, 0, 1) == [("a.md", 0.5, "x"), ("", 0, "")]
    sent = json.loads(asked[0][1])
    assert sent["include"] == ["file_search_call.results"]
    ranking = sent["tools"][0]["ranking_options"]["hybrid_search"]
    assert ranking == {"embedding_weight": 0, "text_weight": 1}


def test_other_chunks_are_asked_for():
    asked, made = [], []
    answers = {
        "POST /vector_stores": {"id": "vs_2"},
        "POST /vector_stores/vs_2/file_batches": {"id": "vsfb_1"},
    }

    assert LESSON.chunks_of(client_for(answers, asked), 100, ["file-1"], made) == "vs_2"
    assert made == ["vs_2"]
    sizes = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}
    sent = json.loads(asked[1][1])
    assert sent["file_ids"] == ["file-1"]
    assert sent["chunking_strategy"] == {"type": "static", "static": sizes}


# ------------------------------------------------------------ answer


def event(kind: str, **fields: object) -> bytes:
    body = json.dumps({"type": kind, "sequence_number": 0} | fields).encode()
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


def text(delta: str | None) -> bytes:
    return event("response.output_text.delta", delta=delta)


def cited(name: str) -> bytes:
    annotation = {"type": "file_citation", "file_id": f"id-{name}", "filename": name, "index": 5}
    return event("response.output_text.annotation.added", annotation=annotation)


END = event("response.completed", response={"id": "resp_1"})


def answered(*body: bytes, asked=None, **options):
    client = client_for({"POST /responses": b"".join(body)}, asked)
    return LESSON.answer(client, "vs_1", "Is it cold?", MODEL, **options)


def test_answer_puts_a_number_where_it_cites(capsys):
    stream = [text("Yes "), cited("a.md"), text(". No "), cited("b.md"), cited("a.md"), END]

    assert answered(*stream) == "resp_1"
    assert capsys.readouterr().out == "Yes [1]. No [2][1]\n[1] a.md\n[2] b.md\n"


def test_answer_names_the_response_before():
    asked = []

    answered(END, asked=asked, previous="resp_0")

    sent = json.loads(asked[0][1])
    assert sent["previous_response_id"] == "resp_0"
    assert sent["tools"] == [{"type": "file_search", "vector_store_ids": ["vs_1"]}]


def test_ask_keeps_the_conversation():
    asked = []
    client = client_for({"POST /responses": END}, asked)

    LESSON.ask(client, "vs_1", ["one", "two"], MODEL)

    sent = [json.loads(body) for _, body in asked]
    assert [each.get("previous_response_id") for each in sent] == [None, "resp_1"]


def test_filter_searches_one_edition():
    asked = []
    client = client_for({"POST /responses": END}, asked)

    LESSON.filter(client, "vs_1", "q", MODEL, 2026)

    only = {"type": "eq", "key": "edition", "value": 2026}
    assert json.loads(asked[0][1])["tools"][0]["filters"] == only


ENDS = [
    ("error", {"message": "Overloaded.", "code": None, "param": None}, "Overloaded"),
    ("response.failed", {"response": {"status": "failed", "error": {"code": "x"}}}, "x"),
    ("response.failed", {"response": {"error": "out of order"}}, "out of order"),
    ("response.failed", {"response": None}, "failed"),
    ("response.failed", {}, "failed"),
    ("response.incomplete", {"response": {"incomplete_details": {"reason": "max"}}}, "max"),
    ("response.incomplete", {"response": {}}, "incomplete"),
    ("response.output_text.delta", {"delta": ""}, "response.completed"),
]


@pytest.mark.parametrize(("kind", "fields", "told"), ENDS)
def test_answer_says_how_else_it_ended(kind, fields, told, capsys):
    with pytest.raises(EOFError, match=told):
        answered(text("Yes"), event(kind, **fields))
    assert capsys.readouterr().out.startswith("Yes")


ODD = {
    "null": b"data: null\n\n",
    "a list": b"data: [1]\n\n",
    "no type": b'data: {"delta": "x"}\n\n',
    "an unknown type": event("response.new_thing"),
    "no text": text(None),
    "no delta": event("response.output_text.delta"),
    "no annotation": event("response.output_text.annotation.added", annotation=None),
    "an empty annotation": event("response.output_text.annotation.added", annotation={}),
    "another annotation": event(
        "response.output_text.annotation.added", annotation={"type": "url_citation"}
    ),
    "a citation of nothing": event(
        "response.output_text.annotation.added", annotation={"type": "file_citation"}
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_event_is_no_text(name, capsys):
    assert answered(text("Yes"), ODD[name], text("."), END) == "resp_1"
    assert capsys.readouterr().out == "Yes.\n"


@pytest.mark.parametrize("fields", [{}, {"response": None}])
def test_end_without_a_response_has_no_id(fields, capsys):
    assert answered(text("Yes"), event("response.completed", **fields)) is None
    assert capsys.readouterr().out == "Yes\n"


def test_refusal_is_shown(capsys):
    answered(event("response.refusal.delta", delta="I can't."), END)

    assert capsys.readouterr().out == "I can't.\n"


WHOLE = [text("One "), text("two "), cited("a.md"), text("three."), END]


@settings(max_examples=examples(150), deadline=None)
@given(
    place=st.integers(0, len(WHOLE) - 1),
    key=st.sampled_from(["type", "delta", "annotation", "response", "sequence_number"]),
    value=st.sampled_from([None, [], {}, "missing"]),
)
def test_changed_event_never_ends_in_a_mistake(place, key, value):
    """Any field of any event may be null, empty or missing: the text there is, is printed."""
    head, data = WHOLE[place].decode().split("\ndata: ")
    changed = json.loads(data) | {key: value}
    if value == "missing":
        del changed[key]
    body = [*WHOLE]
    body[place] = f"{head}\ndata: {json.dumps(changed)}\n\n".encode()
    with suppress(EOFError):  # the end may be what was changed
        answered(*body)


def test_cut_at_every_byte(capsys):
    """The text of the complete events is printed; the exit code says whether all of it came."""
    body = b"".join(WHOLE)
    for at in range(len(body) + 1):
        code = 0
        try:
            with report_failures(ErrorContext(MODEL, "host")):
                answered(body[:at])
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        is_complete = body[:at].count(b"\n\n") == len(WHOLE)

        assert code == (0 if is_complete else 1), at
        assert err.startswith("error: ") != is_complete
        assert "course, not yours" not in err
        assert "One two [1]three.".startswith(out.strip()) or is_complete


# ------------------------------------------------------------ cleanup, clean


def test_cleanup_deletes_newest_first_and_takes_what_is_gone():
    asked, made = [], ["vs_1", "file-1", "file-2"]
    gone = {
        "DELETE /files/file-2": 404,
        "DELETE /files/file-1": {},
        "DELETE /vector_stores/vs_1": {},
    }

    LESSON.cleanup(client_for(gone, asked), made)

    assert [place for place, _ in asked] == list(gone)
    assert made == []


def test_cleanup_keeps_the_ids_that_it_could_not_delete():
    made = ["vs_1", "file-1"]
    client = client_for({"DELETE /files/file-1": {}, "DELETE /vector_stores/vs_1": 500})

    with pytest.raises(openai.InternalServerError):
        LESSON.cleanup(client, made)
    assert made == ["vs_1"]


def test_clean_finds_only_its_own():
    stores = [
        {"id": "vs_1", "metadata": {"made-by": "module-7", "more": "x"}},
        {"id": "vs_2", "metadata": None},
        {"id": "vs_3", "metadata": {"made-by": "me"}},
    ]
    files = [
        {"id": "file-1", "filename": "module7-a.md"},
        {"id": "file-2", "filename": "a.md"},
        {"id": "file-3", "filename": None},
    ]
    made = []

    LESSON.clean(
        client_for({"GET /vector_stores": listed(*stores), "GET /files": listed(*files)}), made
    )

    assert made == ["vs_1", "file-1"]
