"""PDFs: text from pages and forms, and what is told from text that nobody can read."""

from emulator.retrieval.file_text import Unreadable
from emulator.retrieval.pdf_text import pdf_text
from tools import make_test_files as made

import pytest
from hypothesis import given
from hypothesis import strategies as st

LETTERS = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=4)
WORDS = st.lists(st.from_regex("[a-z]{2,9}", fullmatch=True), min_size=4, max_size=9)


@given(LETTERS)
def test_text_is_what_the_table_of_the_font_says(text):
    codes = b"".join(n.to_bytes(2, "big") for n in range(1, len(text) + 1))
    file = made.wide_pdf(codes, "Identity-H", "Identity", made.to_unicode(dict(enumerate(text, 1))))

    assert pdf_text(file) == text


@given(LETTERS)
def test_font_without_a_table_is_refused(text):
    codes = b"".join(n.to_bytes(2, "big") for n in range(1, len(text) + 1))

    with pytest.raises(Unreadable, match="no meaning"):
        pdf_text(made.wide_pdf(codes, "Identity-H", "Identity"))


@given(st.lists(WORDS, min_size=1, max_size=9))
def test_lines_stay_lines(lines):
    texts = [" ".join(words) for words in lines]

    assert pdf_text(made.text_pdf(texts)) == "\n".join(texts)


@given(WORDS, WORDS)
def test_word_that_is_divided_is_whole_again(before, after):
    lines = [f"{' '.join(before)}-", " ".join(after)]

    assert pdf_text(made.text_pdf(lines)) == f"{' '.join(before)}{' '.join(after)}"


def test_hyphen_of_a_word_of_its_own_stays():
    lines = ["It is a well-known dome, and well-", "known it stays."]

    assert "and well-known it stays" in pdf_text(made.text_pdf(lines))


@pytest.mark.parametrize(("pages", "is_read"), [(1, False), (2, True), (3, True)])
def test_scan_among_pages_of_text(pages, is_read):
    """Most pages have to be text; the first one is a picture."""
    rooms = ["dome", "cellar", "garden"][:pages]
    texts = [made.shown([f"{line} The {room}." for line in made.LONG]) for room in rooms]
    file = made.scan_pdf([b"", *texts])

    if is_read:
        assert "The cellar." in pdf_text(file)
    else:
        with pytest.raises(Unreadable, match="OCR"):
            pdf_text(file)
