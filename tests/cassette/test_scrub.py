"""No secret is written: of what a client sends, a server repeats, or a body hides."""

import base64
import json
from contextlib import suppress
from functools import reduce
from urllib.parse import quote, unquote

from cassette import CassetteError
from cassette.format import Cassette, message_of
from cassette.openai import OPENAI
from cassette.record import Recorder
from cassette.scrub import IN_PIECES, SCRUBBED, Scrubber, SecretRules, views
from tests.support.cassettes import (
    EPHEMERAL,
    ORGANIZATION,
    SECRET,
    blobs_of,
    frames_of,
    open_writer,
    player,
    recorder,
    serving,
)
from tests.support.loopback_http import Echo, Quiet, http_server, post
from tests.support.loopback_sockets import bare_socket, sdk_client, socket_server

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus


@pytest.fixture
def echo():
    with http_server(Echo) as base_url:
        yield base_url


def test_p8_no_planted_secret_is_written(echo, cassette_path):
    for _ in range(2):  # P9: a recording over a recording
        with (
            recorder(cassette_path, echo) as base_url,
            sdk_client(base_url, SECRET, organization=ORGANIZATION) as client,
        ):
            client.post(
                "/x", cast_to=object, body={"text": f"my key is {SECRET}", "deep": [SECRET]}
            )
            client.post(f"/x?key={SECRET}", cast_to=object, body={})
            file = ("a.txt", f"{SECRET}\n".encode() * 400, "text/plain")
            httpx2.post(
                base_url + "/upload", files={"file": file}, data={"note": SECRET}, trust_env=False
            )
            protocols = {"sec-websocket-protocol": f"realtime, openai-insecure-api-key.{EPHEMERAL}"}
            client.post("/x", cast_to=object, body={}, options={"headers": protocols})

    text = cassette_path.read_text()
    shown = text + "".join(map(repr, blobs_of(cassette_path)))
    assert "[scrubbed]" in text
    assert not [
        secret for secret in (SECRET, ORGANIZATION, EPHEMERAL, SECRET[8:]) if secret in shown
    ]
    assert "set-cookie" not in text.split('"text"')[0]


class SlashingEcho(Echo):
    """Writes JSON as PHP does by default."""

    def spelled(self, text):
        return text.replace("/", "\\/")


@pytest.mark.parametrize("handler", [Echo, SlashingEcho])
def test_p8_no_credential_of_any_kind_is_written(cassette_path, handler):
    sent = {
        "authorization": "Bearer pass/12",
        "x-api-key": "key/of/x-api",
        "cookie": "session=cookie/value1; lang=en",
    }
    path = "/x?api_key=query/secret1&key=short/1&limit=2"
    with http_server(handler) as url, recorder(cassette_path, url) as base_url:
        httpx2.post(base_url + path, headers=sent, content=b"{}", trust_env=False)

    shown = cassette_path.read_text().replace("\\", "")
    hidden = ("pass/12", "key/of/x-api", "cookie/value1", "query/secret1", "short/1")
    assert "lang=en" in shown
    assert [secret for secret in hidden if secret in shown] == []
    with player(cassette_path) as base_url:
        other = path.replace("short/1", "another")
        assert httpx2.post(base_url + other, content=b"{}", trust_env=False).status_code == 200


def test_path_is_recorded_without_what_its_names_give_away(cassette_path):
    """However short the value is, and although no other text has it."""
    with recorder(cassette_path, "http://127.0.0.1:9/v1") as base_url:
        post(base_url, path="/x?sig=ab&limit=2", key="offline")

    path = Cassette(cassette_path).exchanges[1].request["path"]
    assert path == "/v1/x?sig=[scrubbed]&limit=2"


def test_p8_secrets_in_odd_places_are_not_written(echo, cassette_path):
    escaped = SECRET.replace("s", "\\u0073", 1)
    writer = open_writer(cassette_path, lesson=f"lesson {SECRET}")
    with serving(Recorder(writer, echo, OPENAI)) as base_url:
        post(base_url, f'{{"text": "{escaped}"}}'.encode(), headers={"x-plain": "x"})
        httpx2.post(f"{base_url}/y", files={SECRET: (SECRET, b"x")}, trust_env=False)
        httpx2.post(
            f"{base_url}/y?key=sk%2Dproj%2DAbCdEfGhIjKlMnOpQrStUvWx", content=b"", trust_env=False
        )

    # The echo sends the escapes back as they came, where they can only be refused.
    with pytest.raises(CassetteError, match="in pieces or in escapes"):
        writer.close()
    assert list(cassette_path.parent.iterdir()) == []


def test_p8_escapes_in_a_request_are_scrubbed(emulator, cassette_path):
    escaped = SECRET.replace("s", "\\u0073", 1)
    with recorder(cassette_path, emulator.base_url) as base_url:
        post(base_url, f'{{"model": "{escaped}"}}'.encode())

    assert SECRET not in cassette_path.read_text()


def test_password_of_an_address_is_not_written(echo, cassette_path):
    with recorder(cassette_path, echo.replace("//", "//user:pass-word-1@")) as base_url:
        httpx2.post(f"{base_url}/x", content=b"{}", trust_env=False)

    text = cassette_path.read_text()
    assert "pass-word-1" not in text
    assert base64.b64encode(b"user:pass-word-1").decode() not in text


def test_p8_no_secret_in_a_socket_is_written(cassette_path):
    def parrot(socket):
        for data in socket:
            socket.send(data)
        socket.close(1000, SECRET)

    with socket_server(parrot) as url, recorder(cassette_path, url) as base_url:
        with bare_socket(
            base_url,
            f"/realtime?key={SECRET}",
            subprotocols=[f"openai-insecure-api-key.{EPHEMERAL}"],
            additional_headers={"Authorization": "Bearer an-odd-secret", "Cookie": SECRET},
        ) as socket:
            for said in (f'{{"key": "{SECRET}"}}', f"x{EPHEMERAL}", "my an-odd-secret", SECRET):
                for data in (said, said.encode()):
                    socket.send(data)
                    assert socket.recv() == data
            socket.close(1000, f"by {EPHEMERAL}")

    shown = cassette_path.read_text() + "".join(
        map(repr, map(message_of, frames_of(cassette_path)))
    )
    hidden = (SECRET, EPHEMERAL, SECRET[8:], "an-odd-secret")
    assert shown.count("[scrubbed]") > 16
    assert not [secret for secret in hidden if secret in shown]
    with (
        player(cassette_path) as base_url,
        bare_socket(base_url, f"/realtime?key={SECRET}") as socket,
    ):
        for said in (f'{{"key": "{SECRET}"}}', "x[scrubbed]", "my [scrubbed]", SECRET):
            for data in (said, said.encode()):
                socket.send(data)
                told = said.replace(SECRET, "[scrubbed]")
                assert socket.recv() == (told if isinstance(data, str) else told.encode())


@pytest.mark.parametrize("side", ["client", "server"])
def test_p8_escaped_secret_in_a_frame_refuses_the_file(cassette_path, side):
    escaped = f'{{"text": "{SECRET}"}}'.replace("sk-", "\\u0073k-")
    writer = open_writer(cassette_path)

    def talk(socket):
        socket.recv()
        if side == "server":
            socket.send(escaped)

    with socket_server(talk) as url, serving(Recorder(writer, url, OPENAI)) as base_url:
        with bare_socket(base_url) as socket:
            socket.send(escaped if side == "client" else "hello")
            with suppress(ConnectionClosed):
                socket.recv()

    with pytest.raises(CassetteError, match="in pieces or in escapes"):
        writer.close()
    assert list(cassette_path.parent.iterdir()) == []


def scrubber_with(*headers):
    scrubber = Scrubber(OPENAI.secrets)
    scrubber.learn(headers)
    return scrubber


def written(scrubber, text):
    """The text of a chunk as it is written."""
    return json.loads(scrubber.clean_line({"chunk": 1, "text": text}))["text"]


HEADERS = {
    "authorization": "Bearer {}",
    "x-api-key": "{}",
    "api-key": "{}",
    "x-goog-api-key": "{}",
    "x-auth-token": "{}",
    "proxy-authorization": "Bearer {}",
    "cookie": 'lang=en; session="{}"; a=b',
    "set-cookie": "session={}; Path=/files; HttpOnly",
    "openai-organization": "{}",
    "sec-websocket-protocol": "realtime, openai-insecure-api-key.{}",
}
ODD_SECRET = "an/odd+secret=1"


@pytest.mark.parametrize("name", HEADERS)
def test_credentials_are_learned_from_a_header(name):
    scrubber = scrubber_with((name.title(), HEADERS[name].format(ODD_SECRET)))

    assert written(scrubber, f'"{ODD_SECRET}" HttpOnly /files') == '"[scrubbed]" HttpOnly /files'


def test_scheme_and_public_names_are_no_secrets():
    scrubber = scrubber_with(
        ("authorization", "Bearer offline"),
        ("sec-websocket-protocol", "realtime, openai-beta.realtime-v1, graphql"),
        ("idempotency-key", "stainless-python-retry-1"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("content-type", "application/json"),
        ("x-api-key", ""),
    )
    text = """Bearer of realtime, openai-beta.realtime-v1, graphql, offline,
        stainless-python-retry-1, dGhlIHNhbXBsZSBub25jZQ==, application/json"""

    assert (written(scrubber, text), scrubber.problem) == (text, "")


def test_bare_subprotocol_is_a_secret():
    scrubber = scrubber_with(("sec-websocket-protocol", "realtime, my-own-key-1"))

    assert written(scrubber, "my-own-key-1") == "[scrubbed]"


def test_password_of_basic_authentication_is_a_secret():
    pair = base64.b64encode(b"somebody:pass-word-1").decode()

    scrubber = scrubber_with(("authorization", f"Basic {pair}"))

    text = f"{pair} pass-word-1 somebody"
    assert written(scrubber, text) == "[scrubbed] [scrubbed] somebody"


@pytest.mark.parametrize("url", ["http://user:pass-w%2Frd@h/v1", "http://pass-w%2Frd@h/v1"])
def test_password_or_token_of_an_address_is_a_secret(url):
    scrubber = Scrubber(OPENAI.secrets)
    scrubber.learn_url(url)

    user = "user:pass-w/rd" if "user" in url else "pass-w/rd:"
    pair = base64.b64encode(user.encode()).decode()
    assert written(scrubber, f"pass-w/rd {pair}") == "[scrubbed] [scrubbed]"


def test_address_without_user_holds_no_secret():
    scrubber = Scrubber(OPENAI.secrets)
    scrubber.learn_url("http://upstream.test:80/v1")

    assert written(scrubber, "http://upstream.test:80/v1 Og==") == "http://upstream.test:80/v1 Og=="


@pytest.mark.parametrize("name", ["key", "api_key", "Api-Key", "apikey", "access_token", "sig"])
def test_secret_in_a_query_is_found_by_its_name(name):
    scrubber = Scrubber(OPENAI.secrets)
    path = f"/v1/x?limit=2&{name}=a%2Fb-1&after=msg_1"
    scrubber.learn_path(path)

    assert scrubber.path(path) == f"/v1/x?limit=2&{name}=[scrubbed]&after=msg_1"
    assert written(scrubber, "a/b-1 2 msg_1") == "[scrubbed] 2 msg_1"


@pytest.mark.parametrize(
    "path", ["/v1/x?monkey=a", "/v1/x?max_tokens=5", "/v1/a%20b?key", "/v1/x?key="]
)
def test_other_paths_stay_as_they_are(path):
    assert Scrubber(OPENAI.secrets).path(path) == path


def test_key_in_a_path_is_found_percent_encoded():
    path = Scrubber(OPENAI.secrets).path("/v1/files/sk%2Dproj%2DAbCdEfGhIjKlMnOpQr?a=1")

    assert path == "/v1/files/[scrubbed]?a=1"


KEY_PATTERNS = {
    "sk-proj-AbCdEfGhIjKlMnOp": "[scrubbed]",
    "ek_0123456789abcdef": "[scrubbed]",
    "sess-0123456789abcdef": "[scrubbed]",
    "Bearer abc.def~1": "[scrubbed]",
    "key:\\nsk-0123456789abcdef": "key:\\n[scrubbed]",
    "\\u003dsk-0123456789abcdef": "\\u003d[scrubbed]",
    "%3dsk-0123456789abcdef": "%3d[scrubbed]",
    "key:\nsk-0123456789abcdef": "key:\n[scrubbed]",
    "sess_0123456789abcdef": "sess_0123456789abcdef",
    "task-0123456789abcdef": "task-0123456789abcdef",
    "sk-0123456789abcde": "sk-0123456789abcde",
    "Bearer abc.def": "Bearer abc.def",
}


@pytest.mark.parametrize("text", KEY_PATTERNS)
def test_key_is_told_by_its_looks(text):
    assert written(Scrubber(OPENAI.secrets), text) == KEY_PATTERNS[text]


def test_short_key_is_replaced_as_a_word():
    scrubber = scrubber_with(("authorization", "Bearer pass12"))

    text = 'pass12 "pass12" pass123 xpass12 \\npass12'
    assert written(scrubber, text) == '[scrubbed] "[scrubbed]" pass123 xpass12 \\n[scrubbed]'
    assert scrubber.problem == ""


@pytest.mark.parametrize(("key", "found"), [("abc", "a key (abc)"), ("abc", '"abc"')])
def test_tiny_key_prevents_the_file_if_it_is_written(cassette_path, key, found):
    writer = open_writer(cassette_path)
    writer.scrubber.learn([("authorization", f"Bearer {key}")])
    writer.begin("somebody")
    writer.write({"request": 1, "method": "POST", "path": "/", "headers": {}, "json": found})

    with pytest.raises(CassetteError, match="a key under 4 characters is a word of its text"):
        writer.close()
    assert list(cassette_path.parent.iterdir()) == []


def test_tiny_key_that_is_not_written_does_no_harm():
    scrubber = scrubber_with(("authorization", "Bearer abc"), ("cookie", "lang=en"))

    assert written(scrubber, "abcd xabc en 12/abc+34=") == "abcd xabc en 12/abc+34="
    assert scrubber.problem == ""


def test_longer_secret_that_begins_as_another_is_found():
    secrets = [("x-api-key", "abcdefgh"), ("x-auth-token", "abcdefgh-and-more")]

    for headers in (secrets, secrets[::-1]):
        assert written(scrubber_with(*headers), "abcdefgh-and-more abcdefgh") == (
            "[scrubbed] [scrubbed]"
        )


def test_secret_in_names_lists_and_numbers_is_not_written():
    scrubber = scrubber_with(("x-api-key", "12345678"))
    line = {"request": 1, "json": {"12345678": ["12345678", {"a": "x12345678y"}], "b": None}}

    clean = json.loads(scrubber.clean_line(line))

    expected = {"[scrubbed]": ["[scrubbed]", {"a": "x[scrubbed]y"}], "b": None}
    assert (clean["json"], scrubber.problem) == (expected, "")
    scrubber.clean_line({"request": 1, "json": 12345678})
    assert scrubber.problem == IN_PIECES


def test_words_of_the_format_stay_as_they_are():
    scrubber = scrubber_with(("x-api-key", "client"))
    line = {"frame": 1, "from": "client", "text": "client"}

    assert json.loads(scrubber.clean_line(line)) == line | {"text": "[scrubbed]"}


def test_value_nested_too_deep_is_cleaned_too():
    deep = reduce(lambda value, _: [value], range(600), SECRET)

    clean = Scrubber(OPENAI.secrets).clean_line({"request": 1, "json": deep})

    assert SECRET.encode() not in clean
    assert clean.count(b"[") == 601


def test_headers_are_kept_by_name_alone():
    kept = Scrubber(OPENAI.secrets).headers(
        [
            ("Content-Type", f"text/{SECRET}"),
            ("x-ratelimit-limit-tokens", "1"),
            ("retry-after-ms", "5"),
            ("x-openai-emulator", "1"),
            ("x-content-type", "1"),
            ("cf-ray", "1"),
        ]
    )

    assert kept == {
        "Content-Type": "text/[scrubbed]",
        "x-ratelimit-limit-tokens": "1",
        "retry-after-ms": "5",
        "x-openai-emulator": "1",
    }


def test_profile_of_no_api_knows_no_key_of_openai():
    scrubber = Scrubber(SecretRules())

    assert scrubber.headers([("openai-version", "1"), ("retry-after", "1")]) == {"retry-after": "1"}
    assert written(scrubber, SECRET) == SECRET
    assert written(scrubber, f"Bearer {SECRET}") == "[scrubbed]"


@given(st.text(max_size=60))
def test_text_without_secrets_stays_as_it_is(text):
    scrubber = scrubber_with(("x-api-key", ODD_SECRET), ("authorization", "Bearer pass12"))

    assert (written(scrubber, text), scrubber.problem) == (text, "")


KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=30).filter(
    lambda key: key.strip("\\") and key not in SCRUBBED.decode()
)


TEXTS = st.text(max_size=5) | st.sampled_from(["0", "2f", "af", "%", "\\"])


def slashes(text):
    """As PHP and others write JSON."""
    return text.replace("/", "\\/")


@settings(deadline=None)
@given(KEYS, st.lists(st.sampled_from([str, slashes]), max_size=3), TEXTS, TEXTS)
def test_learned_secret_is_found_in_json_within_json(key, layers, before, after):
    """Whoever takes the layers off again finds no secret in any."""
    scrubber = scrubber_with(("x-api-key", key))
    text = before + key + after
    for layer in layers:
        text = layer(json.dumps({"a": text}))

    value = written(scrubber, text)

    seen = [value]
    with suppress(ValueError, KeyError, TypeError):
        for _ in layers:
            seen.append(value := json.loads(value)["a"])
    assert scrubber.problem or not any(key in str(each) for each in seen)
    assert not scrubber.problem or set(key) & set('\\%"') or key in SCRUBBED.decode() * 2


@given(KEYS, st.integers(0, 2), st.data())
def test_learned_secret_is_found_percent_encoded(key, times, data):
    scrubber = scrubber_with(("x-api-key", key))
    text = key
    for _ in range(times):
        text = quote(text, safe=data.draw(st.sampled_from(["", "/", "/:?=&"])))

    value = written(scrubber, f"?q={text}&r=1")

    assert scrubber.problem or key not in [value, unquote(value), unquote(unquote(value))]
    assert scrubber.problem or "&r=1" in value


def written_in_chunks(scrubber, body, cuts):
    """What is written of a body that comes in chunks."""
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        scrubber.watch(1, body[start:end])
        yield scrubber.clean(body[start:end])


LONG_TOKEN = "t" + "0123456789" * 60  # as JSON Web Tokens are


@pytest.mark.parametrize("secret", [ODD_SECRET, SECRET, LONG_TOKEN], ids=["odd", "key", "long"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_secret_across_many_borders_prevents_the_file(secret, size):
    """With the first chunks of the body, and with later ones, when much has come before."""
    for before in (b"", b"data: " * 200):
        scrubber = scrubber_with(("authorization", f"Bearer {secret}"))
        body = before + secret.encode() + b"."

        list(written_in_chunks(scrubber, body, range(size, len(body), size)))

        assert scrubber.problem == IN_PIECES


@pytest.mark.parametrize("cut", range(1, 8))
def test_secret_across_the_third_border_prevents_the_file(cut):
    scrubber = scrubber_with(("x-api-key", "abcdefgh"))
    body = b"one two abcdefgh three"

    list(written_in_chunks(scrubber, body, [4, 8, 8 + cut]))

    assert scrubber.problem == IN_PIECES


def test_secret_within_a_chunk_prevents_nothing():
    scrubber = scrubber_with(("x-api-key", "abcdefgh"))
    body = b"one abcdefgh two abcdefgh three"

    chunks = list(written_in_chunks(scrubber, body, [4, 12, 17, 25]))

    assert scrubber.problem == ""
    assert chunks == [b"one ", b"[scrubbed]", b" two ", b"[scrubbed]", b" three"]


@pytest.mark.parametrize("cut", range(1, 10))
def test_escaped_key_across_a_border_prevents_the_file(cut):
    scrubber = Scrubber(OPENAI.secrets)
    body = b"\\u0073k-0123456789abcdef"

    list(written_in_chunks(scrubber, body, [cut]))

    assert scrubber.problem == IN_PIECES


@pytest.mark.parametrize(
    "data",
    [rb"a/b", rb"a\/b", rb"a\\/b", rb"a\u002fb", rb"a\\u002Fb", b"a%2Fb", b"a%252fb", b"a%5C/b"],
)
def test_data_is_decoded_to_the_ground(data):
    assert views(data)[-1] == b"a/b"


@pytest.mark.parametrize("cut", range(1, 20))
def test_key_of_nobody_across_a_border_prevents_the_file(cut):
    """It was never learned, and is a key by its looks alone."""
    scrubber = Scrubber(OPENAI.secrets)

    list(written_in_chunks(scrubber, b"sk-0123456789abcdef0 and more", [cut]))

    assert scrubber.problem == IN_PIECES


@pytest.mark.parametrize(
    "text", ["abcdef%2{}af", r"a\/bcdef%2{}0", r"abcdef\u00{}2f", "abcdefg%{}41"]
)
def test_secret_that_is_decoded_with_its_neighbour_is_found(text):
    secret = text.split("{}")[0].replace("\\/", "/")
    scrubber = scrubber_with(("x-api-key", secret))

    assert written(scrubber, text.format("")) == "[scrubbed]" + text.split("{}")[1]


def test_exchanges_do_not_continue_one_another():
    scrubber = scrubber_with(("x-api-key", "abcdefgh"))

    scrubber.watch(1, b"abcd")
    scrubber.watch(2, b"efgh")
    scrubber.forget(1)
    scrubber.watch(1, b"efgh")

    assert scrubber.problem == ""


@settings(deadline=None)
@given(KEYS, st.binary(max_size=400), st.data())
def test_secret_in_chunks_is_never_written(key, before, data):
    scrubber = scrubber_with(("x-api-key", key))
    body = before + key.encode() + b"after"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))

    whole = b"".join(written_in_chunks(scrubber, body, cuts))

    assert scrubber.problem or key.encode() not in whole


@pytest.mark.parametrize("cut", range(1, 10))
def test_learned_secret_in_escapes_across_a_border_prevents_the_file(cut):
    scrubber = scrubber_with(("x-api-key", "a/bcdefgh"))

    list(written_in_chunks(scrubber, rb"a\/bcdefgh", [cut]))

    assert scrubber.problem == IN_PIECES


@pytest.mark.parametrize(
    "text", ["a%2Fbcdefgh", "a%252fbcdefgh", "a%25252Fbcdefgh", "%61/bcdefg%68"]
)
def test_learned_secret_is_replaced_percent_encoded(text):
    scrubber = scrubber_with(("x-api-key", "a/bcdefgh"))

    assert (written(scrubber, text), scrubber.problem) == ("[scrubbed]", "")


def test_secret_beyond_ascii_is_found():
    """A header is read as Latin-1, whatever the client wrote it in."""
    for spelled in ("clé-secrète", "clé-secrète".encode().decode("latin-1")):
        assert written(scrubber_with(("x-api-key", spelled)), "clé-secrète") == "[scrubbed]"


class CookieSetter(Quiet):
    """Gives a client a cookie, and tells it in the body as well."""

    def do_POST(self):
        self.read_request()
        self.answer(
            b'{"session": "from-server-1"}', ("set-cookie", "session=from-server-1; Path=/")
        )


def test_cookie_that_the_server_sets_is_not_written(cassette_path):
    with http_server(CookieSetter) as url, recorder(cassette_path, url) as base_url:
        assert post(base_url).json() == {"session": "from-server-1"}

    assert "from-server-1" not in cassette_path.read_text()
    assert '{\\"session\\": \\"[scrubbed]\\"}' in cassette_path.read_text()


@pytest.mark.parametrize("is_refused", [True, False])
def test_cookie_that_a_socket_sets_is_not_written(cassette_path, is_refused):
    def respond(socket, request, response=None):
        if is_refused:
            response = socket.respond(401, "from-server-1")
        response.headers["set-cookie"] = "session=from-server-1"
        return response

    def talk(socket):
        socket.send("from-server-1")

    hook = {"process_request" if is_refused else "process_response": respond}
    with socket_server(talk, **hook) as url, recorder(cassette_path, url) as base_url:
        with suppress(InvalidStatus), bare_socket(base_url) as socket:
            assert socket.recv() == "from-server-1"

    assert "from-server-1" not in cassette_path.read_text()
    assert '"text":"[scrubbed]"' in cassette_path.read_text()


def test_subprotocol_that_is_a_key_is_not_written(cassette_path):
    key = f"openai-insecure-api-key.{EPHEMERAL}"
    with socket_server(subprotocols=[key]) as url, recorder(cassette_path, url) as base_url:
        with bare_socket(base_url, subprotocols=[key]) as socket:
            assert socket.subprotocol == key

    assert "sec-websocket-protocol" not in cassette_path.read_text()
    assert EPHEMERAL not in cassette_path.read_text()
