"""The lessons' pages: each part has its section, and the code is that of the script."""

import re

from console.lesson import contents_of
from tests.support import lessons

import pytest

SCRIPTS = {path.name[1]: path for path in lessons.COURSE.glob("0*.py")}
PAGES = sorted((lessons.COURSE / "docs").glob("[1-3]-*.md"))
SNIPPET = re.compile(r"<!-- from (\S+) -->\n```python\n(.+?)```", re.DOTALL)


def sections(page):
    """The numbered sections of a page: number and title -> text."""
    found = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    whole = dict(each.split("\n", 1) for each in found[1:])
    return {title: text for title, text in whole.items() if re.match(r"\d+\. ", title)}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_page_has_the_parts_of_its_script(page):
    parts = contents_of(SCRIPTS[page.name[0]]).parts.values()

    assert list(sections(page)) == [part.heading for part in parts if not part.is_extra]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_section_has_all_that_a_learner_needs(page):
    for title, text in sections(page).items():
        assert SNIPPET.search(text), title
        assert text.count("<details><summary>Question: ") == text.count("</details>") == 1, title
        for part in ("What you see", "What to notice", "You learned:", "Things to try"):
            assert part in text, (title, part)
