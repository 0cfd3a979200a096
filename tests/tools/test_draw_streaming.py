"""The README's moving picture: what a cassette holds, at the times at which it came."""

import json
import re

from cassette import CassetteError
from tests.support.cassettes import END, HEADER, REQUEST, RESPONSE, write_cassette
from tools.draw_streaming import (
    CASSETTE,
    LETTERS,
    PICTURE,
    TimedText,
    break_lines,
    draw,
    read_race,
)
from tools.draw_svg import COURSE

import pytest

QUESTION = {"messages": [{"role": "user", "content": "What is shown?"}]}


def event(content):
    return f"data: {json.dumps({'choices': [{'delta': {'content': content}}]})}\n\n"


def exchange(number, body, *chunks):
    """The lines of one exchange; each chunk is its time and its text."""
    return [
        {**REQUEST, "request": number, "json": body},
        {**RESPONSE, "response": number},
        *({"chunk": number, "after": at, "text": text} for at, text in chunks),
        {**END, "end": number, "after": chunks[-1][0]},
    ]


@pytest.fixture
def cassette(tmp_path):
    """A stream with an event in two halves, the role, usage, and an answer that came as JSON."""
    whole = json.dumps({"choices": [{"message": {"content": "The Moon & Mars."}}]})
    first, second = event("The Moon")[:20], event("The Moon")[20:]
    usage = 'data: {"choices": [], "usage": {}}\n\ndata: [DONE]\n\n'
    lines = [
        *exchange(1, {"a": 1}, (0.1, "")),
        *exchange(
            2,
            {**QUESTION, "stream": True},
            (0.1, event("")),
            (0.2, first),
            (0.5, second),
            (0.7, event(" & Mars.")),
            (0.8, usage),
        ),
        *exchange(3, QUESTION, (1.5, whole[:9]), (2.0, whole[9:])),
    ]
    return write_cassette(tmp_path / "race.jsonl", [HEADER, *lines])


def test_committed_picture_is_what_cassette_gives():
    committed = (COURSE / "docs" / PICTURE).read_text(encoding="utf-8")

    assert committed == draw(read_race(CASSETTE)), "draw it again: python -m tools.draw_streaming"


def test_pieces_have_time_of_the_chunk_that_completed_them(cassette):
    race = read_race(cassette)

    assert race.question == "What is shown?"
    assert race.streamed.pieces == (TimedText(0.5, "The Moon"), TimedText(0.7, " & Mars."))
    assert race.waited.pieces == (TimedText(2.0, "The Moon & Mars."),)
    assert (race.streamed.end, race.waited.end) == (0.8, 2.0)


def test_cassette_without_streamed_answer_is_refused(tmp_path):
    whole = exchange(1, QUESTION, (0.1, "{}"))
    path = write_cassette(tmp_path / "whole.jsonl", [HEADER, *whole])

    with pytest.raises(CassetteError, match="has no chat completion with streaming"):
        read_race(path)


def test_each_piece_appears_at_its_share_of_the_round(cassette):
    race = read_race(cassette)
    picture = draw(race)

    shares = dict(re.findall(r"@keyframes ([sw]\d+)\{0%\{fill-opacity:0\}([\d.]+)%", picture))
    assert race.round_s == 6.0
    assert shares == {"s0": "8.33", "s1": "11.67", "w0": "33.33"}


def test_picture_stands_still_for_reduced_motion(cassette):
    style = re.search(r"<style>(.*?)</style>", draw(read_race(cassette)), re.DOTALL)[1]
    still, moving = style.split("@media (prefers-reduced-motion:no-preference){")

    assert "animation" in moving
    assert "animation" not in still
    assert "keyframes" not in still
    # What stands still is the end: both clocks at their last reading, and no dots.
    assert ".strip-w{transform:translateY(-400px)}" in still
    assert ".strip-s{transform:translateY(-160px)}" in still
    assert ".waiting{opacity:0}" in still


def test_lines_are_broken_at_blanks_and_lose_nothing_else():
    text = "one two-three " * 20
    pieces = [TimedText(0, text[at : at + 5]) for at in range(0, len(text), 5)]

    lines = ["".join(run for run, _ in line) for line in break_lines(pieces)]

    assert max(map(len, lines)) <= LETTERS
    assert " ".join(lines).split() == text.split()


def test_word_of_two_pieces_is_not_torn():
    long = "x" * (LETTERS - 3)

    lines = break_lines([TimedText(0, long), TimedText(1, " Obser"), TimedText(2, "vatory")])

    assert lines == [[(long, 0)], [("Obser", 1), ("vatory", 2)]]
