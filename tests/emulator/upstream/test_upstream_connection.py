"""The connection to another server: how it is asked, and when it is slow, cut off or endless."""

import asyncio

from emulator.answers.answer import Message, Prompt, Tool
from emulator.server import Emulator
from emulator.upstream.upstream_address import UpstreamAddress
from emulator.upstream.upstream_connection import UpstreamConnection
from emulator.upstream.writer import Upstream
from tests.support.emulator_clients import ask, connect
from tests.support.relayed_answers import WAYS, Failed, Seen, of_chat, seen_by
from tests.support.scripted_upstream import ScriptedUpstream, chunk, said, stream_of

import pytest

HI = said("Hi.")
GZIP = {"content-encoding": "gzip"}


@pytest.fixture(scope="module")
def server():
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    with Emulator(upstream=server.write) as emulator, connect(emulator) as opened:
        yield opened


@pytest.fixture(scope="module")
def hasty(server):
    """A client of an emulator that waits a fifth of a second for the server."""
    upstream = Upstream(server.base_url, "x", "none", silence_s=0.2)
    with Emulator(upstream=upstream.answer) as emulator, connect(emulator) as opened:
        yield opened


def all_ways(client):
    [seen] = {seen_by(client, way) for way in WAYS}
    return seen


def test_compressed_answer_is_read(server, client):
    server.script(HI, headers=GZIP)

    assert all_ways(client) == Seen("Hi.")


ODD_ENDS = [
    ({"headers": {"content-encoding": "deflate"}}, "sent what is not deflate, as its header says"),
    ({"missing": 7}, "broke off"),
    ({"status": 204}, "sent nothing"),
    ({"status": 304}, "answered 304: no reason"),
    ({"status": 307, "headers": {"location": "completions"}}, "redirects each request"),
    ({"status": 302, "headers": {"location": "http://["}}, "could not be reached"),
    ({"headers": {"content-encoding": "nonsense"}}, "ended its stream without a finish_reason"),
    ({"headers": {"content-length": "5"}}, "could not be reached, or broke off"),
]


@pytest.mark.parametrize(("options", "reason"), ODD_ENDS)
def test_odd_end_of_an_answer_is_told(server, client, options, reason):
    server.script(b'data: {"choices": []}\n\n', **options)

    seen = all_ways(client)
    assert isinstance(seen, Failed) and seen.reason.startswith(reason)


def test_bomb_is_not_unpacked(server, client):
    server.script(b"data: " + b" " * 17 * 2**20, headers=GZIP)

    assert seen_by(client, WAYS[0]) == Failed("sent more than 16,777,216 bytes at once")


def test_endless_refusal_is_read_as_far_as_needed(server, client):
    server.script(b"<p>Down for maintenance</p>" + b" " * 2**18, status=503, is_held=True)

    assert all_ways(client) == Failed("answered 503: Down for maintenance")


@pytest.mark.parametrize("options", [{"is_headless": True}, {"is_held": True}])
@pytest.mark.parametrize("body", [b"", b": ping\n\n" * 9, said("Hi.", finish=None)[:99]])
def test_silent_server_is_given_up(server, hasty, body, options):
    server.script(body, **options)

    assert seen_by(hasty, WAYS[0]) == Failed("sent nothing for 0.2 seconds")
    assert server.left.acquire(timeout=10)


def test_request_says_nothing_of_the_learner(server, client, monkeypatch):
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "canary")
    server.script(HI)
    upstream = Upstream(server.base_url, "x", "secret")
    server.asked.clear()
    asyncio.run(upstream.answer(Prompt([Message("user", "Hm?")])))

    [(headers, _)] = server.asked
    assert "canary" not in str(headers)
    assert headers["authorization"] == "Bearer secret"


def sent(server, prompt):
    """What the server is asked for a prompt."""
    server.script(HI)
    server.asked.clear()

    async def answer():
        await (await server.write(prompt)).finished()

    asyncio.run(answer())
    [(_, asked)] = server.asked
    return asked


def test_neighbours_of_the_role_system_become_one(server):
    roles = ["system", "developer", "user", "assistant", "system", "user"]
    asked = sent(
        server, Prompt([Message(role, text) for role, text in zip(roles, "abcdef", strict=True)])
    )

    assert [(each["role"], each["content"]) for each in asked["messages"]] == [
        ("system", "a\n\nb"),
        ("user", "c"),
        ("assistant", "d"),
        ("system", "e"),
        ("user", "f"),
    ]


def test_one_call_at_a_time_is_asked_for(server):
    tools = [Tool("get_time", "", {"type": "object"})]
    question = [Message("user", "Hm?")]

    assert (
        sent(server, Prompt(question, tools=tools, parallel=False))["parallel_tool_calls"] is False
    )
    assert "parallel_tool_calls" not in sent(server, Prompt(question, tools=tools))
    assert "parallel_tool_calls" not in sent(server, Prompt(question, parallel=False))


SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "x", "schema": {"type": "object", "properties": {}}},
}


@pytest.mark.parametrize(
    ("body", "is_read"),
    [
        (said('{"a"', ": 1}"), True),
        (said("Sure! ", '{"a": 1}'), False),
        (said("```json\n{}\n```"), False),
        (said('{"a"', finish="length"), True),
        (stream_of(chunk({"refusal": "No."}), chunk({}, "stop")), True),
    ],
)
def test_text_where_json_was_asked_for_is_an_error(server, client, body, is_read):
    server.script(body)

    def way(client):
        return of_chat(client.chat.completions.create(**ask("Hm?"), response_format=SCHEMA))

    error = Failed("wrote text where a schema asked for JSON")
    assert (seen_by(client, way) != error) == is_read


@pytest.mark.parametrize("ending", ["", "/", "?api-version=2"])
def test_path_stands_behind_that_of_the_address(server, ending):
    server.script(HI)
    address = UpstreamAddress(server.base_url + ending, "x", "k")

    async def path():
        connection = UpstreamConnection(address, "chat", "X", "x-mark")
        answer = await connection.post("/chat/completions", {})
        await answer.aclose()
        return answer.url.raw_path.decode()

    assert asyncio.run(path()) == "/v1/chat/completions" + ending.strip("/")
