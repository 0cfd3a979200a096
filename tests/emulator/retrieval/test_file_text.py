"""Files become text, each format by its own rules; what cannot be read says why.

The files themselves are in tests/files/, made by tools/make_test_files.py.
"""

import contextlib
import json

from emulator.retrieval.file_text import (
    MOST_BYTES,
    SMALL_JSON,
    Unreadable,
    check_size,
    needs_parser,
    read_text,
)
from tests.support.computing_time import computes_at_once
from tests.support.lessons import COURSE

import pytest
from hypothesis import given
from hypothesis import strategies as st

FILES = COURSE / "tests" / "files"
EXPECTED = json.loads((FILES / "expected.json").read_text(encoding="utf-8"))
OPENAI = """.c .cpp .cs .css .doc .docx .go .html .java .js .json .md .pdf .php .pptx .py .rb .sh
    .tex .ts .txt""".split()
# Text that a file may hold: no lone surrogates and no control characters but line breaks and tabs.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Co"]) | st.sampled_from("\n\t<*_`&|")
)


def once(phrase, text):
    return " ".join(text.split()).count(" ".join(phrase.split())) == 1


READABLE = [name for name, expected in EXPECTED.items() if "fails" not in expected]
REFUSED = [name for name, expected in EXPECTED.items() if "fails" in expected]


@pytest.mark.parametrize("name", READABLE)
def test_file_is_read(name):
    text = read_text(name, (FILES / name).read_bytes())

    expected = EXPECTED[name]
    assert [phrase for phrase in expected["has"] if not once(phrase, text)] == []
    assert [phrase for phrase in expected.get("lacks", ()) if phrase in text] == []
    assert expected.get("text", text) == text


@pytest.mark.parametrize("name", REFUSED)
def test_file_is_refused(name):
    with pytest.raises(Unreadable) as caught:
        read_text(name, (FILES / name).read_bytes())

    assert caught.value.code == EXPECTED[name]["fails"]
    assert EXPECTED[name]["says"] in caught.value.message
    assert caught.value.message.endswith((".", "txt"))


def test_folder_has_each_format_and_nothing_else():
    assert {path.name for path in FILES.iterdir()} == {*EXPECTED, "expected.json"}
    assert {f".{name.rpartition('.')[2]}" for name in EXPECTED} >= set(OPENAI)
    assert sum(path.stat().st_size for path in FILES.iterdir()) < 3_000_000


@pytest.mark.parametrize("name", ["a.csv", "a.doc", "a.exe", "README", "../../x", ""])
def test_other_formats_are_unsupported(name):
    with pytest.raises(Unreadable) as caught:
        read_text(name, b"text")

    assert caught.value.code == "unsupported_file"


def test_format_is_taken_from_the_name_in_any_case():
    assert read_text("C:\\Users\\Ana\\NOTES.TXT", b"Dogs") == "Dogs"


@given(TEXTS)
def test_markdown_stays_as_it_is(text):
    """Line breaks apart: what is markup is decided where it is quoted."""
    written = f"Dogs\n{text}"

    assert read_text("a.md", written.encode()) == written


@given(TEXTS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_each_encoding_gives_the_same_text(text, encoding):
    written = f"Dogs {text}"

    assert read_text("a.txt", written.encode(encoding)) == written


@given(st.recursive(TEXTS.filter(str.strip), lambda inner: st.lists(inner, min_size=1, max_size=3)))
def test_json_keeps_all_its_texts(value):
    text = read_text("a.json", json.dumps({"Dogs": value}).encode())

    def leaves(inner):
        return (
            [leaf for each in inner for leaf in leaves(each)]
            if isinstance(inner, list)
            else [inner]
        )

    assert all(leaf in text for leaf in leaves(value))


@given(
    st.sampled_from(["a.txt", *(f"a{extension}" for extension in OPENAI)]), st.binary(max_size=60)
)
def test_any_bytes_are_read_or_refused(name, data):
    with contextlib.suppress(Unreadable):
        assert read_text(name, data).strip()


@given(st.sampled_from([name for name in READABLE if needs_parser(name, 0)]), st.data())
def test_damaged_file_is_read_or_refused(name, data):
    """One byte changed, or the end missing, as after a bad copy."""
    whole = (FILES / name).read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] = data.draw(st.integers(0, 255))

    for damaged in (bytes(changed), whole[:place]):
        with contextlib.suppress(Unreadable):
            assert read_text(name, damaged).strip()


@pytest.mark.parametrize("unclosed", ["<!--", "<", "<a ", "&", "<div>", "</", "<script>", "<b><i>"])
def test_broken_html_is_quick(unclosed):
    with computes_at_once(2), contextlib.suppress(Unreadable):  # some of them nest too deeply
        read_text("a.html", f"<p>text {unclosed * 50_000}".encode())


def test_large_files_are_refused_before_they_are_read():
    check_size(MOST_BYTES)
    with pytest.raises(Unreadable, match="too large") as caught:
        check_size(MOST_BYTES + 1)

    assert caught.value.code == "invalid_file"


def test_text_and_code_need_no_parser():
    parsed = [extension for extension in OPENAI if needs_parser(f"a{extension}", SMALL_JSON)]

    assert parsed == [".docx", ".html", ".pdf", ".pptx"]
    assert needs_parser("a.json", SMALL_JSON + 1)
    assert not needs_parser("a.md", MOST_BYTES)
