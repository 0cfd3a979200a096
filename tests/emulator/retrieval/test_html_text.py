"""Web pages: whatever text is written into one comes out as it was."""

import html

from emulator.retrieval.html_text import html_text

from hypothesis import given
from hypothesis import strategies as st

# HTML has no way to write the others of the control characters.
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\xad"))
PLACES = ["<p>{}</p>", "<td>{}", "<li><b>{}</b>", "<pre>{}</pre>", "<dd>{}<dt>", "<span>{}</span>"]


def flat(text):
    return " ".join(text.split())


@given(WORDS, st.sampled_from(PLACES))
def test_text_comes_out_as_it_was_written(text, place):
    page = f"<h1>Page</h1>{place.format(html.escape(f'Dogs {text} end'))}"

    assert flat(f"Dogs {text} end") in flat(html_text(page.encode()))


@given(st.lists(st.sampled_from(["a", "<b>b</b>", "<i>c</i>", "<code>d</code>", "e<wbr>f"])))
def test_inline_elements_do_not_divide_words(pieces):
    word = html_text(f"<p>x{''.join(pieces)}".encode())

    assert len(word.split()) == 1


@given(
    st.lists(st.lists(st.sampled_from(["one", "<p>two</p>", "3<br>4", ""]), min_size=2), min_size=1)
)
def test_row_of_a_table_is_a_line(rows):
    cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    text = html_text(
        f"<h1>t</h1><table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>".encode()
    )

    lines = [line for line in text.split("\n")[1:] if line]
    assert len(lines) == len([row for row in rows if any(row)])


def test_code_keeps_its_blanks():
    code = "if x:\n\treturn  1\n    # done"

    assert html_text(f"<pre>{code}</pre>".encode()) == f"{code}\n"


def test_empty_page_has_no_text():
    assert html_text(b"") == html_text(b"<!-- -->") == html_text(b"<p></p>") == ""
