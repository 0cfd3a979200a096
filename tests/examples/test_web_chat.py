"""The chat page in a real browser: text while it comes, Markdown, Stop, and a lost connection."""

import re
from contextlib import ExitStack

from emulator.answers.answer import Answer
from emulator.errors import ApiError
from emulator.server import Emulator
from emulator.wire import tokens
from tests.support.cassettes import player, recorder
from tests.support.emulator_clients import Gate, connect
from tests.support.example_runs import serve_example
from tests.support.loopback_relay import relay_to
from tests.support.scripted_http import answering

import httpx2
import pytest

SERVER = "streaming/web_chat/server.py"
PLAIN = "The dome is open on Fridays, and the meadow on every clear evening. Bring a coat."


class Chat:
    """The page before a server before an emulator, which writes what a test says."""

    def __init__(self, stack, chromium):
        self.gate, self.answer = Gate(0), Answer()
        self.emulator = stack.enter_context(
            Emulator(pace=1.0, sleep=self._sleep, upstream=self._write)
        )
        url = stack.enter_context(serve_example(SERVER, self.emulator.base_url))
        self.relay = stack.enter_context(relay_to(url))
        self.page = stack.enter_context(chromium.page(reduced_motion="reduce"))

    async def _sleep(self, seconds):
        await self.gate.sleep(seconds)

    async def _write(self, prompt, found):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def begin(self):
        """Load the page, as the one before has nothing to do with this test."""
        self.page.goto(self.relay.address)

    def ask(self, answer=PLAIN, passes=10_000):
        """Ask; the model writes this, and is held back after so many pieces."""
        self.gate = Gate(passes)
        self.answer = Answer(tokens.split(answer)) if isinstance(answer, str) else answer
        self.page.get_by_label("Your question").fill("When is it open?")
        self.page.get_by_label("Your question").press("Enter")

    def ask_and_wait(self, answer=PLAIN):
        """Ask; return the note below the answer."""
        self.ask(answer)
        self.page.get_by_role("button", name="Send").wait_for()
        notes = self.page.locator(".turn").last.locator(".note")
        return notes.inner_text() if notes.count() else ""

    @property
    def id(self):
        """The id of the answer that is being written."""
        return self.page.evaluate("current.id")

    @property
    def words(self):
        return self.page.locator(".assistant .words").last

    def wait_for(self, text):
        self.page.locator(".assistant .words", has_text=text).last.wait_for()

    def has_cancelled(self, id):
        with connect(self.emulator) as client:
            states = (client.responses.retrieve(id).status for _ in range(2_000))
            return "cancelled" in states


@pytest.fixture(scope="module")
def opened(chromium):
    with ExitStack() as stack:
        yield Chat(stack, chromium)


@pytest.fixture
def chat(opened):
    opened.begin()
    return opened


def test_text_appears_while_it_comes_and_the_next_question_builds_on_it(chat):
    chat.ask(passes=7)
    chat.wait_for("open on")
    early, busy, first = chat.words.inner_text(), chat.words.get_attribute("aria-busy"), chat.id
    chat.gate.open()
    chat.page.get_by_role("button", name="Send").wait_for()
    complete = chat.words.inner_text()
    with chat.page.expect_request(re.compile("/answer")) as asked:
        chat.ask_and_wait()

    assert complete == PLAIN
    assert PLAIN.startswith(early) and early != PLAIN
    assert busy == "true"
    assert f"previous={first}" in asked.value.url


def test_stop_stops_the_model(chat):
    chat.ask(passes=7)
    chat.wait_for("open on")
    id = chat.id
    with chat.page.expect_response("**/stop/*") as stopped:
        chat.page.get_by_role("button", name="Stop").click()
    with connect(chat.emulator) as client:
        response = client.responses.retrieve(id)
    chat.gate.open()

    assert stopped.value.status == 204
    assert response.status == "cancelled"
    assert response.output_text != PLAIN
    assert PLAIN.startswith(chat.words.inner_text())
    assert chat.page.locator(".note").inner_text() == "You stopped this answer."


def test_stop_before_the_first_event_stops_the_model(chat):
    held = []
    chat.page.route("**/answer?*", lambda route: held.append(route), times=1)
    with chat.page.expect_request(re.compile("/answer")):
        chat.ask(passes=7)
    chat.page.get_by_role("button", name="Stop").click()
    with chat.page.expect_response("**/stop/*") as stopped:
        held[0].continue_()

    assert stopped.value.status == 204
    assert chat.has_cancelled(stopped.value.url.rpartition("/")[2])
    assert chat.words.inner_text() == ""


def test_left_page_stops_the_model(chat):
    chat.ask(passes=7)
    chat.wait_for("open on")
    id = chat.id
    chat.begin()

    assert chat.has_cancelled(id)


def test_lost_connection_is_taken_up_again(chat):
    chat.ask(passes=7)
    chat.wait_for("open on")
    with chat.page.expect_request(re.compile("/answer")) as again:
        chat.relay.cut()
        chat.page.get_by_text("Connection lost. Connecting again").wait_for()
    chat.gate.open()
    chat.page.get_by_role("button", name="Send").wait_for()

    id, _, last = again.value.header_value("last-event-id").partition("/")
    assert id.startswith("resp_") and int(last) > 0
    assert chat.words.inner_text() == PLAIN


def test_end_of_an_answer_is_shown_in_words(chat):
    cut = Answer(tokens.split("The dome"), finish="length")
    failed = ApiError(400, "I am not in the mood.")

    assert chat.ask_and_wait(Answer(refusal="I won't.")) == "The model refused."
    assert chat.words.inner_text() == "I won't."
    assert chat.ask_and_wait(cut) == "Not complete: max_output_tokens."
    assert "I am not in the mood." in chat.ask_and_wait(failed)
    chat.page.evaluate("previous = 'resp_unknown'")
    assert "resp_unknown" in chat.ask_and_wait()


HOSTILE = """<script>document.title = "taken"</script>
<img src=x onerror="document.title = 'taken'"> and **<b onclick=alert(1)>bold</b>**

[run](javascript:document.title='taken') [data](data:text/html,<script>1</script>) [home](/answers)
![pixel](https://evil.example/pixel.png)

```html
<iframe srcdoc="<script>parent.document.title = 'taken'</script>"></iframe>
```

| a <svg onload="document.title='taken'"> | b |
"""


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


def test_markdown_becomes_elements_and_a_hostile_model_does_nothing(chat):
    asked = []
    chat.ask_and_wait(MARKDOWN)
    rendered = chat.words.inner_html()
    chat.page.on("request", lambda request: asked.append(request.url))
    chat.ask_and_wait(HOSTILE)
    kinds = "nodes => [...new Set(nodes.map(node => node.tagName))]"
    made = chat.words.locator("*").evaluate_all(kinds)
    links = chat.words.locator("a").evaluate_all("all => all.map(a => a.href)")

    assert rendered == RENDERED
    assert chat.page.title() == "Streaming chat"
    assert not {"SCRIPT", "IMG", "B", "IFRAME", "SVG", "svg"} & set(made)
    assert links == ["https://evil.example/pixel.png"]
    assert not [url for url in asked if "evil" in url]
    for written in ("<script>document", "<img src=x onerror", "[run](javascript:", "<iframe"):
        assert written in chat.words.inner_text()


def read_answer(url, **headers):
    """What the page does: the events of an answer, as they come."""
    asked = {"question": "When are you closed?"}
    return httpx2.get(f"{url}/answer", params=asked, headers=headers, trust_env=False)


def test_other_sites_cannot_ask():
    with answering(status=404) as (base_url, sent), serve_example(SERVER, base_url) as url:
        for headers in ({"host": "evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert read_answer(url, **headers).status_code == 403

    assert sent == []


def test_chat_server_runs_on_emulator_and_from_cassette(emulator, cassette_path):
    with recorder(cassette_path, emulator.base_url) as base_url:
        with serve_example(SERVER, base_url) as url:
            recorded = read_answer(url).text
    with player(cassette_path) as base_url:
        with serve_example(SERVER, base_url) as url:
            played = read_answer(url).text

    assert "closed" in recorded
    assert '"type":"response.completed"' in recorded
    assert played == recorded
