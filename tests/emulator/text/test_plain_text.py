"""Plain text and code: nothing in them is markup, so that each sign is seen."""

from emulator.text.plain_text import code_blocks, heading, text_blocks

import pytest
from hypothesis import given
from hypothesis import strategies as st

LINES = st.lists(
    st.text("abX1 *_`<>[]()&;$~^:|#!\\\\\"'/.-=\\t")
    | st.sampled_from(
        ["# Title", "1. Pay", "- one is", "Title", "=====", "_private_", "OPEN IN MAY"]
    )
)


def spaceless(text):
    return "".join(text.split())


@given(LINES)
def test_each_sign_of_code_is_kept(lines):
    text = "\n".join(lines)

    assert spaceless("".join(block.text for block in code_blocks(text))) == spaceless(text)


@given(LINES, st.booleans())
def test_each_letter_of_a_text_is_kept_in_its_order(lines, is_wrapped):
    text = "\n".join(lines)
    seen = "".join(block.text for block in text_blocks(text, is_wrapped=is_wrapped))

    assert [*filter(str.isalnum, seen)] == [*filter(str.isalnum, text)]


@given(LINES, st.booleans())
def test_block_stands_in_the_text_as_it_is_written(lines, is_wrapped):
    text = "\n".join(lines)

    for block in text_blocks(text, is_wrapped=is_wrapped):
        assert spaceless(block.text) in spaceless(text)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("# Dogs\nThey may come.", ["heading", "text"]),
        ("Dogs\n====\nThey may come.", ["heading", "text"]),
        ("Dogs and cats\n\nThey may come.", ["heading", "text"]),
        ("2.1 Dogs\n\nThey may come.", ["heading", "text"]),
        ("DOGS, 2026\nThey may come.", ["heading", "text"]),
        ("Dogs: free\n\nThey may come.", ["text", "text"]),
        ("1. Pay here\n2. Go in", ["text", "text"]),
        ("1. Pay here\n\n2. Go in", ["text", "text"]),
        ("- one\n- two\n\n* three", ["text", "text", "text"]),
        ("child\t4 euros\nadult\t9 euros", ["code", "code"]),
    ],
)
def test_headings_items_and_rows_are_told_apart(text, kinds):
    assert [block.kind for block in text_blocks(text, is_wrapped=True)] == kinds


def test_lines_that_were_broken_for_their_width_are_joined():
    text = "The observatory is open to visitors on all\ndays but Monday.\nName: dome"

    (wrapped,) = text_blocks(text, is_wrapped=True)
    assert wrapped.text.split("\n") == [
        "The observatory is open to visitors on all days but Monday.",
        "Name: dome",
    ]
    assert len(text_blocks(text, is_wrapped=False)) == 3


def test_prose_in_code_is_joined_and_code_is_not():
    prose = "    The number of attempts before the client\n    gives up.\n"
    code = f"{prose}    x = first_of_all_the_attempts(y)\n    z"

    assert [block.text for block in code_blocks(code)] == [
        "The number of attempts before the client gives up.",
        "x = first_of_all_the_attempts(y)",
        "z",
    ]


def test_only_marks_make_a_heading_of_a_line_that_was_read_from_a_page():
    text = "# Prices\n\nChildren\n\nIN MAY 2026\n"

    assert [block.kind for block in text_blocks(text, is_wrapped=False)] == [
        "heading",
        "text",
        "text",
    ]


@pytest.mark.parametrize(
    ("line", "found"), [("## Dogs ##", (2, "Dogs")), ("1.2 Dogs", (6, "1.2 Dogs")), ("Dogs.", None)]
)
def test_line_may_be_a_heading(line, found):
    assert heading(line) == found
