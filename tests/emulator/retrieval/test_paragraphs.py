"""Blocks, rows and superscripts, as all readers of documents write them."""

from emulator.retrieval.paragraphs import Paragraph, joined, raised, row, table

import pytest


@pytest.mark.parametrize(
    ("written", "line"),
    [
        *(("7", "⁷"), ("-3", "⁻³"), ("\u22123", "⁻³"), ("n", "ⁿ"), ("(2)", "⁽²⁾")),
        *(("st", "st"), ("TM", "TM"), ("[1]", "[1]"), ("1a", "1a"), ("*", "*"), ("", "")),
        *(("k", "^k"), ("k+1", "^(k+1)"), ("a/b", "^(a/b)")),
    ],
)
def test_superscript_in_a_line(written, line):
    assert raised(written) == line


def test_headings_are_marked_and_on_one_line():
    blocks = [Paragraph("The\n dome", 2), Paragraph(" "), Paragraph("Round.")]

    assert joined(blocks) == "## The dome\n\nRound."


def test_rows_are_lines_unless_a_cell_is_long():
    short, long = (
        [[Paragraph("a")], [Paragraph("b"), Paragraph("c")]],
        [[Paragraph("a")], [Paragraph("b" * 500)]],
    )

    assert row(short) == [Paragraph("a\tb c")]
    assert row(long) == [Paragraph("a"), Paragraph("b" * 500)]
    assert row([[Paragraph("alone")]]) == [Paragraph("alone")]
    assert row([[], []]) == []


def test_rows_of_a_table_follow_each_other():
    line, alone = [[Paragraph("a")], [Paragraph("b")]], [[Paragraph("alone")]]

    assert table([line, line, alone, line]) == [
        Paragraph("a\tb\na\tb"),
        Paragraph("alone"),
        Paragraph("a\tb"),
    ]
