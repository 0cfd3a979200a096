"""The page for a browser: it plays in Chromium, without a network, what the terminal shows."""

import json
import re

from presenter.course_show import PartReplay, load_show
from presenter.html_export import page, part_data, write_page
from presenter.pane import text_of
from presenter.show_player import SPEEDS, ShowPlayer
from tests.support.chromium import Chromium

import pytest

SHOW = load_show()


@pytest.fixture(scope="module")
def chromium():
    with Chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "show.html"
    write_page(SHOW, path)
    return path


# Whether these rows stand within their panes: the first highlighted line, the last of the output.
CODE, OUTPUT = ("#code", "#code > .lit"), ("#output", "#output > div:last-child")
IN_SIGHT = """(rows) => rows.map(
  ([pane, row]) => {
    const around = document.querySelector(pane).getBoundingClientRect();
    const top = document.querySelector(row).getBoundingClientRect().top + 2;
    return top >= around.top && top < around.bottom;
  })"""


class Opened:
    """The page, with a clock that stands still until the test lets time pass."""

    def __init__(self, page, file):
        self.page, self.requests = page, []
        page.on("request", lambda request: self.requests.append(request.url))
        page.clock.install(time=0)
        page.clock.pause_at(1)
        page.goto(file.as_uri())

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def wait(self, seconds):
        self.page.clock.run_for(round(seconds * 1000))

    def shown(self, name):
        return self.page.locator(f"#{name}").inner_text()

    @property
    def output(self):
        rows = self.page.locator("#output > div")
        return "\n".join(line.rstrip() for line in rows.all_inner_texts()).rstrip()

    @property
    def lit(self):
        rows = self.page.locator("#code > div")
        return rows.evaluate_all("all => all.flatMap((row, n) => row.matches('.lit') ? [n] : [])")


@pytest.fixture
def opened(chromium, file):
    with chromium.page(viewport={"width": 1280, "height": 720}) as page:
        page.context.set_offline(True)
        shown = Opened(page, file)
        yield shown
        assert shown.requests == [file.as_uri()]


def text_at(part, seconds):
    """What the terminal shows of a part at this time: its output, its beat."""
    now = [0.0]
    player = ShowPlayer([part], lambda: now[0], None)
    player.press(" ")
    now[0] = seconds
    player.tick()
    replay = player.view().replay
    return text_of(replay.lines).rstrip(), sorted(replay.highlighted)


def test_page_plays_all_parts_with_the_same_texts(opened):
    for place, part in enumerate(SHOW, 1):
        assert opened.shown("count") == f"{place}/{len(SHOW)}"
        assert opened.shown("heading") == part.part.heading
        assert opened.shown("why") == part.text("why")
        opened.press("Space", "Space")
        replay = PartReplay(part)
        for chunk in part.chunks:
            replay.feed(chunk.text)
        replay.end()
        assert opened.output == text_of(replay.lines).rstrip(), part.name
        assert opened.lit == sorted(replay.highlighted)
        opened.press("Space")
    assert "last part" in opened.shown("message")


def test_page_has_the_recorded_times(opened):
    opened.press("Space")
    for seconds in (1.0, 1.5, 2.0, 3.5):
        opened.wait(seconds - float(opened.shown("when").split()[0]))
        at = opened.page.evaluate("seconds")
        assert at == pytest.approx(seconds, abs=0.1)
        assert (opened.output, opened.lit) == text_at(SHOW[0], at)
    opened.wait(3)
    assert opened.page.evaluate("stage") == "end"


def test_page_pauses_steps_and_changes_its_speed(opened):
    opened.press("Space")
    opened.wait(2)
    opened.press("p")
    before = opened.output
    opened.wait(60)
    assert opened.output == before
    opened.press(".")
    after = opened.output
    assert len(after) > len(before)
    opened.press(",")
    assert opened.output == before
    opened.press("r", "+")
    opened.wait(1)
    assert opened.page.evaluate("seconds") == pytest.approx(2, abs=0.1)
    assert opened.shown("when").endswith(f"speed {SPEEDS[3]:g}")


def test_page_shows_the_traffic_and_any_part(opened):
    opened.press("g", "PageDown", "ArrowDown", "Enter")
    assert opened.shown("count") == f"10/{len(SHOW)}"
    opened.press("Space", "Space", "w")
    replay = PartReplay(SHOW[9])
    for chunk in SHOW[9].chunks:
        replay.feed(chunk.text)
    assert opened.shown("wire").split("\n") == replay.traffic.entries[-10:]
    request = next(entry for entry in replay.traffic.entries if entry.startswith("> POST"))
    assert opened.shown("request") == request
    opened.press("b", ".", ".")
    assert opened.shown("wire") == request
    assert opened.page.locator("#request").is_hidden()
    opened.press("b", "b")
    assert (opened.shown("count"), opened.page.evaluate("stage")) == (f"9/{len(SHOW)}", "end")
    opened.press("b", "s")
    assert opened.shown("count") == f"10/{len(SHOW)}"
    opened.press("l")
    assert "only the recording" in opened.shown("message")
    opened.page.get_by_role("button", name="? help").click()
    assert "one piece more" in opened.shown("dialog")
    opened.press("Escape")
    opened.page.get_by_role("button", name="space next").click()
    assert opened.page.evaluate("stage") == "run"


def test_page_says_which_part_is_only_live(opened):
    place = next(place for place, part in enumerate(SHOW) if not part.part.is_recorded)
    opened.page.evaluate("number => { goTo(number); draw(); }", place)
    opened.press("Space", "Space")
    assert opened.shown("how") == "only live"
    assert SHOW[place].command in opened.output
    opened.press("l")
    assert SHOW[place].command in opened.shown("message")


@pytest.mark.parametrize("size", [(1280, 720), (800, 600)])
def test_highlighted_code_and_newest_output_are_in_sight(chromium, file, size):
    with chromium.page(viewport=dict(zip(("width", "height"), size, strict=True))) as page:
        shown = Opened(page, file)
        for part in SHOW:
            shown.press(*"]]]]]]", "Space")
            assert page.evaluate(IN_SIGHT, [CODE]) == [True], part.name
            shown.press("Space")
            assert page.evaluate(IN_SIGHT, [CODE, OUTPUT]) == [True, True], part.name
            shown.press("Space")


def test_page_has_nothing_from_elsewhere(file):
    text = file.read_text("utf-8")

    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", text)
    assert "default-src 'none'" in text
    assert text.count("</script") == 2


def test_page_is_small_enough_to_be_sent(file):
    assert file.stat().st_size < 3_000_000


def test_text_of_a_model_cannot_end_the_script():
    part = SHOW[0]
    data = part_data(part)
    assert data["code"]
    shown = page([part])
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', shown, re.DOTALL)

    assert json.loads(found[1])["parts"][0]["frames"] == json.loads(json.dumps(data["frames"]))
    assert "<" not in found[1]
