"""Web pages: whatever text is written into one comes out as it was."""

import html

from emulator.retrieval.html_text import html_text

import pytest
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


LINKS = st.lists(st.sampled_from(["Home", "Prices 2026", "Shop"]), min_size=2, max_size=5)
AROUND = [
    "<nav><ul>{}</ul></nav>",
    "<header><ol>{}</ol></header>",
    "<footer>{}</footer>",
    "<aside><h4>More</h4>{}</aside>",
    "<menu>{}</menu>",
    "<div class='site-nav'>{}</div>",
    "<div role=navigation><ul>{}</ul></div>",
]


@given(LINKS, st.sampled_from(AROUND), WORDS, st.sampled_from(PLACES))
def test_navigation_is_left_out_and_all_else_is_not(links, around, text, place):
    listed = "".join(f"<li><a href=x>{link}</a>" for link in links)
    page = place.format(html.escape(f"Dogs {text} end"))
    without = html_text(f"<h1>Page</h1>{page}".encode())

    assert html_text(f"{around.format(listed)}<h1>Page</h1>{page}".encode()) == without


@pytest.mark.parametrize("around", AROUND)
def test_prose_beside_the_page_stays(around):
    prose = "<p>Written by Ana on 2 May, see <a href=x>here</a> and <a href=y>there</a>.</p>"
    nested = "<nav><a href=x>Home</a></nav>"

    text = flat(html_text(around.format(nested + prose).encode()))
    assert text.removeprefix("#### More ") == "Written by Ana on 2 May, see here and there."


def test_page_of_nothing_but_links_is_read():
    assert flat(html_text(b"<nav><a href=x>Home</a> <a href=y>Prices</a></nav>")) == "Home Prices"
