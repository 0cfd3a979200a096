"""Another server makes the embeddings: what it is asked, and what of its answers is passed on.

In some tests that server is a second emulator; in the others it sends what a test gives it.
"""

import base64
import json
import math

from emulator.upstream.upstream_address import UpstreamAddress, UpstreamRefused
from emulator.upstream.upstream_embeddings import BATCH, UpstreamEmbeddings
from tests.support.emulator_clients import connect
from tests.support.property_examples import examples
from tests.support.scripted_upstream import ScriptedUpstream

import httpx2
import numpy as np
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SMALL = "text-embedding-3-small"
TEXTS = ["The dome is closed.", "Bread rises.", "Zug 47"]


def made_by(base_url):
    return UpstreamEmbeddings(UpstreamAddress(base_url, "any", "none")).embed


@pytest.fixture
def script():
    with ScriptedUpstream(kind="application/json") as running:
        yield running


@pytest.fixture
def front(start, script):
    return start(embeddings_upstream=made_by(script.base_url))


def body(*vectors, indices=None, **more):
    places = range(len(vectors)) if indices is None else indices
    items = [
        {"object": "embedding", "embedding": vector} | ({} if index is None else {"index": index})
        for index, vector in zip(places, vectors, strict=True)
    ]
    return json.dumps({"object": "list", "data": items, "model": "any"} | more).encode()


def packed(*numbers):
    return base64.b64encode(np.array(numbers, "<f4").tobytes()).decode()


def asked(front, texts=TEXTS[:2], **options):
    with connect(front) as client:
        options = {"encoding_format": "float", "dimensions": 3} | options
        return client.embeddings.create(model=SMALL, input=texts, **options)


def vectors(answer):
    return [pytest.approx(item.embedding, abs=1e-6) for item in answer.data]


def test_embeddings_are_made_by_another_emulator(start):
    back = start()
    address = UpstreamAddress(back.base_url, SMALL, "none")
    front = start(embeddings_upstream=UpstreamEmbeddings(address).embed)

    texts = [f"{text} {n}" for n in range(20) for text in TEXTS]
    here, there = (asked(each, texts, dimensions=1536) for each in (front, back))
    assert vectors(here) == [item.embedding for item in there.data]
    assert here.usage == there.usage
    assert [exchange.path for exchange in back.exchanges] == ["/v1/embeddings"] * 3


def test_texts_are_sent_in_batches_with_the_model_that_is_set(script, front):
    script.body = body(*[[1, 2]] * BATCH)

    assert len(asked(front, ["x"] * 2 * BATCH).data) == 2 * BATCH
    sent = [asked for _, asked in script.asked]
    assert [(each["model"], len(each["input"])) for each in sent] == [("any", BATCH)] * 2


def test_numbers_and_base64_are_read(script, front):
    script.body = body([3.0, 0, 4], packed(0, 5, 12))

    assert vectors(asked(front)) == [[0.6, 0, 0.8], [0, 5 / 13, 12 / 13]]


@pytest.mark.parametrize("format", ["float", "base64"])
def test_caller_gets_the_format_that_it_asked_for(script, front, format):
    script.body = body([3, 4])

    with connect(front, _strict_response_validation=False) as client:
        raw = client.embeddings.with_raw_response.create(
            model=SMALL, input="x", encoding_format=format, dimensions=2
        )
    found = json.loads(raw.http_response.text)["data"][0]["embedding"]
    assert found == (packed(0.6, 0.8) if format == "base64" else pytest.approx([0.6, 0.8]))


def test_list_in_a_list_is_one_vector(script, front):
    script.body = body([[3, 0, 4]], [0, 0, 5])

    assert vectors(asked(front)) == [[0.6, 0, 0.8], [0, 0, 1]]


def test_half_a_character_is_sent_on(script, front):
    script.body = body([3, 0, 4])

    answer = httpx2.post(
        f"{front.base_url}/embeddings",
        content=json.dumps({"model": SMALL, "input": "\ud83d", "dimensions": 3}),
        headers={"authorization": "Bearer offline", "content-type": "application/json"},
        trust_env=False,
    )
    assert answer.status_code == 200
    assert script.asked[-1][1]["input"] == ["\ud83d"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"missing": 7}, "broke off"),
        ({"is_held": True}, "sent nothing for 0.2 seconds"),
        ({"is_headless": True}, "sent nothing for 0.2 seconds"),
        ({"headers": {"content-encoding": "deflate"}}, "sent what is not deflate"),
    ],
)
def test_answer_of_embeddings_that_does_not_come_is_told(script, start, options, reason):
    upstream = UpstreamEmbeddings(UpstreamAddress(script.base_url, "any", "none"), silence_s=0.2)
    script.script(body([1, 2], [3, 4]), "application/json", **options)

    with pytest.raises(openai.InternalServerError, match=reason):
        asked(start(embeddings_upstream=upstream.embed))


def test_compressed_embeddings_are_read(script, front):
    script.script(body([3, 0, 4]), "text/html", headers={"content-encoding": "gzip"})

    assert vectors(asked(front, "x")) == [[0.6, 0, 0.8]]


def test_index_decides_the_order(script, front):
    script.body = body([0, 1], [1, 0], indices=[1, 0])

    assert vectors(asked(front)) == [[1, 0, 0], [0, 1, 0]]


def test_without_index_the_order_is_as_sent(script, front):
    script.body = body([0, 1], [1, 0], indices=[None, None])

    assert vectors(asked(front)) == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("size", [1e300, 1e-300, 5e-324, 1])
def test_vector_of_any_size_becomes_one_of_length_one(script, front, size):
    script.body = body([size, size], [0, 0])

    assert vectors(asked(front)) == [[math.sqrt(0.5), math.sqrt(0.5), 0], [1, 0, 0]]


def test_vector_is_cut_to_the_length_of_the_model(script, front):
    script.body = body([1.0] * 4096)

    (found,) = asked(front, "x", dimensions=openai.omit).data
    assert len(found.embedding) == 1536
    assert math.hypot(*found.embedding) == pytest.approx(1)


MALFORMED = [
    (b"", "sent nothing"),
    (b"\xff\xfe", "malformed JSON"),
    (b"<html><body>Bad gateway</body></html>", "malformed JSON: Bad gateway"),
    (b"[" * 100_000, "malformed JSON"),
    (b"null", "no object"),
    (b"[[1, 2], [3, 4]]", "no object"),
    (b'{"error": {"message": "out of memory"}}', "reported an error: out of memory"),
    (b"{}", "no embeddings for 2 texts"),
    (b'{"data": {"0": 1}}', "no embeddings for 2 texts"),
    (body([1, 2]), "1 embeddings for 2 texts"),
    (body([1, 2], [1, 2], [1, 2]), "3 embeddings for 2 texts"),
    (b'{"data": [null, null]}', "no object"),
    (body([1, 2], [1]), "different lengths"),
    (body([1, 2], []), "without numbers"),
    (body([1, 2], None), "no list of numbers"),
    (body([1, 2], ["3", "4"]), "no list of numbers"),
    (body([1, 2], [True, False]), "no list of numbers"),
    (body([1, 2], [[1, 2], [3, 4]]), "no list of numbers"),  # llama-cpp-python#1588: one a token
    (body([1, 2], [1, None]), "no list of numbers"),
    (body([1, 2], {"values": [1, 2]}), "no list of numbers"),
    (b'{"embeddings": [[1, 2], [3, 4]]}', "no embeddings for 2 texts"),  # Ollama's own endpoint
    (b'{"error": "failed to encode response: json: unsupported value: NaN"}', "unsupported value"),
    (body([1, 2], [3, 4]) + b"\n{}", "malformed JSON"),
    (body([1, 2], [1, 10**400]), "no list of numbers"),
    (body([1, 2], [1, float("nan")]), "infinite"),
    (body([1, 2], packed(1, math.inf)), "infinite"),
    (body([1, 2], "not base64"), "no list of numbers"),
    (body([1, 2], "AAAA"), "no list of numbers"),
    (body([1, 2], [1, 2], indices=[0, 0]), "indices"),
    (body([1, 2], [1, 2], indices=[0, 2]), "indices"),
    (body([1, 2], [1, 2], indices=[0, None]), "indices"),
    (body([1, 2], [1, 2], indices=["0", "1"]), "indices"),
    (body([1, 2], [1, 2], indices=[True, False]), "indices"),
]


@pytest.mark.parametrize(("sent", "reason"), MALFORMED)
def test_what_is_no_list_of_embeddings_is_an_error(script, front, sent, reason):
    script.body = sent

    with pytest.raises(openai.InternalServerError, match=reason) as caught:
        asked(front)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_error")
    assert "EMULATOR_EMBEDDINGS_BASE_URL" in caught.value.message
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(script.asked) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
ITEM = st.fixed_dictionaries({}, optional={"embedding": JSON, "index": JSON})
SENT = st.one_of(JSON, st.fixed_dictionaries({"data": st.lists(ITEM | JSON, max_size=3)}))


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(SENT.map(lambda sent: json.dumps(sent).encode()) | st.binary(max_size=40))
def test_any_answer_becomes_vectors_or_an_error(script, front, sent):
    script.body = sent

    answer = httpx2.post(
        f"{front.base_url}/embeddings",
        json={"model": SMALL, "input": TEXTS[:2], "dimensions": 3},
        headers={"authorization": "Bearer offline"},
        trust_env=False,
    )
    if answer.status_code == 200:
        lengths = [math.hypot(*item["embedding"]) for item in answer.json()["data"]]
        assert lengths == pytest.approx([1, 1])
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")


def test_batches_of_different_lengths_are_an_error(script, start):
    upstream = UpstreamEmbeddings(UpstreamAddress(script.base_url, "any", "none"))
    front = start(embeddings_upstream=upstream.embed)
    bodies = iter([body(*[[1, 2]] * BATCH), body([1, 2, 3])])

    async def embed(texts):
        return await upstream.embed(texts)

    batch = upstream._batch

    async def next_body(texts):
        script.body = next(bodies)
        return await batch(texts)

    upstream._batch = next_body
    with pytest.raises(openai.InternalServerError, match="different lengths"):
        asked(front, ["x"] * (BATCH + 1))


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_refusal_of_embeddings_is_told(script, front, status):
    script.status, script.body = status, b'{"error": {"message": "no such model"}}'

    with pytest.raises(openai.InternalServerError, match=f"{status}: no such model") as caught:
        asked(front)
    assert caught.value.code == "upstream_error"
    assert len(script.asked) == 1


def test_server_of_embeddings_that_is_gone_is_told(start):
    with ScriptedUpstream() as gone:
        pass
    front = start(embeddings_upstream=made_by(gone.base_url))

    with pytest.raises(openai.InternalServerError, match="could not be reached"):
        asked(front)


def test_long_answer_is_not_read_to_its_end(script, front, monkeypatch):
    monkeypatch.setattr("emulator.upstream.upstream_embeddings.MOST_BYTES", 1000)
    script.body = body([0.5] * 2000, [0.5] * 2000)

    with pytest.raises(openai.InternalServerError, match="more than 1,000 bytes"):
        asked(front)


def test_two_that_name_each_other_do_not_ask_for_ever(start):
    one, other = start(), start()
    one.service.embeddings_upstream = UpstreamEmbeddings(
        UpstreamAddress(other.base_url, SMALL, "none")
    ).embed
    other.service.embeddings_upstream = UpstreamEmbeddings(
        UpstreamAddress(one.base_url, SMALL, "none")
    ).embed

    with pytest.raises(openai.InternalServerError, match="hands its own embeddings on"):
        asked(one)
    assert (len(one.exchanges), len(other.exchanges)) == (1, 1)


def test_unusable_proxy_before_embeddings_is_refused(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")

    with pytest.raises(UpstreamRefused, match="EMULATOR_EMBEDDINGS_BASE_URL cannot be reached"):
        UpstreamEmbeddings(UpstreamAddress("http://192.0.2.1/v1", "x", "none"))
