"""What is shown: recordings that are as new as their cassettes, and stories that fit the code."""

import json
import re
from collections import Counter

from common.settings import CourseError
from console.lesson_contents import SCRIPTS
from presenter.course_show import (
    END,
    LONGEST_WAIT_S,
    Chunk,
    PartReplay,
    load_show,
    place_of,
    read_recording,
    shortened,
    statement_with,
)
from presenter.pane import text_of
from tools.record_fixtures import FIXTURES, mask, parts
from tools.record_screens import mark_of

import pytest
from hypothesis import given
from hypothesis import strategies as st

SHOW = load_show()
RECORDED = [part for part in SHOW if part.part.is_recorded]
NAMES = [part.name for part in RECORDED]
WORD = re.compile(r"[^\W\d_]+")
# What stands in a golden screen in place of times and drawings, which differ from run to run.
MASKED = set("the answer that was cut drawing timings seconds mark axis milliseconds".split())


def fixture(part, ending):
    return FIXTURES / f"lesson{part.lesson}" / f"{part.part.name}.{ending}"


def final(part):
    replay = PartReplay(part)
    for chunk in part.chunks:
        replay.feed(chunk.text)
    return replay


def test_all_parts_of_all_tours_are_shown():
    assert [f"{script[1]} {name}" for script in SCRIPTS.values() for name in parts(script)] == NAMES


@pytest.mark.parametrize("part", RECORDED, ids=NAMES)
def test_recording_is_as_new_as_its_cassette(part):
    """`python -m tools.record_screens PART` records it again."""
    header = json.loads(part.file.read_text("utf-8").partition("\n")[0])

    cassette = json.loads(fixture(part, "jsonl").read_text("utf-8").partition("\n")[0])
    assert header["cassette"] == mark_of(fixture(part, "jsonl"))
    assert header["answered_by"] == part.source == cassette["answered_by"]
    assert header["recorded"] == cassette["recorded"]


@pytest.mark.parametrize("part", RECORDED, ids=NAMES)
def test_recording_ends_with_the_screen_of_the_lesson(part):
    """In a pipe, the lesson shows the same words after its heading and its reasons."""
    golden = fixture(part, "txt").read_text("utf-8").splitlines()
    # An excerpt is cut to the width, which is another one here.
    whole = " ".join(line.removeprefix("|").strip() for line in golden if "..." not in line)
    shown = whole.partition(part.text("why")[-30:])[2]
    here = mask(text_of(final(part).lines))

    missing = Counter(WORD.findall(shown)) - Counter(WORD.findall(here))
    broken_by_a_column = {word for word in missing if word in "".join(here.split())}
    assert shown
    assert set(missing) - broken_by_a_column - MASKED == set()


@pytest.mark.parametrize("part", RECORDED, ids=NAMES)
def test_story_is_told_to_its_end(part):
    """Each beat has lines to highlight, and each begins in turn."""
    replay, told = PartReplay(part), []
    for text in ("", *(chunk.text for chunk in part.chunks)):
        replay.feed(text)
        if replay.highlighted not in told[-1:]:
            told.append(replay.highlighted)

    beats = [beat.lines for beat in part.beats if beat.when != END]
    assert all(part.beats)
    assert all(beat.lines for beat in part.beats)
    assert part.beats[0].when == ""
    assert replay.highlighted == beats[-1]
    assert all(lines in beats for lines in told)


def test_part_that_is_only_live_says_what_to_type():
    (talk,) = (part for part in SHOW if part not in RECORDED)

    assert (talk.name, talk.source, talk.sound) == ("3 talk", "", None)
    shown = text_of(final(talk).lines)
    assert "has no recording" in shown
    assert talk.command in shown
    assert talk.code[min(talk.beats[0].lines)].startswith("talk = interrupt")


def test_code_of_a_part_is_that_of_the_lesson():
    for part in SHOW:
        lines = (FIXTURES.parents[1] / part.script).read_text("utf-8").splitlines()
        first = part.first_line - 1

        assert tuple(lines[first : first + len(part.code)]) == part.code
        assert f" {part.part.name}: " in lines[first - 1]


times = st.lists(st.floats(0, 100), max_size=20).map(sorted)


@given(times)
def test_no_silence_is_long_and_short_ones_stay(given_times):
    chunks = shortened([Chunk(at, str(number)) for number, at in enumerate(given_times)])

    assert [chunk.text for chunk in chunks] == [str(n) for n in range(len(given_times))]
    gaps = [b - a for a, b in zip((0, *given_times), given_times, strict=False)]
    now = [b.at - a for a, b in zip((0, *(c.at for c in chunks)), chunks, strict=False)]
    assert now == pytest.approx([min(gap, LONGEST_WAIT_S) for gap in gaps])


def test_statement_goes_on_until_its_brackets_are_closed():
    code = ["a = f(", '    "(",  # (', "    [1],", ")", "b = 2"]

    assert statement_with(code, "a = f") == range(0, 4)
    assert statement_with(code, "b =") == range(4, 5)
    with pytest.raises(ValueError, match="no line of code"):
        statement_with(code, "c =")


def test_recording_that_cannot_be_read_is_named(tmp_path):
    file = tmp_path / "stream.jsonl"
    file.write_text('{"part": "1 stream"}\n[1, "a"]\n[', encoding="utf-8")

    with pytest.raises(CourseError, match=r"stream\.jsonl"):
        read_recording(file)


def test_part_is_found_by_name_and_by_number():
    assert place_of(SHOW, "chat") == place_of(SHOW, "4") == 3
    with pytest.raises(CourseError, match="no part 'chta'") as raised:
        place_of(SHOW, "chta")
    assert "chat" in str(raised.value.why)
