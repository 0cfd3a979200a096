"""The chat page in a real browser: text while it comes, Markdown, Stop, and a lost connection."""

import re
from contextlib import contextmanager

from emulator.answers.answer import Answer
from emulator.server import Emulator
from emulator.wire import tokens
from tests.support.cassettes import player, recorder
from tests.support.emulator_clients import Gate, connect
from tests.support.example_runs import serve_example
from tests.support.loopback_relay import relay_to

import httpx2
import pytest

SERVER = "streaming/web_chat/server.py"
PLAIN = "The dome is open on Fridays, and the meadow on every clear evening. Bring a coat."


def writer(text):
    """A model that always writes this."""

    async def write(prompt, found):
        return Answer(tokens.split(text))

    return write


@contextmanager
def chat(chromium, text=PLAIN, passes=10_000):
    """The page, with a question asked; the gate holds the model back after so many pieces."""
    gate = Gate(passes)
    upstream = writer(text)
    with Emulator(pace=1.0, sleep=gate.sleep, upstream=upstream) as emulator:
        with serve_example(SERVER, emulator.base_url) as url, relay_to(url) as relay:
            with chromium.page() as page:
                page.goto(relay.address)
                yield Chat(page, gate, emulator, relay)


class Chat:
    def __init__(self, page, gate, emulator, relay):
        self.page, self.gate, self.emulator, self.relay = page, gate, emulator, relay

    def ask(self, question="When is it open?"):
        """Ask; return the id of the answer."""
        self.page.get_by_label("Your question").fill(question)
        with self.page.expect_response("**/answers") as started:
            self.page.get_by_label("Your question").press("Enter")
        return started.value.json()["id"]

    @property
    def words(self):
        return self.page.locator(".assistant .words").last

    def wait_for(self, text):
        self.page.locator(".assistant .words", has_text=text).wait_for()

    def wait_until_done(self):
        self.page.get_by_role("button", name="Send").wait_for()


def test_text_appears_while_it_comes(chromium):
    with chat(chromium, passes=7) as shown:
        shown.ask()
        shown.wait_for("open on")
        early, busy = shown.words.inner_text(), shown.words.get_attribute("aria-busy")
        shown.gate.open()
        shown.wait_until_done()
        whole = shown.words.inner_text()

    assert whole == PLAIN
    assert PLAIN.startswith(early) and early != PLAIN
    assert busy == "true"


def test_next_question_builds_on_the_answer(chromium):
    with chat(chromium) as shown:
        first = shown.ask()
        shown.wait_until_done()
        second = shown.ask("And on Mondays?")
        shown.wait_until_done()
        with connect(shown.emulator) as client:
            assert client.responses.retrieve(second).previous_response_id == first


def test_stop_stops_the_model(chromium):
    with chat(chromium, passes=7) as shown:
        id = shown.ask()
        shown.wait_for("open on")
        with shown.page.expect_response("**/stop") as stopped:
            shown.page.get_by_role("button", name="Stop").click()
        with connect(shown.emulator) as client:
            response = client.responses.retrieve(id)
        shown.gate.open()
        note = shown.page.locator(".note").inner_text()
        words, status = shown.words.inner_text(), stopped.value.status

    assert status == 204
    assert response.status == "cancelled"
    assert response.output_text != PLAIN
    assert note == "You stopped this answer."
    assert PLAIN.startswith(words)


@pytest.mark.parametrize("leave", ["location.reload()", "location = 'about:blank'"])
def test_left_page_stops_the_model(chromium, leave):
    with chat(chromium, passes=7) as shown:
        id = shown.ask()
        shown.wait_for("open on")
        shown.page.evaluate(leave)
        with connect(shown.emulator) as client:
            states = (client.responses.retrieve(id).status for _ in range(2_000))
            assert "cancelled" in states


def test_lost_connection_is_taken_up_again(chromium):
    with chat(chromium, passes=7) as shown:
        shown.ask()
        shown.wait_for("open on")
        shown.relay.cut()
        shown.page.get_by_text("Connection lost. Connecting again").wait_for()
        with shown.page.expect_request(re.compile("/answers/resp_")) as again:
            pass
        last = again.value.header_value("last-event-id")
        shown.gate.open()
        shown.wait_until_done()
        words = shown.words.inner_text()

    assert int(last) > 0
    assert words == PLAIN


HOSTILE = """<script>document.title = "taken"</script>
<img src=x onerror="document.title = 'taken'"> and **<b onclick=alert(1)>bold</b>**

[run](javascript:document.title='taken') [data](data:text/html,<script>1</script>) [home](/answers)
![pixel](https://evil.example/pixel.png)

```html
<iframe srcdoc="<script>parent.document.title = 'taken'</script>"></iframe>
```

| a <svg onload="document.title='taken'"> | b |
"""


def test_markdown_of_a_hostile_model_does_nothing(chromium):
    asked = []
    with chat(chromium, HOSTILE) as shown:
        shown.page.on("request", lambda request: asked.append(request.url))
        shown.ask()
        shown.wait_until_done()
        title = shown.page.title()
        kinds = "nodes => [...new Set(nodes.map(node => node.tagName))]"
        made = shown.page.locator(".assistant .words *").evaluate_all(kinds)
        links = shown.page.locator(".assistant a").evaluate_all("all => all.map(a => a.href)")
        text = shown.words.inner_text()

    assert title == "Streaming chat"
    assert not {"SCRIPT", "IMG", "B", "IFRAME", "SVG", "svg"} & set(made)
    assert links == ["https://evil.example/pixel.png"]
    assert not [url for url in asked if "evil" in url]
    for written in ("<script>document", "<img src=x onerror", "[run](javascript:", "<iframe"):
        assert written in text


MARKDOWN = """## Evenings

Bring a **warm** coat, *please*: see `coat()` and [hours](https://example.org/hours).
MAX_RETRY_COUNT stays, and 2 * 3 * 4.

1. Talk
   - short
2. Dome

> Quoted

| day | open |
|---|---|
| Friday | yes |

```
a < b
```
"""
RENDERED = """<h3>Evenings</h3><p>Bring a <strong>warm</strong> coat, <em>please</em>: see \
<code>coat()</code> and <a href="https://example.org/hours" target="_blank" \
rel="noopener noreferrer">hours</a>.\nMAX_RETRY_COUNT stays, and 2 * 3 * 4.</p>\
<ol start="1"><li>Talk<ul><li>short</li></ul></li><li>Dome</li></ol>\
<blockquote><p>Quoted</p></blockquote>\
<table><tr><th>day</th><th>open</th></tr><tr><td>Friday</td><td>yes</td></tr></table>\
<pre tabindex="0"><code>a &lt; b</code></pre>"""


def test_markdown_becomes_elements(chromium):
    with chat(chromium, MARKDOWN) as shown:
        shown.ask()
        shown.wait_until_done()

        assert shown.words.inner_html() == RENDERED


def test_problem_is_shown_in_the_servers_words(chromium):
    with serve_example(SERVER, "http://127.0.0.1:9/v1") as url, chromium.page() as page:
        page.goto(url)
        page.get_by_role("button", name="What does a ticket cost?").click()
        page.locator(".note").wait_for()

        assert page.locator(".note").inner_text() == "Connection error."


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.example"}, 400), ({"content-type": "text/plain"}, 415)],
)
def test_other_sites_cannot_ask(emulator, headers, status):
    headers = {"content-type": "application/json"} | headers
    with serve_example(SERVER, emulator.base_url) as url:
        asked = '{"question": "Who pays?", "previous": null}'
        reply = httpx2.post(f"{url}/answers", content=asked, headers=headers, trust_env=False)

    assert reply.status_code == status


def asked_without_a_browser(url):
    """What the page does: the events of an answer, as they come."""
    asked = {"question": "When are you closed?", "previous": None}
    id = httpx2.post(f"{url}/answers", json=asked, trust_env=False).json()["id"]
    return httpx2.get(f"{url}/answers/{id}", trust_env=False).text


def test_server_runs_on_emulator_and_from_cassette(emulator, cassette_path):
    with recorder(cassette_path, emulator.base_url) as base_url:
        with serve_example(SERVER, base_url) as url:
            recorded = asked_without_a_browser(url)
    with player(cassette_path) as base_url:
        with serve_example(SERVER, base_url) as url:
            played = asked_without_a_browser(url)

    assert "closed" in recorded
    assert recorded.endswith('event: end\ndata: ""\n\n')
    assert played == recorded
