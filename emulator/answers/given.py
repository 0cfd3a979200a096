"""What a conversation brings along that can be quoted: passages, and what the user said.

Instructions hold both orders and facts. A paragraph that begins with an order is made of orders,
between which a statement may stand: "You are the voice assistant. The dome is shut tonight." Any
other paragraph is a passage, in which every sentence is a statement. A question is never a fact.

What users say of themselves is quoted as they said it, where they ask for it: "What is my name?"
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from emulator.answers.corpus import Corpus
from emulator.retrieval.quotes import quotes
from emulator.text.sentences import ends
from emulator.text.words import terms

INSTRUCTIONS = "the instructions"
"""The source of what a prompt states."""

_ORDER = re.compile(
    r"""(?:(?:you|your|i|please|never|always|do|don't|be|keep|use|answer|reply|respond|speak|say|ask
    |tell|greet|stay|act|avoid|write|call|make|let|only|not|quote|cite|summari[sz]e|translate)\b
    |(?:if|when|whenever|unless|in|for|with|no)\b.*\b
    (?:you|your|user|users|caller|answers?|reply|replies|say|tell|ask|respond|speak)\b)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_PARAGRAPH = re.compile(r"\n\s*\n")
# "Answer only from these passages": nothing else may be quoted then.
_ONLY = re.compile(r"\b(?:only|nothing but|alone|solely|exclusively|strictly)\b", re.IGNORECASE)
_BROUGHT = re.compile(
    r"\b(?:passages?|context|documents?|texts?|below|following|information|sources?|excerpts?)\b",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    r"^[ \t]*(?:question|query|q)[ \t]*:[ \t]*(.+)$", re.IGNORECASE | re.MULTILINE
)
_SIGNS = re.compile(r"[^\w\s]+|_+")
PASSAGES_FROM, MOST_READ = 200, 8_000
"""Characters beside its question from which on a message brings passages along; and how many at the
two ends of a message are searched for what the user asks or says."""

_ASKS = re.compile(r"\b(?:what|who|which|where|when|how)\b", re.IGNORECASE)
_MINE = re.compile(r"\b(?:my|mine|i|me|our|we|us)\b", re.IGNORECASE)
_KNOWS_ME = re.compile(r"\bdo you (?:know|remember) (?:my|our|who|what|where)\b", re.IGNORECASE)
_ABOUT_ME = re.compile(r"\b(?:my|mine|i|i'm|i've|me|our|we|we're|us)\b", re.IGNORECASE)
_WISH = re.compile(
    r"""\b(?:i'd|we'd|would|want|wish|like\ to|need|can|could|may|please|let|tell|looking\ for)\b
    |\?\W*$""",
    re.IGNORECASE | re.VERBOSE,
)
_RECALLED = terms("know remember tell told say said call called again mention mentioned")


@lru_cache(maxsize=32)
def given_corpus(texts: tuple[str, ...]) -> Corpus | None:
    """What these texts state, if anything; kept for the next question of the conversation."""
    stated = {sentence for text in texts for sentence in statements(text)}
    if not stated:
        return None
    return Corpus([(INSTRUCTIONS, text) for text in texts], lambda quote: quote.text in stated)


def is_all_there_is(texts: Sequence[str]) -> bool:
    """Whether one of the texts says that only what it brings along may be used."""
    parts = (part for text in texts for part in re.split(r"[.!?\n]", text))
    return any(_is_followed(_ONLY, _BROUGHT, part) for part in parts)


def statements(text: str) -> Iterator[str]:
    """What states a fact, and neither asks nor says what to do."""
    for paragraph in _PARAGRAPH.split(text):
        found = [quote.text for quote in quotes(paragraph)]
        has_orders = bool(found and _ORDER.match(found[0]))
        for sentence in found:
            is_order = has_orders and _ORDER.match(sentence)
            if len(terms(sentence)) > 1 and not sentence.endswith("?") and not is_order:
                yield sentence


def question_and_passages(text: str) -> tuple[str, str]:
    """The question of a message, and the passages that it brings along, if it does."""
    labelled = _LABELLED.findall(text)
    near = quotes(ends(text, MOST_READ))
    asked = [quote.text for quote in near if quote.text.endswith("?")]
    question = labelled[-1].strip() if labelled else asked[-1] if asked else ""
    rest = text.replace(question, "", 1) if question else ""
    return (question, rest) if len(rest) >= PASSAGES_FROM else (text, "")


def passages_before(earlier: Sequence[str]) -> Iterator[str]:
    """What the user's earlier messages bring along, the latest first.

    A long one that asks nothing beside them is a passage as a whole: "Here are my notes." One that
    is made of signs more than of words states nothing, and would take long to read.
    """
    for text in reversed(earlier):
        if len(text) >= PASSAGES_FROM and len(_SIGNS.sub("", text)) > len(text) / 2:
            yield question_and_passages(text)[1] or text


def recalled(question: str, earlier: Sequence[str], message: str = "") -> str:
    """What the user has said that answers a question about the user; the latest counts.

    The question is the last sentence; in its `message`, what stands before it was said, too.
    """
    question = [question, *(quote.text for quote in quotes(question))][-1]
    said_now = message[: max(0, message.rfind(question))]
    question = question.replace("'s ", " is ")
    wanted = terms(question) - _RECALLED
    if not wanted or not _is_of_user(question):
        return ""
    for text in [said_now, *reversed(earlier)]:
        for sentence in (quote.text for quote in quotes(ends(text, MOST_READ))):
            said = terms(sentence)
            if wanted < said and _ABOUT_ME.search(sentence) and not _WISH.search(sentence):
                return sentence
    return ""


def _is_of_user(question: str) -> bool:
    if _KNOWS_ME.search(question):
        return True
    return any(_is_followed(_ASKS, _MINE, line) for line in question.split("\n"))


def _is_followed(first: re.Pattern[str], second: re.Pattern[str], text: str) -> bool:
    """Whether `second` is found behind `first`.

    One pattern with `.*` in between would read the rest of the text again from each `first`.
    """
    found = first.search(text)
    return found is not None and second.search(text, found.end()) is not None
