"""No secret is written: of what a client sends, a server repeats, or a body hides."""

import base64
from contextlib import suppress

from cassette import CassetteError
from cassette.format import message_of
from cassette.openai import OPENAI
from cassette.record import Recorder
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
from tests.support.loopback_http import Echo, http_server, post
from tests.support.loopback_sockets import bare_socket, sdk_client, socket_server

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed


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
