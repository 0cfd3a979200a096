"""What can be quoted of a text: everything that its reader sees, letter by letter."""

import re

from emulator.retrieval.quotes import CODE, UNWRAPPED, WRAPPED, joined, quotes
from emulator.text.markdown import plain

import pytest
from hypothesis import given
from hypothesis import strategies as st

AS_WRITTEN = [
    "The limit is MAX_RETRY_COUNT, not max_retry.",
    "The power is 2*3*volts here.",
    "Use List<Message> for all of them.",
    "Close it if the pressure is < 3 bar and the temperature is > 80 degrees.",
    "The answer is 2<sup>7</sup> exactly.",
    "A ticket costs 12.50 euros, see p. 12 of www.a.b/c.html today.",
    "Call __init__ with *args and **kwargs first.",
]


PLAIN = r"""Keep C:\path\*.txt there, call _private_ and *args, open https://a.b/?c=*d* or <T>."""


def texts(text, source=""):
    return [quote.text for quote in quotes(text, source)]


@pytest.mark.parametrize("sentence", AS_WRITTEN)
def test_sentence_is_quoted_as_it_is_written(sentence):
    assert texts(f"# Title\n\nBefore it. {sentence} After it.") == [
        "Before it.",
        sentence,
        "After it.",
    ]


def test_markup_is_left_out():
    assert texts("It is **cold**, _very_ cold: see [the page](x.html) on `cold_days`.") == [
        "It is cold, very cold: see the page on cold_days."
    ]


def test_row_is_quoted_with_the_titles_of_its_columns():
    table = "| who | by day | evening |\n|---|---|---|\n| Adult | 4 euros | 11 euros |\n"

    assert texts(table + "| Child | 2 euros | |\n") == [
        "Adult: by day 4 euros, evening 11 euros",
        "Child: by day 2 euros",
    ]


def test_mark_at_the_end_of_a_cell_is_not_followed_by_another():
    table = (
        "| what | means. | do: |\n|---|---|---|\n| E15 | It is cold. | Wait. |\n| Why? | | No, |\n"
    )

    assert texts(table) == ["E15: means. It is cold. do: Wait.", "Why? do: No,"]


@pytest.mark.parametrize("start", ["", "|---|---|\n"])
def test_row_that_is_cut_off_from_its_titles_has_its_cells(start):
    table = start + "| Adult | 4 \\| 5 euros |\n| Child | 2 euros |\n\nThat is all.\n"

    assert texts(table) == ["Adult: 4 | 5 euros", "Child: 2 euros", "That is all."]


@pytest.mark.parametrize("kind", sorted(CODE | WRAPPED | UNWRAPPED))
def test_nothing_is_markup_outside_markdown(kind):
    assert texts(f"{PLAIN}\n", f"notes.{kind}") == [PLAIN]


def test_code_is_quoted_line_by_line():
    assert texts("Set it:\n\n```toml\n[a]\nlto = true  # *fast*\n```\n") == [
        "Set it:",
        "[a]",
        "lto = true  # *fast*",
    ]


def test_headings_stand_above_what_follows_them():
    text = "# A\n\nOne is here.\n\n### B\n\nTwo is here.\n\n## C\n\nThree is here.\n"

    assert [quote.headings for quote in quotes(text)] == [("A",), ("A", "B"), ("A", "C")]


def test_items_and_code_know_what_announces_them():
    listed = "Do this:\n\n- First:\n  - Open it.\n- Run:\n\n  ```\n  go\n  ```\n\n"
    text = f"{listed}That is all.\n\n# B\n\nOne more."

    assert [(quote.text, quote.leads) for quote in quotes(text)] == [
        ("Do this:", ()),
        ("Open it.", ("Do this:", "First:")),
        ("go", ("Do this:", "Run:")),
        ("That is all.", ()),
        ("One more.", ()),
    ]


def test_lines_that_hang_on_a_line_of_code_stay_with_it():
    code = "[pin]\npin_a:\n#   The pin that is\n#   connected.\nif x:\n    y = 1\n"

    assert texts(f"```\n{code}```\n") == [
        "[pin]",
        "pin_a:\n#   The pin that is\n#   connected.",
        "if x:\n    y = 1",
    ]


def test_passage_that_begins_within_code_is_read_from_there():
    text = "lto = true\npanic = 1\n```\n\nThis is *prose* again.\n"

    assert texts(text) == ["lto = true", "panic = 1", "This is prose again."]


def test_quote_that_is_no_sentence_ends_its_line():
    assert list(joined(["One is.", "two", "Three is."])) == ["", " ", "\n"]


words = st.text("abcXYZ_*<>`|0123456789.,:;-#()[]&$/\\'\"", min_size=1, max_size=9)
markdown = st.lists(st.lists(words, min_size=1, max_size=8).map(" ".join), max_size=6).map(
    "\n\n".join
)
block = st.sampled_from(["# {}", "- {}", "1. {}", "> {}", "```\n{}\n```", "{}"])
cells = st.text("abcXYZ_*<>`0123456789.,:;-#()[]&$/ ", min_size=1, max_size=20).map(str.strip)


def spaceless(text):
    return re.sub(r"\s+", "", text)


@given(st.lists(st.tuples(block, markdown), min_size=1, max_size=5))
def test_whatever_is_quoted_is_seen_in_the_text(parts):
    text = "\n\n".join(frame.format(inside) for frame, inside in parts)
    seen = spaceless(plain(text))

    assert all(spaceless(quote) in seen for quote in texts(text))


@given(markdown, st.sampled_from(["txt", "py", "json", "html"]))
def test_whatever_is_quoted_of_plain_text_stands_in_it(text, kind):
    assert all(spaceless(quote) in spaceless(text) for quote in texts(text, f"a.{kind}"))


@given(cells.filter(bool), cells.filter(bool))
def test_row_has_its_cells_as_they_are_seen(first, second):
    table = f"| who | by day |\n|---|---|\n| {first} | {second} |\n"

    seen = spaceless(plain_cell(first))
    mark = "" if seen.endswith((".", ":", ";", ",")) else ":"
    assert spaceless(texts(table)[0]) == f"{seen}{mark}byday{spaceless(plain_cell(second))}"


def plain_cell(text):
    return plain(f"| a | b |\n|---|---|\n| {text} | b |\n").split("\n")[1].rpartition(" | ")[0]
