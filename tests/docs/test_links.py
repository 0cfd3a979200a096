"""Every link inside the repository leads somewhere: to a file, and to a heading in it."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

COURSE = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted(COURSE.glob("*.md")),
    *sorted((COURSE / "docs").glob("*.md")),
    COURSE / "emulator" / "README.md",
]
LINK = re.compile(r"""\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href|srcset)="([^"]+)\"""")


def without_code(text):
    """A page without its code, where brackets mean something else."""
    text = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)[^`]+\1", "", text)


def links(text):
    return [one or other for one, other in LINK.findall(without_code(text))]


def anchors(text):
    """What GitHub calls the headings of a page; the second of two equal ones gets -1."""
    text = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = []
    for heading in re.findall(r"^#+ +(.+?) *#*$", text, re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        count = sum(re.fullmatch(re.escape(slug) + r"(-\d+)?", each) is not None for each in found)
        found.append(f"{slug}-{count}" if count else slug)
    return {*found, *re.findall(r'<a (?:id|name)="([^"]+)"', text)}


def dead_links(page, text):
    """Each link of a page that leads nowhere, with the reason."""
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = page.parent / path if path else page
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and target.suffix == ".md":
            known = anchors(text if target == page else target.read_text(encoding="utf-8"))
            if anchor not in known:
                yield f"{link}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(COURSE).as_posix())
def test_links_lead_somewhere(page):
    assert list(dead_links(page, page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "anchor"),
    [
        ("# Plain words", "plain-words"),
        ("## `code` & more: 3.5 (yes)", "code--more-35-yes"),
        ("### [Linked](x.md) text", "linked-text"),
        ("# Same\n# Same", "same-1"),
        ('<a id="here"></a>', "here"),
    ],
)
def test_headings_get_anchors_as_on_github(text, anchor):
    assert anchor in anchors(text)


def test_dead_links_are_found(tmp_path):
    (tmp_path / "other.md").write_text("# There\n", encoding="utf-8")
    page = tmp_path / "page.md"
    text = """# Here
[a](#here) [b](other.md#there) [c](https://example.org) ![d](other.md "title")
`[code](gone.md)`
[e](#gone) [f](other.md#gone) [g](gone.md) <img src="gone.svg">
```
[h](gone.md)
```
"""
    page.write_text(text, encoding="utf-8")

    assert list(dead_links(page, text)) == [
        "#gone: there is no such heading",
        "other.md#gone: there is no such heading",
        "gone.md: there is no such file",
        "gone.svg: there is no such file",
    ]
