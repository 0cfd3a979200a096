"""The few instructions that the emulator obeys to the letter: exact replies, and brevity.

It has no model, so it cannot follow instructions at large. Exact replies are there for other
people's tests, which ask for them ("Reply with exactly: pong").
"""

import re

_EXACT = re.compile(
    r"""\b (reply | respond | answer | say | write | print | output | return | repeat) \b
    (\ back)? (\ to\ me)? (\ with)? (\ only)?
    \ ((?P<exact> exactly | verbatim) | only | nothing\ but)
    (\ (this | these | the)? (\ following)? (\ one)?
        \ ? (word | text | sentence | phrase | line | string) s? )?
    \s* (?P<mark> :? \s+ (?=["'`\N{LEFT DOUBLE QUOTATION MARK}]) | : \s+ | \s+) (?P<what> \S .*)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_QUOTES = {
    '"': '"',
    "'": "'",
    "`": "`",
    "\N{LEFT DOUBLE QUOTATION MARK}": "\N{RIGHT DOUBLE QUOTATION MARK}",
}

_NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_BREVITY = re.compile(
    rf"\b(\d{{1,2}}|{'|'.join(_NUMBERS)}) (?:short |brief |plain )?sentences?\b", re.IGNORECASE
)


def exact_reply(prompt: str) -> str | None:
    """The text that a prompt asks for word for word; None if it asks for no such thing."""
    found = _EXACT.search(prompt)
    if found is None:
        return None
    # "Only" alone may begin anything ("Answer only from these passages"): it needs a colon, or
    # a quotation.
    is_meant = found["exact"] or ":" in found["mark"] or found["what"][0] in _QUOTES
    return _unquoted(found["what"].strip()) if is_meant else None


def sentences_wanted(texts: list[str]) -> int | None:
    """How many sentences the last of `texts` that names a number of them asks for."""
    for text in reversed(texts):
        if found := _BREVITY.search(text):
            word = found[1].lower()
            return _NUMBERS.index(word) + 1 if word in _NUMBERS else max(1, int(word))
    return None


def without_brevity(text: str) -> str:
    """The text without its request for brevity, which is no part of the question."""
    return _BREVITY.sub("", text)


def _unquoted(text: str) -> str:
    """A text in quotation marks ends with them, whatever stands behind."""
    closing = _QUOTES.get(text[0])
    end = text.find(closing, 1) if closing else -1
    return text[1:end] if end > 1 else text
