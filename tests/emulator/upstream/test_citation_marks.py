"""Marks of passages: which are citations, wherever the text is cut."""

from emulator.upstream.citation_marks import MarkReader

import pytest
from hypothesis import given
from hypothesis import strategies as st

PASSAGES = [{"file_id": f"file-{n}", "filename": f"{n}.md"} for n in (1, 2, 3)]


def read(*pieces, passages=PASSAGES):
    """The pieces that are shown; (place, number) of each citation."""
    marks = MarkReader(passages)
    shown = [part for piece in pieces for part in marks.take(piece)] + marks.rest()
    return shown, [(each.index, int(each.filename[0])) for each in marks.citations]


@pytest.mark.parametrize(
    ("text", "shown", "cited"),
    [
        ("Shut. [1]", "Shut. ", [(6, 1)]),
        ("Shut.[1] Open [2, 3].", "Shut. Open .", [(5, 1), (11, 2), (11, 3)]),
        ("So [1][2]!", "So !", [(3, 1), (3, 2)]),
        ("[1] says so", " says so", [(0, 1)]),
        ("So [1,2; 3]", "So ", [(3, 1), (3, 2), (3, 3)]),
        ("So [1, 9]", "So ", [(3, 1)]),
        ("So [9]", "So [9]", []),
        ("rows[1] and f(x)[2] and a[0][1]", "rows[1] and f(x)[2] and a[0][1]", []),
        ("`[1]` and ```\nx = [1, 2]\n``` [3]", "`[1]` and ```\nx = [1, 2]\n``` ", [(29, 3)]),
        ("[x] [] [1 [", "[x] [] [1 [", []),
    ],
)
def test_marks_that_are_citations(text, shown, cited):
    found, citations = read(text)

    assert ("".join(found), citations) == (shown, cited)
    # A piece ends where a citation stands, as an event of it follows the piece.
    ends = {sum(map(len, found[:place])) for place in range(len(found) + 1)}
    assert {place for place, _ in citations} <= ends


@given(st.text(alphabet="[], 12`ar."), st.data())
def test_any_cut_reads_the_same(text, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    pieces = [text[start:end] for start, end in zip(cuts, cuts[1:], strict=False)]
    whole, in_pieces = read(text), read(*pieces)

    assert ("".join(whole[0]), whole[1]) == ("".join(in_pieces[0]), in_pieces[1])


def test_without_passages_all_is_text():
    assert read("See [", "1].", passages=[]) == (["See [", "1]."], [])
