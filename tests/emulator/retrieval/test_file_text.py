"""Files become text, each kind by its own rules; what cannot be read says why."""

import contextlib
import io
import time
import zipfile

from emulator.retrieval.file_text import Unreadable, read_text

import docx
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

SENTENCE = "Dogs may come into the café."
BOMB = b"\0" * (80 * 2**20)


def word_file(build):
    document, file = docx.Document(), io.BytesIO()
    build(document)
    document.save(file)
    return file.getvalue()


def pdf(content=b"BT /F1 12 Tf 72 720 Td (Doors open at nine.) Tj ET", pages=1, deflate=False):
    """A PDF with the same content on each page."""
    writer, file = pypdf.PdfWriter(), io.BytesIO()
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    names = DictionaryObject({NameObject(k): NameObject(v) for k, v in font.items()})
    fonts = DictionaryObject({NameObject("/F1"): names})
    stream = DecodedStreamObject()
    stream.set_data(content)
    shared = writer._add_object(stream.flate_encode() if deflate else stream)
    for _ in range(pages):
        page = writer.add_blank_page(612, 792)
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        page[NameObject("/Contents")] = shared
    writer.write(file)
    return file.getvalue()


def encrypted():
    writer, file = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(file)
    return file.getvalue()


def archive(**parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_in_each_encoding(encoding):
    assert read_text("notes.TXT", SENTENCE.encode(encoding)) == SENTENCE


def test_markdown_stays_as_it_is():
    assert read_text("a.md", b"# Dogs\r\n\r\nNot here.") == "# Dogs\n\nNot here."


def test_html_keeps_headings_and_rows():
    page = b"""<html><head><title>x</title><style>p {}</style></head><body><h1>Prices</h1>
    <p>In <b>euros</b>,<br>all of them.<script>no()</script></p><ul><li>one<li>two</ul>
    <table><tr><th>who<th>what</tr><tr><td>child<td>4 &euro;</tr></table></body>"""

    text = read_text("a.html", page)
    assert text.split("\n") == [
        *["# Prices", "", "In euros,", "all of them.", "", "- one", "- two"],
        *["", "who\twhat", "child\t4 \u20ac", ""],
    ]


def test_html_may_name_an_encoding():
    page = '<?xml version="1.0" encoding="latin-1"?><meta charset="latin-1"><p>café'

    assert read_text("a.html", page.encode()) == "café\n"


def test_json_keeps_names_beside_values():
    data = b'{"title": "Bus", "fare": {"adult": 3, "dog": null}, "stops": [{"at": "gate"}]}'

    text = read_text("a.json", data)
    assert [line for line in text.split("\n") if line] == [
        *["title: Bus", "# fare", "adult: 3", "dog: null", "# stops", "at: gate"]
    ]


def test_json_with_a_mistake_is_read_as_text():
    assert read_text("a.json", b'{"title": "Bus"') == '{"title": "Bus"'


def test_lone_surrogate_is_replaced():
    assert read_text("a.json", b'{"name": "\\ud800"}') == "name: ?"


def test_word_file_keeps_headings_and_tables():
    def build(document):
        document.add_heading("Dogs", 2)
        document.add_paragraph("Not here.")
        table = document.add_table(1, 2)
        table.cell(0, 0).text, table.cell(0, 1).text = "cat", "yes"

    assert read_text("a.docx", word_file(build)) == "## Dogs\n\nNot here.\n\ncat\tyes"


def test_pdf_is_read_page_by_page():
    assert read_text("a.pdf", pdf(pages=2)) == "Doors open at nine.\n\nDoors open at nine."


@pytest.mark.parametrize("name", ["a.csv", "a.doc", "a.pptx", "a.exe", "README", "../../x", ""])
def test_other_kinds_are_unsupported(name):
    with pytest.raises(Unreadable) as caught:
        read_text(name, b"text")

    assert caught.value.code == "unsupported_file"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.txt", b"", "no text"),
        ("a.md", b" \n\t\n", "no text"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0", "not UTF-8"),
        ("a.txt", "café".encode("latin-1"), "not UTF-8 text: byte 3"),
        ("a.py", b"x = 1\0", r"character 5 is U\+0000"),
        ("a.html", b"<p></p>", "no text"),
        ("a.pdf", b"not a PDF", "PDF file is broken"),
        ("a.pdf", pdf()[:200], "broken|no text"),
        ("a.pdf", encrypted(), "encrypted"),
        ("a.docx", b"not a ZIP", "Word file is broken"),
        ("a.docx", archive(x=b"y"), "Word file is broken"),
        ("a.docx", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "without a password"),
        # These take a second to make, which collecting the tests should not take.
        ("a.docx", lambda: archive(**{"word/document.xml": BOMB}), "unpacks to more"),
        ("a.pdf", lambda: pdf(b"BT " + BOMB + b" ET", deflate=True), "broken"),
        ("a.pdf", lambda: pdf(pages=2001), "more than 2000 pages"),
    ],
    ids=range(15),
)
def test_bad_file_says_why(name, data, says):
    data = data() if callable(data) else data
    start = time.process_time()

    with pytest.raises(Unreadable, match=says) as caught:
        read_text(name, data)
    assert caught.value.code == "invalid_file"
    assert time.process_time() - start < 2


def test_kind_is_told_from_content_too():
    with pytest.raises(Unreadable, match="PDF file under the name of a text") as caught:
        read_text("a.txt", pdf())

    assert caught.value.code == "unsupported_file"


@pytest.mark.parametrize("unclosed", ["<!--", "<", "<a ", "&", "<div>", "</", "<script>", "<b><i>"])
def test_broken_html_is_quick(unclosed):
    start = time.process_time()

    read_text("a.html", f"<p>text {unclosed * 50_000}".encode())
    assert time.process_time() - start < 2


@given(st.sampled_from(["a.txt", "a.html", "a.json", "a.docx", "a.pdf"]), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(name, data):
    with contextlib.suppress(Unreadable):
        assert read_text(name, data).strip()
