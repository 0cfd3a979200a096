"""Values in words: which parts of a text fit the name and description of a property.

Everything here is a general rule of English (what stands after "from", what is written with a
capital letter, what is next to a number); nothing is looked up by the text of a known prompt.

A text is searched for the kind of the property (see hints.py). Each kind has a list of sources,
_SOURCES, the most telling first: a person's name is rather what stands after "my name is" than any
word with a capital letter. Whoever fills a property takes the first span that its schema allows,
and notes it as taken, so that no other property gets the same words.
"""

import datetime
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from emulator.structured import dates
from emulator.structured.dates import CoveredLetters, TextSpan
from emulator.structured.hints import DIRECTIONS, FAMILIES, PEOPLE, Hint
from emulator.text.small_talk import without_request
from emulator.text.words import FUNCTION_WORDS, terms, words_of

# Words that neither are names nor go on with a phrase.
_STOP = FUNCTION_WORDS | frozenset(
    """near around under over before without within between thanks yes here let lets now right soon
    today tomorrow yesterday tonight next last every one two three four five six seven eight nine
    ten like want need get hello hi hey dear using via per out off i'm i'd""".split()
)
_ENDS = _STOP - {"of", "right", "last"}
_FINITE = r"(?:is|are|was|were|has|have|will|wants?|lives?|works?|likes?|said|says|needs?|'s)"
_CAPITAL = r"[^\W\d_a-z][\w’-]*(?:'[a-rt-z]\w*)?"
_CAPITALS = re.compile(
    rf"(?<![\w'’-])(?:(?:(?-i:{_CAPITAL}))(?: (?:(?:of|de|la|van) )?(?={_CAPITAL}))?)+"
)
_UNIT = re.compile(r" ?([^\W\d_]+|[€$£%°])")
_QUOTED = re.compile(r"[\"“]([^\"“”]+)[\"”]|(?<!\w)['‘]([^'‘’]+)['’](?!\w)")
_NOT = re.compile(r"\b(?:not|no|without|never|nor|isn't|aren't|don't|doesn't|won't|can't|\w+n't)\b")
_PATTERNS = {
    "email": re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "url": re.compile(r"\b(?:https?://|www\.)[^\s<>\"]*[\w/]"),
    "phone": re.compile(r"(?<![\w.])\+?\(?\d[\d()/ -]{5,}\d"),
    "id": re.compile(r"(?<![\w-])#?(?:[A-Za-z]+[-_]?)?\d[\w-]*"),
    "path": re.compile(
        r"(?<!\S)[~.]{0,2}/[\w./-]*\w|(?<![\w-])\b[\w-]+(?:/[\w.-]+)*\.[a-z]{2,4}\b"
    ),
    "expression": re.compile(
        r"""(?<![\w.])[-(]{0,20}+(?:\d+(?:\.\d+)?|\b[a-z]\b)(?:[a-z]\b)?\)*
        (?:\ ?(?:[-+*/^=×÷]|\*\*)\ ?[-(]{0,20}+(?:\d+(?:\.\d+)?|\b[a-z]\b)(?:[a-z]\b)?\)*)+""",
        re.VERBOSE,
    ),
}
_CUES = {
    "task": r"(?:remind (?:me|us) to|remember to|need to|have to|forget to|must|\w:) (?P<x>.+)",
    "topic": r"\b(?:about|regarding|concerning|on) (?P<x>.+)",
    "text": r"(?::|\b(?:saying|says)(?: that)?) +(?P<x>.+)",
    "phrase": r"^\W*translate (?P<x>.+?)(?= (?:in)?to )",
    "reason": r"\b(?:because(?: of)?|since|due to) (?P<x>.+)",
    "person": r"\b(?:my name is|name is|i am|i'm|called|named) (?P<x>.+)",
    "name": r"\b(?:my name is|name is|called|named|titled) (?P<x>.+)",
    "title": r"\b(?:called|named|titled|entitled) (?P<x>.+)",
}
_BEFORE = 100
"""Letters in which the two words before a place are looked for."""
# Each part is bounded: otherwise every word, and every entry, would be tried with all that follow.
_ENTRY = r"[^\W_][\w'’-]{0,60}+(?: [\w'’-]{1,60}+){0,3}"
_LIST = re.compile(rf"(?<!\w){_ENTRY}(?:, {_ENTRY}){{0,30}},? (?:and|or) {_ENTRY}")
_LONGEST_PHRASE = 300
_NOWHERE = 10_000
"""The distance of a number in a text that has none of the words looked for."""
_TO_THE_END = ("text", "phrase", "reason")


class AnnotatedText:
    """A text, and what stands where in it; `taken` are the places that are used up."""

    def __init__(self, text: str, today: datetime.date) -> None:
        self.text, self.today = text, today
        self.taken: tuple[TextSpan, ...] = ()
        # Each small letter has to stand where the letter of the text does.
        self.lower = text.lower() if text.isascii() else text
        self.dates, self.times = dates.dates(text, today), dates.times(text)
        self.durations, self.numbers = dates.durations(text), dates.numbers(text)
        self.time_expressions = [*self.dates, *self.times, *self.durations]
        self.timed = CoveredLetters(text, self.time_expressions)
        self.counted = CoveredLetters(text, [*self.time_expressions, *self.numbers])

    @cached_property
    def names(self) -> list[TextSpan]:
        return list(_capitals(self))

    @cached_property
    def each_word(self) -> list[tuple[TextSpan, set[str]]]:
        """The words, or signs of money and degrees, each with its stem."""
        found = re.finditer(r"[^\W_][\w'’-]*|[€$£%°]", self.text)
        return [(self.cut(*match.span()), terms(match[0])) for match in found]

    def cut(self, start: int, end: int) -> TextSpan:
        """A part of the text that means what it says."""
        return TextSpan(start, end, self.text[start:end], self.text[start:end])

    def is_free(self, found: TextSpan) -> bool:
        return not any(found.overlaps(other) for other in self.taken)

    def find_words(self, wanted: set[str], share: float = 1.0) -> list[TextSpan]:
        """The words that have one of the stems; none if less than a share of the stems occurs."""
        occurring = wanted & self._places.keys()
        if len(occurring) < share * len(wanted):
            return []
        places = {place for stem in occurring for place in self._places[stem]}
        return [self.each_word[place][0] for place in sorted(places)]

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """For each stem, which words have it."""
        places: dict[str, list[int]] = {}
        for place, (_, stems) in enumerate(self.each_word):
            for stem in stems:
                places.setdefault(stem, []).append(place)
        return places

    @cached_property
    def folded(self) -> str:
        """Without a difference between small and capital letters; it may be longer."""
        return self.text.casefold()


def strings(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """Texts that the property may mean, the best first."""
    for source in _SOURCES[hint.kind]:
        for found in source(text, hint):
            if text.is_free(found) and found.said.strip():
                yield found
    if hint.is_needed and hint.kind == "text":
        yield from _query(text, hint)
    elif hint.is_needed and hint.kind in _NAMED:
        yield from filter(text.is_free, text.names)


def _time_expressions(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    found = {"date": text.dates, "time": text.times, "duration": text.durations}
    seconds = ":00Z" if hint.format == "time" else ""
    for span in found[hint.kind]:
        yield from _as_wanted(span, f"{span.value}{seconds}", hint)


def _datetimes(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """A day with a time of day; without a day it is today, without a time of day midnight."""
    days, times = text.dates[:1], text.times[:1]
    if both := [*days, *times]:
        day = days[0].value if days else text.today.isoformat()
        time = times[0].value if times else "00:00"
        span = text.cut(min(each.start for each in both), max(each.end for each in both))
        yield from _as_wanted(span, f"{day}T{time}:00Z", hint)


def _as_wanted(span: TextSpan, written: object, hint: Hint) -> list[TextSpan]:
    """A time in ISO's form and as it was said; the one that the property asks for comes first."""
    both = [replace(span, value=written), replace(span, value=span.said)]
    return both if hint.wants_digits else both[::-1]


def _matches(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    for match in _PATTERNS[hint.kind].finditer(text.text):
        span = text.cut(*match.span())
        if hint.kind != "id" or not text.timed.overlap(span):
            yield span


def _amounts(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """A number with the word that it counts: "20 euros"."""
    for number in nearest(text, replace(hint, is_needed=True)):
        unit = _UNIT.match(text.text, number.end)
        is_known = unit is not None and any(unit[1].lower() in family for family in FAMILIES)
        yield text.cut(number.start, number.end + (len(unit[0]) if unit and is_known else 0))


def _query(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """The user's question, without the politeness around it."""
    question = without_request(text.text).rstrip(".")
    yield TextSpan(0, 0, question, question)


def _quoted(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    for match in _QUOTED.finditer(text.text):
        yield text.cut(*match.span(match.lastindex or 0))


def _cued(text: AnnotatedText, hint: Hint, cue: str = "") -> Iterator[TextSpan]:
    """What follows the words that announce it.

    It goes up to the end of the sentence, and for all but free text only up to a comma, a date or
    the next thing that is said of the speaker.
    """
    if cue == "reason" and cue not in hint.names:
        return
    cue = cue or hint.kind
    for match in re.finditer(_CUES[cue], text.text, re.IGNORECASE):
        start, end = match.span("x")
        if cue not in _TO_THE_END:
            end = min([end, *(time.start for time in text.time_expressions if time.start > start)])
            stop = re.search(r"[,.!?;]| and i\b| (?:on|at|by)$", text.text[start:end])
            end = start + stop.start() if stop else end
        said = re.sub(r"\s+(?:on|at|by|in|for)?\s*$", "", text.text[start:end])
        yield text.cut(start, start + len(said))


def _called(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """What something is said to be called: a name, or without capitals one or two words."""
    for found in _cued(text, hint):
        is_self = re.search(r"\bi(?: am|'m) $", text.text[: found.start], re.IGNORECASE) is not None
        yield from _phrase(text, found.start, lower=not is_self)


def _things(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """What stands after an article: the things that are spoken of."""
    for match in re.finditer(r"\b(?:an?|the|some) (?=[^\W\d])", text.text, re.IGNORECASE):
        yield from _phrase(text, match.end(), lower=True)


def _names(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """Any name, unless only what stands after "from" or "to" is meant."""
    if hint.kind not in ("place", "language") or not {*DIRECTIONS} & {*hint.names, *hint.outer}:
        yield from text.names


def _counted(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """What stands after a number: "two pizzas"."""
    for number in text.numbers:
        yield from _phrase(text, number.end, lower=True)


def _numbered(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """What has the property's name before its number: "room 4"."""
    name = " ".join(hint.names)
    if name and name in text.lower:
        for match in re.finditer(rf"\b{name} #?([a-z]?\d+\w*)", text.lower):
            yield text.cut(*match.span(1))


def _said_to_be(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """What the property is said to be ("size: M", "the colour is red"), or what is before it."""
    name = " ".join(hint.names)
    if not name or name not in text.lower:
        return
    for match in re.finditer(rf"\b{name}(?: is|:| =| of) *(?=\S)", text.lower):
        yield from _phrase(text, match.end(), lower=True)
    for match in re.finditer(rf"(?<![\w-])([\w-]+) {name}\b", text.text, re.IGNORECASE):
        if match[1].lower() not in _STOP:
            yield text.cut(*match.span(1))


def _after_prepositions(text: AnnotatedText, hint: Hint) -> Iterator[TextSpan]:
    """The phrases after each preposition that fits; a person is written with a capital letter."""
    for preposition in hint.prepositions:
        for match in re.finditer(rf"\b{preposition} (?:the )?", text.text, re.IGNORECASE):
            yield from _phrase(text, match.end(), lower=hint.kind != "person")


_Source = Callable[[AnnotatedText, Hint], Iterator[TextSpan]]
_SOURCES: dict[str, tuple[_Source, ...]] = {
    **dict.fromkeys(["date", "time", "duration"], (_time_expressions,)),
    **dict.fromkeys(["email", "url", "phone", "id", "path", "expression"], (_matches,)),
    **dict.fromkeys(["topic", "task"], (_quoted, _cued, _things)),
    **dict.fromkeys(["place", "language"], (_numbered, _after_prepositions, _names)),
    "datetime": (_datetimes,),
    "count": (_amounts,),
    "query": (_query,),
    "text": (_quoted, partial(_cued, cue="phrase"), partial(_cued, cue="text")),
    "name": (_called, _quoted, _names, _things),
    "title": (_called, _quoted, _things),
    "item": (_quoted, _counted, _things),
    "person": (_called, _after_prepositions, _names),
    "report": (partial(_cued, cue="reason"), partial(_cued, cue="text"), _query),
    "free": (),  # It is not cut out of the prompt: it is an answer to it.
    "": (_quoted, _numbered, _said_to_be),
}
_NAMED = ("name", "title", "item", "place", "person", "language", "")


def _phrase(text: AnnotatedText, start: int, lower: bool) -> Iterator[TextSpan]:
    """The name that starts here, or with `lower` the few words without a capital letter."""
    near = text.text[start : start + _LONGEST_PHRASE]
    rest = near.lstrip()
    start += len(near) - len(rest)
    capital = re.match(rf"{_CAPITALS.pattern}(?:, {_CAPITAL}(?=[.?!]|$))?", rest)
    said = capital[0].strip() if capital else _lower_phrase(rest) if lower else ""
    found = text.cut(start, start + len(said))
    if said and not text.counted.overlap(found):
        yield found


def _lower_phrase(text: str) -> str:
    """Up to three words, ended by one that starts something else."""
    taken: list[str] = []
    for word in re.findall(r"[^\W\d_][\w'’-]*|\S|\d+", text)[:4]:
        if word.lower() in _ENDS or not word[0].isalpha() or len(taken) == 3:
            break
        taken.append(word)
    said = " ".join(taken)
    return said if text.startswith(said) else ""


def _capitals(text: AnnotatedText) -> Iterator[TextSpan]:
    """Names: runs of words with a capital letter, save one that merely starts a sentence."""
    for match in _CAPITALS.finditer(text.text):
        start, said = match.start(), match[0].strip()
        before = text.text[max(0, start - 8) : start]
        opens = re.search(r"(?:\A|[.!?:\n])\s*[\"'“]?\Z", before) is not None
        # "Please ask Bob": the first word may be dropped, the rest is looked at again.
        if opens and not _is_name(said, text.text[start + len(said) :]):
            first, _, said = said.partition(" ")
            start += len(first) + 1
        said = re.sub(r"['’]s$", "", said)
        found = text.cut(start, start + len(said))
        is_word = said.lower() in _STOP or len(said) < 2
        if not is_word and not text.timed.overlap(found):
            yield found


def _is_name(said: str, rest: str) -> bool:
    """Whether a run that opens a sentence is a name, by what comes after it."""
    if said.split()[0].lower() in _STOP:
        return False
    if re.match(rf" ?{_FINITE}\b|, \d", rest):
        return True
    listed = rf"(?: and|,) {_CAPITAL}"
    return " " not in said and re.match(listed, rest) is not None


def nearest(text: AnnotatedText, hint: Hint) -> list[TextSpan]:
    """The numbers that the property may mean, nearest to its words first.

    A number with a word of its own ("20 euros") is none for a property of another family; without
    any word of the property near, a number counts only where one is needed.
    """
    places = [
        word.start
        for word, stems in text.each_word
        if word.said.lower() in hint.family or stems & hint.stems
    ]

    def distance(number: TextSpan) -> int:
        first, beyond = (bisect_left(places, edge) for edge in (number.start, number.end))
        before = [number.start - place for place in places[max(0, first - 1) : first]]
        after = [abs(place - number.end) for place in places[max(first, beyond - 1) : beyond + 1]]
        return min([*before, *after], default=_NOWHERE)

    free = [n for n in text.numbers if text.is_free(n) and not _is_others(text, n, hint)]
    near = [n for n in free if distance(n) <= 25]
    return sorted(free if hint.is_needed and not near else near, key=distance)


def _is_others(text: AnnotatedText, number: TextSpan, hint: Hint) -> bool:
    """Whether the number counts something of another family."""
    after = _UNIT.match(text.text, number.end)
    before = text.text[max(0, number.start - 1) : number.start]
    beside = {after[1].lower() if after else "", before}
    families = [family for family in FAMILIES if family & beside]
    return bool(families and hint.family) and not any(family & hint.family for family in families)


def truth(text: AnnotatedText, hint: Hint) -> TextSpan | None:
    """Whether the text says that the property holds.

    It does where all words of the name occur, or most of those of the description; a denial close
    before them ("without breakfast") turns it. Otherwise a "yes" or "no" at the start counts.
    """
    hits = text.find_words(hint.stems) or text.find_words(terms(hint.description), 0.6)
    if hits:
        start, end = hits[0].start, hits[-1].end
        before = re.split(r"[,.;!?]|\bbut\b", text.text[:start].lower())[-1]
        denied = _NOT.search(" ".join(before.split()[-4:])) is not None
        return replace(text.cut(start, end), value=not denied)
    reply = re.match(r"\s*(yes|yeah|yep|sure|no|nope)\b", text.text, re.IGNORECASE)
    return TextSpan(0, 0, reply[1], not reply[1].lower().startswith("n")) if reply else None


def options(text: AnnotatedText, choices: list[Any]) -> list[TextSpan]:
    """The choices that the text names, in its order; longer ones hide what is part of them."""
    found: list[TextSpan] = []
    named = CoveredLetters(text.text, ())
    for choice in sorted(choices, key=lambda choice: -len(str(choice))):
        here = _naming(text, choice)
        if here and not named.overlap(here):
            found.append(here)
            named.cover(here)
    return sorted(found, key=lambda each: each.start)


def _naming(text: AnnotatedText, choice: object) -> TextSpan | None:
    """Where the text has the words of one choice, or words of the same stem."""
    if isinstance(choice, bool) or choice is None:
        return None
    if isinstance(choice, int | float):
        return next((number for number in text.numbers if number.value == choice), None)
    said = str(choice)
    words = rf"(?<!\w){re.escape(said)}(?!\w)"
    # A pattern takes long to compile, and a schema may have thousands of choices.
    is_there = said.casefold() in text.folded
    for match in re.finditer(words, text.text, re.IGNORECASE) if is_there else ():
        before = text.text[max(0, match.start() - _BEFORE) : match.start()]
        if not _NOT.search(" ".join(before.lower().split()[-2:])):
            return TextSpan(*match.span(), match[0], choice)
    hits = text.find_words(terms(" ".join(words_of(said))))
    return replace(hits[0], value=choice) if hits else None


def listed(text: AnnotatedText, hint: Hint) -> list[TextSpan]:
    """The entries of a list in the text: "Alice, Bob and Carol", "milk, eggs and bread"."""
    if hint.kind == "person" or PEOPLE & {*hint.names}:
        return [*filter(text.is_free, text.names)] or [
            *strings(text, replace(hint, is_needed=True))
        ][:1]
    for match in _LIST.finditer(text.text):
        spans = [text.cut(*place) for place in _entries(match[0], match.start())]
        if len(spans) > 1 and all(map(text.is_free, spans)):
            return spans
    return []


def _entries(text: str, offset: int) -> Iterator[tuple[int, int]]:
    """The entries of one list, without the words that lead to it and go on from it."""
    for match in re.finditer(r"(.+?)(?:,? (?:and|or) |, |$)", text):
        start, words = match.start(1), match[1].split(" ")
        if start == 0:
            # It starts after the last small word, or after the verb that opens the sentence.
            lead = [i for i, word in enumerate(words[:-1], start=1) if word.lower() in _STOP]
            first = lead[-1] if lead else int(words[0][0].isupper() and len(words) > 1)
            start, words = len(" ".join(words[:first])) + (first > 0), words[first:]
        stops = (i for i, word in enumerate(words) if i and word.lower() in _STOP)
        said = " ".join(words[: next(stops, None)])
        if said.lower() not in _STOP:
            yield offset + start, offset + start + len(said)


def pieces(text: AnnotatedText) -> Iterator[TextSpan]:
    """What a pattern may be meant for: words, and pairs of words, with a digit or a sign."""
    for size in (1, 2):
        for match in re.finditer(r"\S+" + r"\s\S+" * (size - 1), text.text):
            said = match[0].strip(".,;:!?()\"'")
            if re.search(r"\d|[^\w\s]", said):
                yield TextSpan(*match.span(), said, said)
