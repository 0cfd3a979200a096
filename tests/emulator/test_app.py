"""Routes, headers and errors of every answer."""

import errno
import json
import re
from pathlib import Path

from emulator.app import FAMILIES, MOST_EXCHANGES
from emulator.server import Emulator
from emulator.serving import Service
from tests.support.emulator_clients import ask, connect

import httpx2
import openai
import pytest
from starlette.routing import Route
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_socket

KEY = {"authorization": "Bearer offline"}


def test_every_answer_says_who_it_is(emulator):
    for path, status in (("/models", 200), ("/nothing", 404), ("/batches", 404)):
        answer = httpx2.get(emulator.base_url + path, headers=KEY, trust_env=False)

        assert answer.status_code == status
        assert answer.headers["x-openai-emulator"] == "1.0"
        assert answer.headers["openai-version"] == "2020-10-01"
        assert len(answer.headers["x-request-id"]) == len("req_") + 32
        assert answer.headers["openai-processing-ms"].isdecimal()
        assert answer.text.startswith("{\n  ")


ROUTES = sorted(
    (method, route.path)
    for family in FAMILIES
    for route in family.routes
    if isinstance(route, Route)
    for method in (route.methods or set()) - {"HEAD"}
)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_ignores_an_unknown_parameter_of_the_query(emulator, method, path):
    url = emulator.base_url.removesuffix("/v1") + re.sub(r"\{.*?\}", "x_1", path)
    answer = httpx2.request(method, url, params={"foo": "bar"}, headers=KEY, trust_env=False)

    error = answer.json()["error"]
    if (answer.status_code, method) != (404, "GET"):  # a list of something that is not there
        assert (answer.status_code, error["param"]) == (400, "foo")
        assert error["message"] == "Unknown parameter: 'foo'."


def test_include_is_a_parameter_of_an_item(emulator):
    url = f"{emulator.base_url}/conversations/conv_1/items/msg_1"
    for name, status in (("include", 404), ("include[]", 404), ("included", 400)):
        params = {name: "file_search_call.results"}
        answer = httpx2.get(url, params=params, headers=KEY, trust_env=False)
        assert answer.status_code == status


def test_beta_of_responses_is_refused_by_name(client):
    with pytest.raises(openai.BadRequestError, match="'true' in 'beta' is a part of OpenAI's API"):
        client.beta.responses.create(model="gpt-6-luna", input="Hm?")


def test_unserved_path_is_named(client):
    with pytest.raises(openai.NotFoundError, match="GET /v1/batches") as served:
        client.batches.list()
    with pytest.raises(openai.NotFoundError, match="Invalid URL") as unknown:
        client.get("/nowhere", cast_to=object)

    assert (served.value.code, unknown.value.code) == ("not_served_by_emulator", None)


def sdk_paths():
    """Each method and path of the SDK that has not ended; "x" stands for every id."""
    called = re.compile(
        r"""self\._(get|get_api_list|post|delete|put|patch)\(\s*(?:path_template\()?\s*f?"(/[^"]*)\""""
    )
    folder = Path(openai.__file__).parent / "resources"
    sources = "".join(file.read_text("utf-8") for file in folder.rglob("*.py"))
    for method, path in sorted(set(called.findall(sources))):
        if not path.startswith(("/assistants", "/threads")):
            yield method.partition("_")[0].upper(), re.sub(r"\{[^}]*\}", "x", path)


def refusal(emulator, method, path):
    """How a request without parameters is refused: by its path, or (None) otherwise."""
    answer = httpx2.request(method, emulator.base_url + path, headers=KEY, trust_env=False)
    error = answer.json().get("error") or {}
    if error.get("message") == f"Invalid URL ({method} /v1{path})":
        return "unknown"
    return error.get("code") if error.get("code") == "not_served_by_emulator" else None


def test_every_path_of_the_sdk_is_served_or_named(emulator):
    paths = list(sdk_paths())
    found = {each: refusal(emulator, *each) for each in paths}

    assert len(paths) > 250
    assert [each for each, how in found.items() if how == "unknown"] == []
    assert found["POST", "/batches"] == "not_served_by_emulator"
    assert found["POST", "/responses"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/chat/completions/"),
        ("POST", "/chat"),
        ("POST", "/chat/completionz"),
        ("POST", "/v1/chat/completions"),
        ("POST", "//responses"),
        ("POST", "/responses/"),
        ("POST", "/embeddings/x"),
        ("GET", "/files/"),
        ("GET", "/files/file-1/x"),
        ("GET", "/vector_stores/"),
        ("GET", "/batches/"),
        ("GET", "/realtime/x"),
        ("POST", "/audio/speech/x"),
    ],
)
def test_path_that_nobody_has_is_an_invalid_url(emulator, method, path):
    assert refusal(emulator, method, path) == "unknown"


IN_PLACE = {
    "translations": (
        lambda client: client.audio.translations.create(model="whisper-1", file=("a.wav", b"x")),
        "use /v1/audio/transcriptions",
    ),
    "voices": (
        lambda client: client.audio.voices.create(name="x", prompt="deep", type="prompt"),
        "Use a built-in voice",
    ),
    "voice samples": (
        lambda client: client.audio.voices.create(
            name="x", audio_sample=("a.wav", b"x"), consent="cons_1"
        ),
        "Use a built-in voice",
    ),
    "consents": (lambda client: client.audio.voice_consents.list(), "Use a built-in voice"),
    "live": (
        lambda client: client.live.sessions.hangup("sess_1"),
        "use /v1/realtime with gpt-realtime-2.1-mini",
    ),
    "interpreter": (
        lambda client: client.realtime.translations.client_secrets.create(
            session={"model": "gpt-realtime-translate"}
        ),
        "use /v1/realtime. ",
    ),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", IN_PLACE)
def test_unserved_sound_says_what_to_use(client, name):
    call, advice = IN_PLACE[name]

    with pytest.raises(openai.NotFoundError) as caught:
        call(client)

    assert advice in caught.value.message
    assert caught.value.code == "not_served_by_emulator"


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/live/sessions?model=gpt-live-1", "use /v1/realtime with"),
        ("/realtime/translations?model=gpt-realtime-translate", "use /v1/realtime. "),
    ],
)
def test_unserved_socket_says_what_to_use(emulator, path, advice):
    url = emulator.base_url.replace("http", "ws", 1) + path

    with pytest.raises(InvalidStatus) as caught:
        connect_socket(url, additional_headers=KEY, proxy=None)

    assert caught.value.response.status_code == 404
    assert advice in json.loads(caught.value.response.body)["error"]["message"]


def test_known_path_with_another_method_is_405(emulator):
    answer = httpx2.put(f"{emulator.base_url}/models", headers=KEY, trust_env=False)

    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_supported")
    assert answer.json()["error"]["message"] == "Not allowed to PUT on /v1/models."


def test_only_the_last_exchanges_are_kept(start):
    emulator = start()
    with connect(emulator) as client:
        for _ in range(MOST_EXCHANGES + 3):
            client.models.list()
        client.models.retrieve("gpt-5")

    assert len(emulator.exchanges) == MOST_EXCHANGES
    assert emulator.exchanges[-1].path == "/v1/models/gpt-5"


def broken(*arguments, **options):
    raise ZeroDivisionError("oh")


def test_error_of_ours_is_a_500_and_the_next_request_is_served(start, monkeypatch, capfd):
    emulator = start()
    with connect(emulator) as client:
        with monkeypatch.context() as patch:
            patch.setattr(Service, "generate", broken)
            with pytest.raises(openai.InternalServerError) as caught:
                client.chat.completions.create(**ask("Hello!"))

        assert client.chat.completions.create(**ask("Hello!")).choices
        # The client has the whole body a moment before the server notes that it was sent. A client
        # that closes its connection within that moment would be noted as disconnected.
        assert emulator.exchanges[1].finished.wait(10)
    exchange = emulator.exchanges[0]
    assert exchange.request_id in str(caught.value.body)
    assert caught.value.response.headers["x-request-id"] == exchange.request_id
    assert (exchange.status, emulator.exchanges[1].ended) == (500, "complete")
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_error_within_a_stream_breaks_it_off(start, monkeypatch, capfd):
    monkeypatch.setattr("emulator.encode.completions.ChunkEncoder.calls", broken)
    emulator = start()
    with connect(emulator) as client:
        stream = client.chat.completions.create(**ask("Hello!"), stream=True)
        with pytest.raises(openai.APIConnectionError):
            list(stream)

    assert emulator.exchanges[0].finished.wait(5)
    assert (emulator.exchanges[0].status, emulator.exchanges[0].ended) == (200, "broken")
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_every_exchange_is_noted(start):
    emulator = start()
    with connect(emulator) as client:
        client.models.list()
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("gpt-none")

    told = [(each.method, each.path, each.status, each.ended) for each in emulator.exchanges]
    assert told == [
        ("GET", "/v1/models", 200, "complete"),
        ("GET", "/v1/models/gpt-none", 404, "complete"),
    ]


def test_damaged_storage_is_told_apart_from_our_mistakes(tmp_path, capsys):
    (tmp_path / "library.sqlite3").write_bytes(b"no database, but as long as one has to be " * 99)
    with (
        Emulator(data=tmp_path) as emulator,
        connect(emulator) as client,
        pytest.raises(openai.InternalServerError) as raised,
    ):
        client.files.list()

    assert raised.value.status_code == 507
    assert raised.value.code == "emulator_storage_failed"
    assert "not a database" in str(raised.value)
    assert "not a database" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status"),
    [(OSError(errno.ENOSPC, "No space left on device"), 507), (OSError(errno.EPIPE, "pipe"), 500)],
)
def test_full_disk_is_told_apart_from_our_mistakes(error, status, emulator, monkeypatch, capsys):
    def fail(*_):
        raise error

    monkeypatch.setattr(emulator.service.store, "all", fail)
    with connect(emulator) as client, pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.list()

    assert raised.value.status_code == status
    printed = capsys.readouterr().err
    assert str(error) in printed
    assert ("Traceback" in printed) == (status == 500)


HUGE = "9" * 5_000
ASKED = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello"}]}


def schema(**inner):
    shape = {"type": "object", "properties": {"a": inner}, "required": ["a"]}
    return ASKED | {
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": shape}}
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", schema(type="number", multipleOf=0)),
        ("chat/completions", schema(type="number", minimum=10**400)),
        ("chat/completions", schema(type="object", required=1e308)),
        ("chat/completions", schema(type="object", required=[1, 2])),
        ("chat/completions", schema(items=[{"type": [1]}])),
        ("chat/completions", schema(type="string", pattern="a{1000000000}")),
        ("chat/completions", ASKED | {"\ud800": 1}),
        ("embeddings", {"model": "text-embedding-3-small", "input": "x", "\ud800": 1}),
        ("responses", {"model": "gpt-5-mini", "input": [{"type": {"a": 1}}]}),
        ("conversations", {"items": [{"type": ["message"], "role": "user"}]}),
    ],
)
def test_odd_value_is_400_in_shape(path, body, emulator):
    url = f"{emulator.base_url}/{path}"
    sent = {"content-type": "application/json"} | KEY
    answer = httpx2.post(url, content=json.dumps(body), headers=sent, trust_env=False)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", ["files", "vector_stores", "chat/completions"])
def test_limit_of_5000_digits_is_400(path, emulator):
    url = f"{emulator.base_url}/{path}?limit={HUGE}"

    assert httpx2.get(url, headers=KEY, trust_env=False).status_code == 400
