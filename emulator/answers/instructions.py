"""The few instructions that the emulator obeys to the letter.

It has no model, so it cannot follow instructions at large. These it follows:

    exact replies     "Reply with exactly: pong", as other people's tests ask for them
    reading aloud     "Read the text aloud, word for word."
    brevity           "Answer in two sentences."
    what to say       "Greet the caller.", 'Say "We are closed."', "Tell them when the bus leaves."

The last ones count where instructions are all that there is to answer: a Realtime client may ask
for a response before anybody has spoken.
"""

import re
from collections.abc import Sequence
from itertools import takewhile

from emulator.text.sentences import sentences
from emulator.text.small_talk import reply_to

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
    (?: please \s | simply \s | just \s ){0,3}
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

_SAY = re.compile(
    r"""\bsay\b[^"“:]{0,20}["“]([^"“”]+)["”] | \bsay:\s+(\S.*)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_SMALL_TALK = [
    (
        "greeting",
        re.compile(r"\b(?:greet|welcome|say (?:hello|hi)|introduce yourself)\b", re.IGNORECASE),
    ),
    ("goodbye", re.compile(r"\bsay (?:goodbye|bye|farewell)\b|\bend the call\b", re.IGNORECASE)),
]
_ASKED = re.compile(
    r"\?$|^(?:please )?(?:tell|explain|describe|inform|remind|summari[sz]e|list)\b", re.IGNORECASE
)
_TOLD = re.compile(r"^(?:please )?tell (?:the \w+|them|him|her|me|us)\b[, ]*", re.IGNORECASE)
# What may follow the words of an exact reply, and is no part of them.
_ADDED = re.compile(
    r"""^(?:(?:and|but|then)\ )?
    (?:nothing\ (?:else|more)|no\ (?:other|more)|do\ not|don't|add\ nothing|without)\b""",
    re.IGNORECASE | re.VERBOSE,
)

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
    return _unquoted(_without_added(found["what"])) if is_meant else None


def reply_to_orders(instructions: str) -> str | None:
    """What instructions alone ask to have said; None if they ask for no such thing."""
    end = 0
    for sentence in sentences(instructions):
        start, end = end, end + len(sentence)
        if _UNLESS.search(sentence):
            continue
        if exact_reply(sentence) is not None:
            return exact_reply(instructions[start:])
        if said := _SAY.search(sentence):
            return str(said[1] or said[2]).strip()
        if found := next((kind for kind, order in _SMALL_TALK if order.search(sentence)), None):
            return reply_to([found])
    return None


def question_in_orders(instructions: str) -> str:
    """What instructions alone ask for an answer to: "Tell them when the bus leaves."."""
    asked = [each.strip() for each in sentences(instructions) if _ASKED.search(each.strip())]
    return _TOLD.sub("", asked[-1]) if asked else ""


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
        if found := _names_sentences(text) and _BREVITY.search(text):
            word = found[1].lower()
            return _NUMBERS.index(word) + 1 if word in _NUMBERS else max(1, int(word))
    return None


def without_brevity(text: str) -> str:
    """The text without its request for brevity, which is no part of the question."""
    return _BREVITY.sub("", text) if _names_sentences(text) else text


def _names_sentences(text: str) -> bool:
    """Whether it may ask for brevity: the pattern is tried at each word, which takes far longer."""
    return "sentence" in text.lower()


def _asks_to_read(head: str) -> bool:
    """Whether a sentence, up to its colon, asks for a text and for nothing but that text."""
    found = _READ.search(head)
    if found is None or _UNLESS.search(head):
        return False
    is_text = bool(_TEXT.search(found["rest"]))
    if _TO_THE_LETTER.search(head):
        return is_text or bool(_ANY_TEXT.search(found["rest"]))
    return is_text and bool(_ALOUD.search(head))


def _without_added(text: str) -> str:
    """A text up to the sentence that says what else is not to be said."""
    kept = takewhile(lambda sentence: not _ADDED.match(sentence), sentences(text))
    return "".join(kept).strip() or text.strip()


def _unquoted(text: str) -> str:
    """A text in quotation marks ends with them, whatever stands behind."""
    closing = _QUOTES.get(text[0])
    end = text.find(closing, 1) if closing else -1
    return text[1:end] if end > 1 else text
