"""Windows: whole sentences, half shared with the next, each under its own headings."""

from emulator.retrieval.windows import (
    LONGEST_ABOVE,
    LONGEST_UNIT,
    WINDOW,
    edition,
    embed_chunks,
    vectors,
    windows,
)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

SENTENCES = [f"This is sentence number {number:04} of a rather long text." for number in range(40)]


def texts(text, context=""):
    return [window.text for window in windows(text, context)]


def contexts(text, context=""):
    return [window.above for window in windows(text, context)]


@given(st.text("ab .!?\n#", max_size=2000))
def test_every_word_is_in_a_window(text):
    found = texts(text)

    assert "".join(text.split()) == "" or set(text.split()) <= set(" ".join(found).split())
    assert max(map(len, found)) <= max(LONGEST_UNIT, WINDOW) + 1 or not text.strip()
    assert len(vectors(text, "")) == len(found)


def test_window_is_a_run_of_sentences_that_shares_half_with_the_next():
    found = [window.split("\n") for window in texts("\n".join(SENTENCES))]
    found = [[line for line in window if line] for window in found]

    assert sorted({line for window in found for line in window}) == SENTENCES
    assert all(len("\n".join(window)) <= WINDOW for window in found)
    for window, following in zip(found, found[1:], strict=False):
        shared = set(window) & set(following)
        assert len(window) / 2 - 1 <= len(shared) <= len(window) / 2 + 1


def test_sentence_that_is_too_long_is_cut_at_a_blank():
    found = texts("word " * 300)

    assert len(found) > 2
    assert {word for window in found for word in window.split()} == {"word"}
    assert all(len(window) <= LONGEST_UNIT for window in found)


def test_window_stands_under_its_headings():
    text = f"{SENTENCES[0]}\n# Dome\n{' '.join(SENTENCES[:6])}\n## Hours\n{' '.join(SENTENCES)}"

    found = contexts(text, "guide")

    assert (found[0], found[-1]) == ("guide", "guide Dome Hours")
    assert "guide Dome" in found
    assert contexts("# Park\nFree.", "guide\n# Dome\n## Hours") == ["guide Park"]
    assert contexts("# Park\n" + "\n".join(SENTENCES), "guide\n# Dome")[-1] == "guide Park"


HEADINGS = [
    ("# Opening hours #", "x Opening hours"),
    ("3.1 Opening hours", "x 3.1 Opening hours"),
    ("OPENING HOURS", "x OPENING HOURS"),
    ("#hashtag", "x"),
    ("3.1 opening hours", "x"),
    ("Opening hours", "x"),
    ("It is OPEN.", "x"),
    ("####### seven", "x"),
]


@pytest.mark.parametrize(("line", "context"), HEADINGS)
def test_headings_are_told_from_text(line, context):
    assert contexts(f"{line}\n" + "\n".join(SENTENCES[:8]), "x")[-1] == context


def test_line_too_long_for_a_heading_is_not_repeated_in_each_chunk():
    long = "# " + "word " * 40 + "\n"
    text = f"# Dome\n{long * 2}" + "\n".join(SENTENCES * 4)

    chunks = embed_chunks(text, 100, 0, "guide")

    assert len(chunks) > 2
    assert {chunk.context for chunk in chunks} == {"guide\n# Dome"}
    assert contexts(long[:190] + "\n" + "\n".join(SENTENCES), "x")[-1] == f"x {long[2:190].strip()}"


def test_chunk_carries_the_context_that_it_starts_under():
    text = "\n# Dome\n\n" + "\n".join(SENTENCES) + "\n\n## Hours\n\n" + "\n".join(SENTENCES)

    chunks = embed_chunks(text, 100, 0, "city_guide.md")

    assert chunks[0].context == "city guide md\n# Dome"
    assert chunks[-1].context == "city guide md\n# Dome\n## Hours"
    assert "".join(chunk.text for chunk in chunks) == text
    assert [len(chunk.windows) for chunk in chunks] == [
        len(windows(chunk.text, chunk.context)) for chunk in chunks
    ]


def test_window_is_read_behind_its_title_and_last_heading():
    placed = [window.placed for window in windows("Free.", "guide\n# Dome\n## Hours")]

    assert placed == ["guide. Hours. Free."]
    assert [window.placed for window in windows("Free.", "")] == ["Free."]


def test_long_titles_and_headings_leave_room_for_the_window():
    (window,) = windows("Free.", f"{'folder ' * 50}guide\n# {'Hours ' * 50}")

    assert len(window.placed) <= 2 * LONGEST_ABOVE + len(". . Free.")
    assert "folder guide. Hours" in window.placed and window.placed.endswith(". Free.")


def test_blank_chunks_are_left_out():
    assert embed_chunks(" \n" * 500, 100, 50) == []


def test_title_and_headings_move_a_vector():
    (plain,), (titled,) = vectors("It opens at nine.", ""), vectors("It opens at nine.", "dome")
    (dome,) = vectors("dome", "")

    assert np.linalg.norm(titled) == pytest.approx(1)
    assert titled @ dome > plain @ dome


@pytest.mark.parametrize(
    ("context", "years"),
    [
        ("guide 2025", (2025, 2025)),
        ("guide\n# Rules 2024 to 2026\n## In 1999", (2024, 2026)),
        ("guide\n## In 1999", (0, 0)),
        ("guide 12026", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_edition_is_that_of_the_title(context, years):
    assert edition(context) == years


def test_vector_of_a_window_is_that_of_its_text():
    text = "\n".join(SENTENCES)

    for window, vector in zip(texts(text), vectors(text, ""), strict=True):
        assert vector == pytest.approx(vectors(window, "")[0], abs=1e-6)
