"""Words and their stems: which words carry meaning, and which of them count as the same.

A stem is a word without its ending, so that `booked` and `booking` are the same. A few rules and a
list of irregular verbs make the stems. That is enough to compare a question with a text.
"""

import re
from functools import lru_cache

WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = """January February March April May June July August September October November
    December""".split()
FUNCTION_WORDS = frozenset(
    """a about after all also am an and any are as at be been but by can could did do does during
    each for from had has have he her him his how i if in into is it it's its just may me might must
    my no not of on one or our please shall she should so some than that the their them then there
    these they this those to up us was we were what when where which who whom whose why will with
    would you your""".split()
)
"""Words that only connect the other words of a sentence."""
_ASKING_WORDS = frozenset(
    """answer anything bring come describe ever explain find get give go happen happens know many
    more most much only other say show something take tell thing very want word""".split()
)
_STOPWORDS = FUNCTION_WORDS | _ASKING_WORDS
_SAME = {
    "children": "child",
    "kids": "child",
    "kid": "child",
    "daughter": "child",
    "son": "child",
    "adults": "grown",
    "adult": "grown",
}
_IRREGULAR = """bend bent, break broke broken, build built, buy bought, catch caught,
    choose chose chosen, draw drew drawn, drink drank drunk, drive drove driven, eat ate eaten,
    fly flew flown, forget forgot forgotten, grow grew, hear heard, hold held, keep kept, lead led,
    lend lent, lose lost, meet met, pay paid, ride rode ridden, ring rang rung, rise rose risen,
    run ran, see saw seen, sell sold, send sent, shine shone, sing sang sung, sit sat, sleep slept,
    speak spoke spoken, spend spent, stand stood, swim swam swum, teach taught, think thought,
    throw threw thrown, wake woke woken, wear wore worn, win won, write wrote written"""
_SAME |= {form: verb for verb, *forms in map(str.split, _IRREGULAR.split(",")) for form in forms}
# Stems that ask the same in a question about a price.
_PRICE = dict.fromkeys(["charg", "pay", "pric"], "cost")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order, in lower case."""
    return [word for word in _WORD.findall(text.lower()) if word not in _STOPWORDS]


def terms(text: str) -> set[str]:
    """The words that carry meaning, without their endings."""
    return set(map(_stem, content_words(text)))


def senses(text: str) -> set[str]:
    """The same, with one word for all those that ask about a price."""
    return {_PRICE.get(term, term) for term in terms(text)}


def subject(text: str) -> set[str]:
    """The first two words that carry meaning: most sentences begin with what they are about."""
    return senses(" ".join(content_words(text)[:2]))


@lru_cache(maxsize=16_384)
def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    word = _SAME.get(word, word)
    for ending in ("ies", "ing", "ed", "es", "s", "ly", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name such as `camelCase` or `snake_case`, in lower case."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^\w]|_", " ", name)
    return tuple(parted.lower().split())
