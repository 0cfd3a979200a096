"""The page that is spoken to, in a real browser whose microphone is a WAV file."""

import json
import re
import wave
from base64 import b64encode

from emulator.server import Emulator
from tests.support.cassettes import player, recorder
from tests.support.chromium import Chromium
from tests.support.example_runs import serve_example
from tests.support.realtime_clients import clip

import httpx2
import pytest
from websockets.sync.client import connect

SERVER = "realtime/browser_voice/server.py"
MODEL = "gpt-realtime-2.1-mini"


def silence(seconds):
    return bytes(2 * round(24_000 * seconds))


@pytest.fixture
def open_browser(tmp_path):
    """Starts a browser in whose microphone these sounds are heard, once."""
    pytest.importorskip("moonshine_voice", reason="recognises speech")

    def opened(*sounds):
        path = tmp_path / "caller.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 24_000, 0, "NONE", ""))
            file.writeframes(b"".join(sounds))
        return Chromium(
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={path}%noloop",
        )

    return opened


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


def test_spoken_question_is_answered(open_browser, emulator):
    sounds = silence(3), clip("ask-closed"), silence(3)
    with serve_example(SERVER, emulator.base_url) as url:
        with open_browser(*sounds) as chromium, chromium.page() as page:
            page.goto(url)
            page.get_by_role("button", name="Start talking").click()
            page.get_by_text("Mondays").wait_for()
            heard = page.locator(".you p").first.inner_text()
            answered = page.locator(".assistant p").first.inner_text()
            page.get_by_role("button", name="Hang up").click()
            state = page.get_by_role("status").inner_text()

    assert "closed" in heard.lower()
    assert "Mondays" in answered
    assert state == "The microphone is off."


def test_interruption_stops_the_sound_and_tells_what_was_heard(open_browser):
    sounds = silence(3), clip("ask-programme"), silence(4), clip("cut-in-price"), silence(4)
    with Emulator(pace=1.0) as emulator, serve_example(SERVER, emulator.base_url) as url:
        with open_browser(*sounds) as chromium, chromium.page() as page:
            wire = Wire(page)
            page.goto(url)
            page.get_by_role("button").click()
            page.get_by_text("Interrupted after").wait_for()
            note = page.locator(".note").inner_text()
            page.locator(".assistant p", has_text="Children").wait_for()

    (cut,) = wire.of("conversation.item.truncate")
    (answered,) = wire.of("conversation.item.truncated")
    assert cut["item_id"] == answered["item_id"]
    assert 500 < cut["audio_end_ms"] < 5_000
    assert note == f"Interrupted after {cut['audio_end_ms'] / 1000:.1f} s."


def test_key_stays_on_the_server(open_browser, emulator):
    pages = []
    with serve_example(SERVER, emulator.base_url) as url:
        with open_browser(silence(1)) as chromium, chromium.page() as page:
            wire = Wire(page)
            page.on("response", lambda response: pages.append(response.text()))
            page.goto(url)
            page.get_by_role("button").click()
            page.get_by_text("Listening").wait_for()

    assert wire.url == emulator.base_url.replace("http", "ws") + "/realtime?model=" + MODEL
    assert re.search(r'"secret":"ek_\w+"', pages[-1])
    assert not any("offline" in text for text in pages)


def test_problem_is_shown_in_words(open_browser):
    with serve_example(SERVER, "http://127.0.0.1:9/v1") as url:
        with open_browser(silence(1)) as chromium, chromium.page() as page:
            page.goto(url)
            page.get_by_role("button").click()
            page.locator(".problem").wait_for()

            assert page.get_by_role("status").inner_text() == "Connection error."
            assert page.get_by_role("button").inner_text() == "Start talking"


def test_other_site_gets_no_secret(emulator):
    with serve_example(SERVER, emulator.base_url) as url:
        for headers in ({"host": "evil.example"}, {"sec-fetch-site": "cross-site"}):
            reply = httpx2.post(f"{url}/start", headers=headers, trust_env=False)

            assert reply.status_code in (400, 403)
            assert "ek_" not in reply.text


def spoken_turn(url):
    """What the page does, without a browser: the words of the answer."""
    started = httpx2.post(f"{url}/start", trust_env=False).json()
    # A cassette has "[scrubbed]" where the secret was, which is no word of a subprotocol.
    secret = started["secret"].strip("[]")
    subprotocols = ["realtime", f"openai-insecure-api-key.{secret}"]
    words = ""
    with connect(started["url"], subprotocols=subprotocols, origin=url, proxy=None) as socket:
        sound = clip("ask-closed") + silence(1)
        for start in range(0, len(sound), 1920):
            piece = b64encode(sound[start : start + 1920]).decode()
            socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": piece}))
        for message in socket:
            event = json.loads(message)
            if event["type"] == "response.output_audio_transcript.delta":
                words += event["delta"]
            elif event["type"] == "response.done":
                return words


def test_server_runs_on_emulator_and_from_cassette(emulator, cassette_path):
    with recorder(cassette_path, emulator.base_url) as base_url:
        with serve_example(SERVER, base_url) as url:
            recorded = spoken_turn(url)
    with player(cassette_path) as base_url:
        with serve_example(SERVER, base_url) as url:
            played = spoken_turn(url)

    assert played == recorded != ""
