"""The few instructions that the emulator obeys to the letter: exact replies, reading, and brevity.

It has no model, so it cannot follow instructions at large. Exact replies are there for other
people's tests, which ask for them ("Reply with exactly: pong"). A text is read aloud where the
instructions ask for that ("Read the text aloud, word for word.").
"""

import re
from collections.abc import Sequence

from emulator.text.sentences import sentences

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

# What is asked for stands at the start of a sentence, or behind "you must", a comma and the like.
_READ = re.compile(
    r"""(?: ^\s* | [;,] \s
        | \b (?: to | must | will | shall | should | only | please | you | and ) \s )
    (?: please \s | simply \s | just \s )*
    (?: read | say | speak | repeat | recite | narrate ) \b (?P<rest> .*)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_TEXT = re.compile(
    r"\b(?:texts?|messages?|input|passage|paragraph|script|following)\b", re.IGNORECASE
)
_ANY_TEXT = re.compile(r"\b(?:it|this|these|that|what|words|sentences?)\b", re.IGNORECASE)
_ALOUD = re.compile(r"\b(?:aloud|out loud|exactly)\b", re.IGNORECASE)
_TO_THE_LETTER = re.compile(
    r"\b(?:word[ -](?:for|by)[ -]word|verbatim|as (?:it is |they are )?(?:written|given))\b",
    re.IGNORECASE,
)
_UNLESS = re.compile(r"^\W*(?:if|when|whenever|unless)\b|\b(?:not|never|n't)\b", re.IGNORECASE)

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


def text_to_read(instructions: Sequence[str], messages: Sequence[str]) -> str | None:
    """The text that instructions ask to have read word for word; None if they ask for no such.

    It stands behind a colon, or is the last of the user's messages.
    """
    for instruction in reversed(instructions):
        end = 0
        for sentence in sentences(instruction):
            start, end = end, end + len(sentence)
            head, colon, _ = sentence.partition(":")
            if _asks_to_read(head):
                given = instruction[start + len(head) + 1 :].strip() if colon else ""
                return _unquoted(given) if given else next(reversed(messages), None)
    return None


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


def _asks_to_read(head: str) -> bool:
    """Whether a sentence, up to its colon, asks for a text and for nothing but that text."""
    found = _READ.search(head)
    if found is None or _UNLESS.search(head):
        return False
    is_text = bool(_TEXT.search(found["rest"]))
    if _TO_THE_LETTER.search(head):
        return is_text or bool(_ANY_TEXT.search(found["rest"]))
    return is_text and bool(_ALOUD.search(head))


def _unquoted(text: str) -> str:
    """A text in quotation marks ends with them, whatever stands behind."""
    closing = _QUOTES.get(text[0])
    end = text.find(closing, 1) if closing else -1
    return text[1:end] if end > 1 else text
