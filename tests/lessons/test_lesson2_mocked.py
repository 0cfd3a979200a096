"""Lesson 2's functions without any server: a transport hands the SDK real bytes."""

import json
from collections.abc import Callable, Mapping

from tests.support import lessons
from tests.support.emulator_clients import MODEL

import httpx2
import openai
import pytest
from openai import OpenAI

LESSON = lessons.load(lessons.LESSON_2)
ASK = LESSON.Ask("Is it cold?", MODEL, "none")
COUNTS = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 2}


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


def ticking(*times: float) -> Callable[[], float]:
    return iter(times).__next__


def test_numbers_come_in_order_of_texts():
    made = [
        {"object": "embedding", "index": 1, "embedding": [0.0, 1.0]},
        {"object": "embedding", "index": 0, "embedding": [1.0, 0.0]},
    ]
    asked = []
    client = client_for({"POST /embeddings": {"data": made, "model": "m"}}, asked)

    vectors = LESSON.numbers(client, "m", ["a", "b"])

    assert vectors == [[1.0, 0.0], [0.0, 1.0]]
    assert json.loads(asked[0][1])["input"] == ["a", "b"]
    assert LESSON.similarity(*vectors) == 0
    assert LESSON.similarity([0.6, 0.8], [0.6, 0.8]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "edition"),
    [("edition-2026/rules.md", 2026), ("rules.md", None), ("a/2025.txt", 2025)],
)
def test_edition_is_read_off_the_name(name, edition):
    attributes = LESSON.Document(name, b"x").attributes

    assert attributes.get("edition") == edition
    assert len(attributes["sha256"]) == 64


def test_store_expires_and_is_noted_at_once():
    asked, made = [], {}
    client = client_for({"POST /vector_stores": {"id": "vs_1"}}, asked)

    assert LESSON.store(client, made) == "vs_1"
    assert made == {"vs_1": "vector store"}
    sent = json.loads(asked[0][1])
    assert sent["expires_after"] == {"anchor": "last_active_at", "days": 1}
    assert sent["metadata"] == LESSON.TAG


def test_upload_marks_the_name():
    asked, made = [], {}
    client = client_for({"POST /files": {"id": "file-1"}}, asked)

    LESSON.upload(client, LESSON.Document("a/b.md", b"text"), made)

    assert made == {"file-1": "file"}
    assert 'filename="module7-a-b.md"' in asked[0][1]


def test_missing_leaves_out_what_is_there():
    there, new, twice = (
        LESSON.Document(f"{n}.md", text) for n, text in enumerate([b"a", b"b", b"b"])
    )
    held = {"id": "file-1", "attributes": {"sha256": there.attributes["sha256"]}, "status": "x"}
    client = client_for(
        {"GET /vector_stores/vs_1/files": listed(held, {"id": "file-2", "status": "failed"})}
    )

    fresh = LESSON.missing(client, "vs_1", [there, new, twice])

    assert [document.data for document in fresh] == [b"b"]


def batch(client: OpenAI, in_progress: int):
    counts = COUNTS | {"in_progress": in_progress}
    body = {"id": "vsfb_1", "vector_store_id": "vs_1", "file_counts": counts, "status": "x"}
    answers = {"POST /vector_stores/vs_1/file_batches": body}
    return LESSON.attach(client_for(answers), "vs_1", {}), body


BATCH = "GET /vector_stores/vs_1/file_batches/vsfb_1"


def test_wait_looks_until_nothing_is_in_progress():
    begun, body = batch(None, 2)
    later = [body | {"file_counts": COUNTS | {"in_progress": n}} for n in (1, 0)]

    looks = list(LESSON.wait(client_for({BATCH: tuple(later)}), begun, ticking(0, 1, 2)))

    assert [look.file_counts.in_progress for look in looks] == [2, 1, 0]


def test_wait_has_a_deadline():
    begun, body = batch(None, 1)

    with pytest.raises(TimeoutError, match="1 files"):
        list(LESSON.wait(client_for({BATCH: body}), begun, ticking(0, 100, 301)))


def event(kind: str, **fields: object) -> bytes:
    body = json.dumps({"type": kind, "sequence_number": 0} | fields).encode()
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


def cited(name: str) -> bytes:
    annotation = {"type": "file_citation", "file_id": f"id-{name}", "filename": name, "index": 5}
    return event("response.output_text.annotation.added", annotation=annotation)


def test_answer_puts_a_number_where_it_cites():
    body = b"".join(
        [
            event("response.output_text.delta", delta="Yes "),
            cited("a.md"),
            event("response.output_text.delta", delta=". No "),
            cited("b.md"),
            cited("a.md"),
            event("response.completed", response={"id": "resp_1"}),
        ]
    )
    asked, sources = [], {}
    client = client_for({"POST /responses": body}, asked)

    text = "".join(LESSON.answer(client, ASK, LESSON.editions("vs_1", 2026), sources))

    assert text == "Yes [1]. No [2][1]"
    assert sources == {"id-a.md": "a.md", "id-b.md": "b.md"}
    tool = json.loads(asked[0][1])["tools"][0]
    assert tool["filters"] == {"type": "eq", "key": "edition", "value": 2026}


def test_answer_notices_a_cut():
    client = client_for({"POST /responses": event("response.output_text.delta", delta="Yes")})

    with pytest.raises(EOFError, match=r"response\.completed"):
        list(LESSON.answer(client, ASK, LESSON.whole("vs_1"), {}))


ENDS = [
    ("error", {"message": "Overloaded.", "code": None, "param": None}, "Overloaded"),
    ("response.failed", {"response": {"status": "failed", "error": {"code": "x"}}}, "failed"),
    (
        "response.incomplete",
        {"response": {"status": "incomplete", "incomplete_details": {"reason": "max"}}},
        "max",
    ),
]


@pytest.mark.parametrize(("kind", "fields", "told"), ENDS)
def test_answer_tells_other_ends(kind, fields, told):
    client = client_for({"POST /responses": event(kind, **fields)})

    with pytest.raises(EOFError, match=told):
        list(LESSON.answer(client, ASK, LESSON.whole("vs_1"), {}))


def hits(*texts: str) -> dict[str, object]:
    data = [
        {"file_id": "f", "filename": "a", "score": 0.5, "content": [{"type": "text", "text": text}]}
        for text in texts
    ]
    return {"object": "vector_store.search_results.page", "data": data, "has_more": False}


def test_measure_counts_places():
    answers = (hits("the  right\none"), hits("no", "the right one"), hits("no"), hits())
    client = client_for({"POST /vector_stores/vs_1/search": answers})

    quality = LESSON.measure(client, "vs_1", [("q", "right one")] * 4)

    assert quality == LESSON.Quality(0.25, in_five=0.5, reciprocal_rank=0.375, passages=1.0)


def test_cleanup_deletes_newest_first_and_bears_what_is_gone():
    asked = []
    made = {"vs_1": "vector store", "file-1": "file", "file-2": "file"}
    gone = {
        "DELETE /files/file-2": 404,
        "DELETE /files/file-1": {},
        "DELETE /vector_stores/vs_1": {},
    }

    done = list(LESSON.cleanup(client_for(gone, asked), made))

    assert [place for place, _ in asked] == list(gone)
    assert done == [("file", "file-2"), ("file", "file-1"), ("vector store", "vs_1")]
    assert made == {}


def test_cleanup_keeps_noting_what_it_could_not_delete():
    made = {"vs_1": "vector store", "file-1": "file"}
    client = client_for({"DELETE /files/file-1": {}, "DELETE /vector_stores/vs_1": 500})

    with pytest.raises(openai.InternalServerError):
        list(LESSON.cleanup(client, made))
    assert made == {"vs_1": "vector store"}


def test_clean_finds_only_its_own():
    stores = [
        {"id": "vs_1", "metadata": LESSON.TAG | {"more": "x"}},
        {"id": "vs_2", "metadata": None},
        {"id": "vs_3", "metadata": {"made-by": "me"}},
    ]
    files = [{"id": "file-1", "filename": "module7-a.md"}, {"id": "file-2", "filename": "a.md"}]
    made = {}

    LESSON.clean(
        client_for({"GET /vector_stores": listed(*stores), "GET /files": listed(*files)}), made
    )

    assert made == {"vs_1": "vector store", "file-1": "file"}
