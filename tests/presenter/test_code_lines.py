"""The code of a part: in colors, and folded where a terminal is narrow."""

from presenter.code_lines import colored, folded
from presenter.course_show import load_show

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len


def text(line):
    return "".join(piece for _, piece in line)


def test_colored_code_is_the_same_code():
    for part in load_show():
        assert tuple(map(text, colored(part.code))) == part.code


def test_words_of_python_are_colored():
    line = colored(("def stream():  # why",))[0]

    assert line[0] == ("1;95", "def")
    assert ("1;93", "stream") in line
    assert line[-1] == ("96", "# why")


words = st.text("ab 星", min_size=1, max_size=12)


@given(st.lists(st.tuples(st.sampled_from(["", "1"]), words), max_size=8), st.integers(8, 40))
def test_folded_line_keeps_its_letters_and_fits(runs, width):
    rows = folded(tuple(runs), width)

    assert "".join(map(text, rows)).replace(" ", "") == text(runs).replace(" ", "")
    assert all(cell_len(text(row)) <= width for row in rows)


def test_row_after_the_first_is_indented_and_begins_with_a_word():
    rows = [text(row) for row in folded((("", "    return one and two and three"),), 20)]

    assert rows == ["    return one and ", "        two and ", "        three"]
