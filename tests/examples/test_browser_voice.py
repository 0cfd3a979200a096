"""The page that is spoken to, in a real browser whose microphone is a WAV file."""

import json
import re
from base64 import b64encode

from emulator.server import Emulator
from tests.support.cassettes import player, recorder
from tests.support.example_runs import serve_example
from tests.support.realtime_clients import clip
from tests.support.scripted_http import answering

import httpx2
import pytest
from websockets.sync.client import connect

SERVER = "realtime/browser_voice/server.py"
MODEL = "gpt-realtime-2.1-mini"


@pytest.fixture
def recognizer():
    pytest.importorskip("moonshine_voice", reason="recognises speech")


class Wire:
    """The events that cross the page's WebSocket, without the sound."""

    def __init__(self, page):
        self.url, self.sent, self.received = "", [], []
        page.on("websocket", self._listen)

    def of(self, kind):
        return [event for event in [*self.sent, *self.received] if event["type"] == kind]

    def _listen(self, socket):
        self.url = socket.url
        socket.on("framesent", lambda text: self._keep(self.sent, text))
        socket.on("framereceived", lambda text: self._keep(self.received, text))

    def _keep(self, events, text):
        event = json.loads(text)
        if "audio" not in event and event["type"] != "response.output_audio.delta":
            events.append(event)


def test_question_is_answered_until_you_interrupt(chromium, recognizer):
    pages = []
    with Emulator(pace=1.0) as emulator, serve_example(SERVER, emulator.base_url) as url:
        with chromium.page(reduced_motion="reduce") as page:
            wire = Wire(page)
            page.on("response", lambda response: pages.append(response.text()))
            page.goto(url)
            page.get_by_role("button", name="Start talking").click()
            page.get_by_text("Interrupted after").wait_for()
            heard = page.locator(".you p").first.inner_text()
            answered = page.locator(".assistant p").first.inner_text()
            note = page.locator(".note").inner_text()
            page.locator(".assistant p", has_text="Children").wait_for()
            page.get_by_role("button", name="Hang up").click()
            state = page.get_by_role("status").inner_text()

    assert "december" in heard.lower()
    assert len(answered) > 1
    assert state == "The microphone is off."
    # Only what was played counts as heard.
    (cut,) = wire.of("conversation.item.truncate")
    (confirmed,) = wire.of("conversation.item.truncated")
    assert cut["item_id"] == confirmed["item_id"]
    assert 500 < cut["audio_end_ms"] < 5_000
    assert note == f"Interrupted after {cut['audio_end_ms'] / 1000:.1f} s."
    # The page connects by itself, and your key stays on the server.
    assert wire.url == emulator.base_url.replace("http", "ws") + "/realtime?model=" + MODEL
    assert re.search(r'"secret":"ek_\w+"', pages[-1])
    assert not any("offline" in text for text in pages)


def test_problem_is_shown_and_other_sites_get_no_secret(chromium):
    refusal = '{"error": {"message": "No such key."}}'
    with answering(refusal, status=401) as (base_url, sent), serve_example(SERVER, base_url) as url:
        with chromium.page() as page:
            page.goto(url)
            page.get_by_role("button").click()
            page.locator(".problem").wait_for()

            assert "No such key." in page.get_by_role("status").inner_text()
            assert page.get_by_role("button").inner_text() == "Start talking"

        for headers in ({"host": "evil.example"}, {"sec-fetch-site": "cross-site"}):
            reply = httpx2.post(f"{url}/start", headers=headers, trust_env=False)

            assert reply.status_code == 403

    assert len(sent) == 1


def spoken_turn(url):
    """What the page does, without a browser: the words of the answer."""
    started = httpx2.post(f"{url}/start", trust_env=False).json()
    # A cassette has "[scrubbed]" where the secret was, which is no word of a subprotocol.
    secret = started["secret"].strip("[]")
    subprotocols = ["realtime", f"openai-insecure-api-key.{secret}"]
    words = ""
    with connect(started["url"], subprotocols=subprotocols, origin=url, proxy=None) as socket:
        sound = clip("ask-closed") + bytes(48_000)
        for start in range(0, len(sound), 1920):
            piece = b64encode(sound[start : start + 1920]).decode()
            socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": piece}))
        for message in socket:
            event = json.loads(message)
            if event["type"] == "response.output_audio_transcript.delta":
                words += event["delta"]
            elif event["type"] == "response.done":
                return words


def test_voice_server_runs_on_emulator_and_from_cassette(recognizer, emulator, cassette_path):
    with recorder(cassette_path, emulator.base_url) as base_url:
        with serve_example(SERVER, base_url) as url:
            recorded = spoken_turn(url)
    with player(cassette_path) as base_url:
        with serve_example(SERVER, base_url) as url:
            played = spoken_turn(url)

    assert "Mondays" in recorded
    assert played == recorded
