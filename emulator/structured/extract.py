"""Values in words: which parts of a text answer to the name and description of a property.

Everything here is a general rule of English (what stands after "from", what is written with a
capital letter, what is next to a number); nothing is looked up by the text of a known prompt.
"""

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from emulator.structured import dates
from emulator.structured.dates import TextSpan
from emulator.structured.hints import FAMILIES, PEOPLE, TOWARDS, Hint
from emulator.text.words import terms, words_of

_STOP = frozenset(
    """a an the and or but is are was were be been am do does did have has had will would can could
    should shall may might must i you he she it we they me him her us them my your his its our their
    this that these those what which who whom whose when where why how in on at to from for with by
    of about into near around under over before after during without within between please thanks
    not no yes if then so as than just also there here let lets now right soon today tomorrow
    yesterday tonight next last every each some any all one two three four five six seven eight nine
    ten like want need get hello hi hey dear using via per up out off it's i'm i'd""".split()
)
_ENDS = _STOP - {"of", "right", "last"}
_FINITE = r"(?:is|are|was|were|has|have|will|wants?|lives?|works?|likes?|said|says|needs?|'s)"
_CAPITAL = r"[^\W\d_a-z][\w’-]*(?:'[a-rt-z]\w*)?"
_CAPITALS = re.compile(
    rf"(?<![\w'’-])(?:(?:(?-i:{_CAPITAL}))(?: (?:(?:of|de|la|van) )?(?={_CAPITAL}))?)+"
)
_QUOTED = re.compile(r"[\"“]([^\"“”]+)[\"”]|(?<!\w)['‘]([^'‘’]+)['’](?!\w)")
_SENTENCES = re.compile(r"[^.!?\n]+[.!?]*")
_NOT = re.compile(r"\b(?:not|no|without|never|nor|isn't|aren't|don't|doesn't|won't|can't|\w+n't)\b")
_POLITE = re.compile(
    r"""^(?:\s*(?:(?:hi|hello|hey|ok|okay|so|well)(?:\ there)?\b[,!.]?
    |please\b,?|kindly\b|(?:can|could|would|will)\ you\b(?:\ please\b)?,?
    |(?:i\ (?:want|need)|i'd\ (?:like|love)|i\ would\ like)\ (?:you\ )?to\ (?:know|ask|find\ out)
    |(?:tell|show|give)\ (?:me|us)\b|let\ me\ know|do\ you\ know|i\ wonder
    |(?:search|look)(?:\ (?:in|through))?(?:\ the\ \w+)?\ (?:for|up)\b|find\ out\b))+[\s,]*""",
    re.IGNORECASE | re.VERBOSE,
)
_POLITE_END = re.compile(r"[\s,]*\b(?:please|thanks|thank you)\b(?=[\s.!?]*$)", re.IGNORECASE)
_PATTERNS = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "url": re.compile(r"\b(?:https?://|www\.)[^\s<>\"]*[\w/]"),
    "phone": re.compile(r"(?<![\w.])\+?\(?\d[\d()/ -]{5,}\d"),
    "id": re.compile(r"(?<![\w-])#?(?:[A-Za-z]+[-_]?)?\d[\w-]*"),
    "path": re.compile(r"(?<!\S)[~.]{0,2}/[\w./-]*\w|\b[\w-]+(?:/[\w.-]+)*\.[a-z]{2,4}\b"),
    "expression": re.compile(
        r"""(?<![\w.])[-(]*(?:\d+(?:\.\d+)?|\b[a-z]\b)(?:[a-z]\b)?\)*
        (?:\ ?(?:[-+*/^=×÷]|\*\*)\ ?[-(]*(?:\d+(?:\.\d+)?|\b[a-z]\b)(?:[a-z]\b)?\)*)+""",
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


@dataclass(frozen=True)
class Words:
    """A text, and what stands where in it; `taken` are the places that are used up."""

    text: str
    today: datetime.date
    taken: tuple[TextSpan, ...] = field(default=(), compare=False)

    @cached_property
    def moments(self) -> list[TextSpan]:
        return list(dates.time_expressions(self.text, self.today))

    @cached_property
    def numbers(self) -> list[TextSpan]:
        return dates.numbers(self.text)

    @cached_property
    def lower(self) -> str:
        return self.text.lower() if self.text.isascii() else self.text

    @cached_property
    def names(self) -> list[TextSpan]:
        return list(_capitals(self))

    @cached_property
    def things(self) -> list[TextSpan]:
        return list(_noun_phrases(self))

    @cached_property
    def each_word(self) -> list[tuple[TextSpan, set[str]]]:
        """The words, or signs of money and degrees, each with its stem."""
        pattern = r"[^\W_][\w'’-]*|[€$£%°]"
        return [(self.at(m), terms(m[0])) for m in re.finditer(pattern, self.text)]

    def with_taken(self, taken: tuple[TextSpan, ...]) -> "Words":
        """The same text with other places used up; what was found before is kept."""
        other = Words(self.text, self.today, taken)
        for name in self.__dict__.keys() - {"text", "today", "taken"}:
            other.__dict__[name] = self.__dict__[name]
        return other

    def is_free(self, found: TextSpan) -> bool:
        return not any(found.overlaps(other) for other in self.taken)

    def at(self, match: re.Match[str], group: int | str = 0) -> TextSpan:
        said = match[group]
        return TextSpan(match.start(group), match.end(group), said, said)


def strings(words: Words, hint: Hint, is_needed: bool) -> Iterator[TextSpan]:
    """Texts that the property may mean, the best first; `is_needed` admits weak evidence."""
    found = _FINDERS.get(hint.kind, _of_any_kind)(words, hint)
    yield from (each for each in found if words.is_free(each) and each.said.strip())
    if is_needed and hint.kind == "text":
        yield from _query(words, hint)
    elif is_needed and hint.kind in ("name", "title", "item", "", "place", "person", "language"):
        yield from (each for each in words.names if words.is_free(each))


def _moments_of(words: Words, hint: Hint) -> Iterator[TextSpan]:
    finder: dict[str, Callable[[], list[TextSpan]]] = {
        "date": lambda: dates.dates(words.text, words.today),
        "time": lambda: dates.times(words.text),
        "duration": lambda: dates.durations(words.text),
    }
    for found in finder[hint.kind]():
        value = f"{found.value}:00Z" if hint.form == "time" else found.value
        written = TextSpan(found.start, found.end, found.said, value)
        spoken = TextSpan(found.start, found.end, found.said, found.said)
        yield from (written, spoken) if hint.wants_digits else (spoken, written)


def _whole_moments(words: Words, hint: Hint) -> Iterator[TextSpan]:
    """A day with a time of day, in ISO's form or as it was said."""
    days, clocks = dates.dates(words.text, words.today), dates.times(words.text)
    if not days and not clocks:
        return
    start = min(found.start for found in [*days[:1], *clocks[:1]])
    end = max(found.end for found in [*days[:1], *clocks[:1]])
    day = days[0].value if days else words.today.isoformat()
    clock = clocks[0].value if clocks else "00:00"
    said = words.text[start:end]
    written = TextSpan(start, end, said, f"{day}T{clock}:00Z")
    spoken = TextSpan(start, end, said, said)
    yield from (written, spoken) if hint.wants_digits else (spoken, written)


def _matches(words: Words, hint: Hint) -> Iterator[TextSpan]:
    for match in _PATTERNS[hint.kind].finditer(words.text):
        if hint.kind != "id" or not any(words.at(match).overlaps(m) for m in words.moments):
            yield words.at(match)


def _counted(words: Words, hint: Hint) -> Iterator[TextSpan]:
    """A number with the word that it counts: "20 euros"."""
    for number in nearest(words, hint, True):
        unit = re.match(r" ?(\S+)", words.text[number.end :])
        known = unit is not None and any(_plain(unit[1]) in family for family in FAMILIES)
        end = number.end + (len(unit[0].rstrip(",.!?;")) if unit and known else 0)
        yield TextSpan(
            number.start, end, words.text[number.start : end], words.text[number.start : end]
        )


def _query(words: Words, hint: Hint) -> Iterator[TextSpan]:
    """The user's question, without the politeness around it."""
    text = _POLITE_END.sub("", _POLITE.sub("", words.text)).strip().rstrip(".")
    yield TextSpan(0, 0, text, text)


def _text(words: Words, hint: Hint) -> Iterator[TextSpan]:
    yield from _quoted(words)
    yield from _cued(words, "phrase", to_end=True)
    yield from _cued(words, "text", to_end=True)


def _topic(words: Words, hint: Hint) -> Iterator[TextSpan]:
    yield from _quoted(words)
    yield from _cued(words, hint.kind)
    yield from words.things


def _name(words: Words, hint: Hint) -> Iterator[TextSpan]:
    """What is called so, what is in quotation marks, a name, or the thing that is spoken of."""
    yield from _called(words, hint.kind)
    yield from _quoted(words)
    if hint.kind == "name":
        yield from words.names
    yield from words.things


def _item(words: Words, hint: Hint) -> Iterator[TextSpan]:
    """What is counted, or else what is spoken of."""
    yield from _quoted(words)
    for number in words.numbers:
        yield from _phrase(words, number.end, lower=True)
    yield from words.things


def _person(words: Words, hint: Hint) -> Iterator[TextSpan]:
    yield from _called(words, "person")
    yield from (found for found in _after_prepositions(words, hint) if found.said[0].isupper())
    yield from words.names


def _called(words: Words, kind: str) -> Iterator[TextSpan]:
    """What something is said to be called: a name, or without capitals one or two words."""
    for found in _cued(words, kind):
        is_told = re.search(r"\bi(?: am|'m) $", words.text[: found.start], re.IGNORECASE) is None
        yield from _phrase(words, found.start, lower=is_told)


def _place(words: Words, hint: Hint) -> Iterator[TextSpan]:
    yield from _numbered(words, hint)
    yield from _after_prepositions(words, hint)
    if not set(TOWARDS) & {*hint.names, *hint.outer}:
        yield from words.names


def _numbered(words: Words, hint: Hint) -> Iterator[TextSpan]:
    """What has the property's name before its number: "room 4"."""
    name = " ".join(hint.names)
    if name and name in words.lower:
        for match in re.finditer(rf"\b{name} #?([a-z]?\d+\w*)", words.lower):
            said = words.text[match.start(1) : match.end(1)]
            yield TextSpan(match.start(1), match.end(1), said, said)


def _of_any_kind(words: Words, hint: Hint) -> Iterator[TextSpan]:
    """What is said to be the property ("size: M", "the colour is red"), or stands before it."""
    yield from _quoted(words)
    yield from _numbered(words, hint)
    name = " ".join(hint.names)
    if not name or name not in words.lower:
        return
    for match in re.finditer(rf"\b{name}(?: is|:| =| of) *(?=\S)", words.lower):
        yield from _phrase(words, match.end(), lower=True)
    for match in re.finditer(rf"([\w-]+) {name}\b", words.text, re.IGNORECASE):
        if match[1].lower() not in _STOP:
            yield words.at(match, 1)


def _report(words: Words, hint: Hint) -> Iterator[TextSpan]:
    """The reason that is given, or what the user says at all."""
    if "reason" in hint.names:
        yield from _cued(words, "reason", to_end=True)
    yield from _cued(words, "text", to_end=True)
    yield from _query(words, hint)


def _free(words: Words, hint: Hint) -> Iterator[TextSpan]:
    """Free text is not cut out of the prompt: it is an answer to it."""
    yield from ()


_FINDERS: dict[str, Callable[[Words, Hint], Iterator[TextSpan]]] = {
    **dict.fromkeys(["date", "time", "duration"], _moments_of),
    **dict.fromkeys(["email", "url", "phone", "id", "path", "expression"], _matches),
    **dict.fromkeys(["name", "title"], _name),
    **dict.fromkeys(["topic", "task"], _topic),
    **dict.fromkeys(["place", "language"], _place),
    "moment": _whole_moments,
    "count": _counted,
    "query": _query,
    "text": _text,
    "item": _item,
    "person": _person,
    "report": _report,
    "free": _free,
}


def _quoted(words: Words) -> Iterator[TextSpan]:
    for match in _QUOTED.finditer(words.text):
        yield words.at(match, 1 if match[1] is not None else 2)


def _cued(words: Words, kind: str, to_end: bool = False) -> Iterator[TextSpan]:
    """What follows the words that announce it, up to the end of the sentence or a date."""
    for match in re.finditer(_CUES[kind], words.text, re.IGNORECASE):
        start, end = match.start("x"), match.end("x")
        if not to_end:
            ends = [moment.start for moment in words.moments if moment.start > start]
            stop = re.search(
                r"[,.!?;]| and i\b| (?:on|at|by)$", words.text[start : min([end, *ends])]
            )
            end = start + stop.start() if stop else min([end, *ends])
        said = re.sub(r"\s+(?:on|at|by|in|for)?\s*$", "", words.text[start:end])
        yield TextSpan(start, start + len(said), said, said)


def _after_prepositions(words: Words, hint: Hint) -> Iterator[TextSpan]:
    """The phrases after each preposition that fits."""
    for preposition in hint.prepositions:
        for match in re.finditer(rf"\b{preposition} (?:the )?", words.text, re.IGNORECASE):
            yield from _phrase(words, match.end(), lower=hint.kind in ("place", "language"))


def _phrase(words: Words, start: int, lower: bool) -> Iterator[TextSpan]:
    """The name that starts here, or the few words without a capital letter."""
    rest = words.text[start:]
    skipped = len(rest) - len(rest.lstrip())
    capital = re.match(rf"{_CAPITALS.pattern}(?:, {_CAPITAL}(?=[.?!]|$))?", rest[skipped:])
    if capital:
        said = capital[0].strip()
    elif lower:
        said = _lower_phrase(rest[skipped:])
    else:
        return
    found = TextSpan(start + skipped, start + skipped + len(said), said, said)
    occupied = [*words.moments, *words.numbers]
    if said and not any(found.overlaps(other) for other in occupied):
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


def _noun_phrases(words: Words) -> Iterator[TextSpan]:
    """What stands after an article: the thing that is spoken of."""
    for match in re.finditer(r"\b(?:an?|the|some) (?=[^\W\d])", words.text, re.IGNORECASE):
        yield from _phrase(words, match.end(), lower=True)


def _capitals(words: Words) -> Iterator[TextSpan]:
    """Names: runs of words with a capital letter, save one that merely starts a sentence."""
    for match in _CAPITALS.finditer(words.text):
        start, said = match.start(), match[0].strip()
        opens = (
            re.search(r"(?:\A|[.!?:\n])\s*[\"'“]?\Z", words.text[max(0, start - 8) : start])
            is not None
        )
        if opens and not _is_name(said, words.text[start + len(said) :]):
            first, _, said = said.partition(" ")
            start += len(first) + 1
        said = re.sub(r"['’]s$", "", said)
        found = TextSpan(start, start + len(said), said, said)
        is_word = said.lower() in _STOP or len(said) < 2
        if not is_word and not any(found.overlaps(m) for m in words.moments):
            yield found


def _is_name(said: str, rest: str) -> bool:
    """Whether a run that opens a sentence is a name, by what comes after it."""
    if said.split()[0].lower() in _STOP:
        return False
    if re.match(rf" ?{_FINITE}\b|, \d", rest):
        return True
    listed = rf"(?: and|,) {_CAPITAL}"
    return " " not in said and re.match(listed, rest) is not None


def nearest(words: Words, hint: Hint, is_needed: bool) -> list[TextSpan]:
    """The numbers that the property may mean, nearest to its words first.

    A number with a word of its own ("20 euros") is none for a property of another family; without
    any word of the property near, a number counts only where one is needed.
    """
    places = [
        word.start
        for word, stems in words.each_word
        if _plain(word.said) in hint.family or stems & hint.stems
    ]

    def distance(number: TextSpan) -> int:
        gaps = [
            abs(place - (number.start if place < number.start else number.end)) for place in places
        ]
        return min(gaps, default=10_000)

    free = [n for n in words.numbers if words.is_free(n) and not _is_others(words, n, hint)]
    near = [n for n in free if distance(n) <= 25]
    return sorted(free if is_needed and not near else near, key=distance)


def _is_others(words: Words, number: TextSpan, hint: Hint) -> bool:
    """Whether the number counts something of another family."""
    after = re.match(r" ?([^\W\d_]+|[€$£%°])", words.text[number.end :])
    before = words.text[: number.start][-1:]
    beside = {_plain(after[1]) if after else "", before}
    families = [family for family in FAMILIES if family & beside]
    return bool(families and hint.family) and not any(family & hint.family for family in families)


def _plain(word: str) -> str:
    return word.lower().strip(",.!?;:")


def truth(words: Words, hint: Hint) -> TextSpan | None:
    """Whether the text says that the property holds: its words occur, denied or not."""
    told = terms(hint.told)
    for wanted, share in ((hint.stems, 1.0), (told, 0.6)):
        hits = [(word, stems & wanted) for word, stems in words.each_word if stems & wanted]
        if wanted and len(set().union(*(stems for _, stems in hits))) >= share * len(wanted):
            start, end = hits[0][0].start, hits[-1][0].end
            before = re.split(r"[,.;!?]|\bbut\b", words.text[:start].lower())[-1]
            denied = _NOT.search(" ".join(before.split()[-4:])) is not None
            return TextSpan(start, end, words.text[start:end], not denied)
    reply = re.match(r"\s*(yes|yeah|yep|sure|no|nope)\b", words.text, re.IGNORECASE)
    return TextSpan(0, 0, reply[1], not reply[1].lower().startswith("n")) if reply else None


def options(words: Words, choices: list[Any]) -> list[TextSpan]:
    """The choices that the text names, in its order; longer ones hide what is part of them."""
    found: list[TextSpan] = []
    for choice in sorted(choices, key=lambda choice: -len(str(choice))):
        if isinstance(choice, bool) or choice is None:
            continue
        here = _naming(words, choice)
        if here and not any(here.overlaps(other) for other in found):
            found.append(here)
    return sorted(found, key=lambda each: each.start)


def _naming(words: Words, choice: object) -> TextSpan | None:
    """Where the text has the words of one choice, or words of the same stem."""
    if isinstance(choice, int | float):
        return next((n for n in words.numbers if n.value == choice), None)
    for match in re.finditer(rf"(?<!\w){re.escape(str(choice))}(?!\w)", words.text, re.IGNORECASE):
        if not _NOT.search(" ".join(words.text[: match.start()].lower().split()[-2:])):
            return TextSpan(match.start(), match.end(), match[0], choice)
    wanted = terms(" ".join(words_of(str(choice))))
    hits = [(word, stems & wanted) for word, stems in words.each_word if stems & wanted]
    if wanted and len(set().union(*(stems for _, stems in hits))) == len(wanted):
        return TextSpan(hits[0][0].start, hits[0][0].end, hits[0][0].said, choice)
    return None


def listed(words: Words, hint: Hint) -> list[TextSpan]:
    """The entries of a list in the text: "Alice, Bob and Carol", "milk, eggs and bread"."""
    if hint.kind == "person" or PEOPLE & {*hint.names}:
        names = [name for name in words.names if words.is_free(name)]
        return names or list(strings(words, hint, True))[:1]
    entry = r"[^\W_][\w'’-]*(?: [\w'’-]+){0,3}"
    pattern = rf"{entry}(?:, {entry})*,? (?:and|or) {entry}"
    for match in re.finditer(pattern, words.text):
        spans = list(_entries(match[0], match.start()))
        if len(spans) > 1 and all(words.is_free(span) for span in spans):
            return spans
    return []


def _entries(text: str, offset: int) -> Iterator[TextSpan]:
    """The entries of one list, without the words that lead to it and go on from it."""
    start = 0
    parts = []
    for comma in [*re.finditer(r",? (?:and|or) |, ", text), None]:
        end = comma.start() if comma else len(text)
        parts.append((start, text[start:end]))
        start = comma.end() if comma else end
    for place, (at, part) in enumerate(parts):
        kept = part.split(" ")
        if place == 0:
            lead = [i for i, w in enumerate(kept[:-1]) if w.lower() in _STOP]
            first = lead[-1] + 1 if lead else 1 if part[0].isupper() and len(kept) > 1 else 0
            at, kept = at + len(" ".join(kept[:first])) + (first > 0), kept[first:]
        stops = [i for i, word in enumerate(kept) if i and word.lower() in _STOP]
        said = " ".join(kept[: stops[0]] if stops else kept)
        if said.lower() not in _STOP:
            yield TextSpan(offset + at, offset + at + len(said), said, said)


def clauses(text: str) -> list[str]:
    """The parts of a text that may each tell of one thing of many."""
    parts = re.split(r"[.;!?\n]+(?=\s|$)|,?\s+and\s+|,\s+", text)
    return [part for part in parts if part.strip()]


def sentences(text: str) -> list[str]:
    return [match[0].strip() for match in _SENTENCES.finditer(text) if match[0].strip()]
