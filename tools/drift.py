"""Compares OpenAI's API of today with the tests' cassettes: `python3 course.py drift [PART ...]`.

Each part of a lesson that has a cassette is run once, and recorded. Printed are the types of events
and the keys that came or went. A complete recording from OpenAI then replaces the emulator's; its
header says `"answered_by":"api.openai.com"`. It needs a key, and says beforehand what it costs.

With OPENAI_BASE_URL another server stands in for OpenAI. Its recordings replace nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cassette.format import Cassette, RecordedExchange
from common import course_command
from common.settings import Settings, SettingsError, load_settings
from emulator.models import NAMED
from tools.record_fixtures import chosen, mask, replace, run, typed_in, words_of
from tools.recorded_shapes import OPENAI_HOST, OWN_LOG, answers, changes, shape

MOST_DOLLARS = 0.05
# Left out unless they are named, as other parts make the same calls: 150 searches of the kind that
# `search` makes once, and the answers from files that `answer` asks for.
COSTLY = ("measure", "filter")
# They need somebody who types, or something that earlier runs have left.
EXTRA = ("ask", "clean")
LEFT_OUT = " and ".join(COSTLY)
SEARCH_DOLLARS = 0.0025
"""A search in a vector store by the tool `file_search`; one without it is counted as the same."""
MINUTE_DOLLARS = 0.006
"""A minute of a transcription whose price isn't in the table: that of whisper-1 in 2025."""


def cost(path: Path) -> float:
    """What a recorded conversation costs at OpenAI, in dollars: by its tokens, searches, sound."""
    cassette = Cassette(path)
    return sum(
        cost_of(cassette, exchange)
        for exchange in cassette.exchanges.values()
        if OWN_LOG not in exchange.request["path"]
    )


def cost_of(cassette: Cassette, exchange: RecordedExchange) -> float:
    """The cost of one exchange; tokens that no usage counts are taken as four letters each."""
    request, found = exchange.request, list(answers(cassette, exchange))
    asked = request.get("json")
    body: dict[str, Any] = asked if isinstance(asked, dict) else {}
    if "/audio/" in request["path"]:
        longest = max((seconds_of(value) for _, value, _ in found), default=0.0)
        return MINUTE_DOLLARS * longest / 60
    query = parse_qs(urlsplit(request["path"]).query)
    model = NAMED.get(str(body.get("model") or query.get("model", [""])[0]))
    price = (model and model.price) or (0.0, 0.0)
    counted = [usage for _, value, _ in found if (usage := usage_of(value))]
    if exchange.is_socket:
        text = (model and model.text_price) or price
        return sum(spoken_cost(usage, price, text) for usage in counted)
    searches = any(tool.get("type") == "file_search" for tool in body.get("tools") or [])
    dollars = SEARCH_DOLLARS if searches or request["path"].endswith("/search") else 0.0
    tokens_in, tokens_out = len(json.dumps(body)) // 4, len(found)
    for usage in counted[-1:]:
        tokens_in = usage.get("input_tokens", usage.get("prompt_tokens", 0))
        tokens_out = usage.get("output_tokens", usage.get("completion_tokens", 0))
    return dollars + (tokens_in * price[0] + tokens_out * price[1]) / 1e6


def usage_of(value: Any) -> dict[str, Any] | None:
    """The usage of an answer, or of the response in an event."""
    inside = value if isinstance(value, dict) else {}
    response = inside.get("response")
    found = (response if isinstance(response, dict) else inside).get("usage")
    return found if isinstance(found, dict) and "total_tokens" in found else None


def seconds_of(value: Any) -> float:
    """How long a transcribed recording is, if its answer says so; else a quarter of a minute."""
    inside = value if isinstance(value, dict) else {}
    usage = inside.get("usage")
    counted = usage.get("seconds") if isinstance(usage, dict) else None
    return float(counted or inside.get("duration") or 15)


def spoken_cost(
    usage: dict[str, Any], sound: tuple[float, float], text: tuple[float, float]
) -> float:
    """The cost of a response of a Realtime session: sound and text have prices of their own."""
    dollars = 0.0
    for side, of_sound, of_text in zip(("input", "output"), sound, text, strict=True):
        details = usage[f"{side}_token_details"]
        dollars += details["audio_tokens"] * of_sound + details["text_tokens"] * of_text
    return dollars / 1e6


def compare(script: str, part: str, file: Path, *, is_forced: bool = False) -> Iterator[str]:
    """Run and record a part, and say what differs; replace its fixture by one from OpenAI."""
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / file.name
        try:
            words = [part, *words_of(part), "--record", str(new)]
            screen = mask(run(script, *words, typed=typed_in(script, part)))
        except subprocess.CalledProcessError as error:
            yield f"the lesson failed with exit code {error.returncode}"
            screen = None
        if not new.exists():
            yield "nothing was recorded"
            return
        old, seen = shape(file), shape(new)
        found = changes(old, seen)
        yield from found or ["as in the fixture"]
        if seen.answered_by != OPENAI_HOST:
            yield f"answered by {seen.answered_by}, so the fixture stays"
        elif screen is not None:
            is_new = replace(script, part, file, new, screen, is_forced=is_forced)
            yield f"the fixture is {OPENAI_HOST}'s now" if is_new else "the fixture stays"


def refusal(settings: Settings, dollars: float) -> str:
    """Why nothing is asked, in three lines; empty if it may be."""
    if not (settings.key or settings.base_url):
        why = "only OpenAI can say what has changed at OpenAI"
        return f"error: there is no key\n  why: {why}\n  try: put one in .env: OPENAI_API_KEY=..."
    if dollars > MOST_DOLLARS:
        why = f"that is more than {MOST_DOLLARS * 100:.0f} cents"
        some = course_command("drift", "stream", "events")
        return f"error: it would cost ${dollars:.3f}\n  why: {why}\n  try: {some}"
    return ""


def main(words: Sequence[str] = ()) -> int:
    """Say what it costs, ask, compare; the exit code is 1 if something has changed."""
    options = parse(words)
    parts = [each for each in chosen(options.part) if options.part or each[1] not in COSTLY + EXTRA]
    prices = {part: cost(file) for _, part, file in parts}
    try:
        settings = load_settings()
    except SettingsError as error:
        raise SystemExit(f"error: {error}\n  try: {error.attempt}") from None
    if problem := refusal(settings, sum(prices.values())):
        raise SystemExit(problem)
    for part, dollars in prices.items():
        print(f"{part:10} about ${dollars:.4f}")
    print(f"{'all':10} about ${sum(prices.values()):.4f} at {settings.host}")
    if not options.yes and input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        return 1
    has_changed = False
    for script, part, file in parts:
        for line in compare(script, part, file, is_forced=options.replace):
            print(f"{part:10} {line}", flush=True)
            has_changed |= line.startswith(("-", "+", "the lesson", "nothing"))
    return 1 if has_changed else 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    about = "Compare OpenAI's answers of today with the tests' cassettes. It needs a key."
    parser = argparse.ArgumentParser(prog=course_command("drift"), description=about)
    parser.add_argument(
        "part", nargs="*", help=f"a part of a lesson; without one, all but {LEFT_OUT}"
    )
    parser.add_argument("--yes", action="store_true", help="don't ask before it costs something")
    help_text = "replace a cassette also by a poorer one"
    parser.add_argument("--replace", action="store_true", help=help_text)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
