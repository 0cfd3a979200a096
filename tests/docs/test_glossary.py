"""The glossary: each term once, in order, explained in plain sentences, and met in a lesson."""

import re
from pathlib import Path

import pytest

COURSE = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| \*\*(.+?)\*\* \| (.+?) \| (.+?) \|$", re.MULTILINE)
TERMS = ROW.findall((COURSE / "docs" / "glossary.md").read_text(encoding="utf-8"))
PAGES = {
    "Start": "README.md",
    "Streaming": "docs/1-streaming.md",
    "RAG": "docs/2-rag.md",
    "Realtime": "docs/3-realtime.md",
    "Audio": "docs/4-audio.md",
}
FIRST_LESSON = COURSE / PAGES["Streaming"]


def is_bold_at_first(term, text):
    """Whether a term is bold where running text has it first; code and headings do not count."""
    fence, heading, code = r"^(`{3,})[^`].*?^\1$", r"^#[^\n]*$", r"(`+)[^`\n]+\2"
    text = re.sub(f"{fence}|{heading}|{code}", "", text, flags=re.MULTILINE | re.DOTALL)
    words = r"\s+".join(map(re.escape, term.split()))
    first = re.search(rf"(?i)(?<![\w-]){words}(?:s|es)?(?![\w-])", text)
    bold = [found.span() for found in re.finditer(r"\*\*[^*\n]+\*\*", text)]
    return first is not None and any(a < first.start() < b for a, b in bold)


def test_terms_stand_once_and_in_order():
    names = [name.casefold() for name, _, _ in TERMS]

    assert len(names) > 50
    assert names == sorted(set(names))


def test_explanations_are_short_sentences():
    for name, meaning, section in TERMS:
        sentences = re.split(r"(?<=[.:]) ", meaning)
        assert meaning.endswith("."), name
        assert len(sentences) <= 5, name
        assert all(len(sentence.split()) <= 25 for sentence in sentences), name
        assert set(section.split(", ")) <= PAGES.keys(), name


@pytest.mark.parametrize("section", PAGES)
def test_terms_are_bold_where_their_section_has_them_first(section):
    page = COURSE / PAGES[section]
    if not FIRST_LESSON.exists() or not page.exists():
        pytest.skip("the lessons' pages are not written yet")
    text = page.read_text(encoding="utf-8")
    named = [name for name, _, sections in TERMS if section in sections.split(", ")]

    assert [name for name in named if not is_bold_at_first(name, text)] == []


@pytest.mark.parametrize(
    ("text", "is_bold"),
    [
        ("A **chunk** is a piece.", True),
        ("Some **chunks** come. A chunk is small.", True),
        ("A chunk is a **chunk**.", False),
        ("# Chunk\n`chunk` and then the **text chunk**", True),
        ("Nothing of the kind; a **chunky** one.", False),
        ("**Bold** words, then a chunk", False),
    ],
)
def test_first_appearance_is_what_counts(text, is_bold):
    assert is_bold_at_first("chunk", text) is is_bold
