"""Markdown as prose: a line without its markup, and where a sentence ends within a line."""

import re

_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*`_]{1,2}(?=\S)|(?<=\S)[*`_]{1,2}|<[^>]+>")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")


def plain(line: str) -> str:
    """The line without markup; of a link its words stay."""
    return _MARKUP.sub(lambda found: found[1] or "", line).strip()


def line_sentences(line: str) -> list[str]:
    """The sentences of a line, without markup."""
    return _SENTENCE_END.split(plain(line))
