"""Dates, times, durations and numbers in words: where they stand, and what they mean.

Each kind of expression has a list of forms, regular expressions with named groups. The forms are
tried in order, the most telling first ("the third of May" before "May"), and no two matches share
a place in the text. What the groups of a match mean is computed afterwards, in plain Python.

Days lie in the future, as callers speak of plans: "Friday" is the next one, "3 March" the next
3 March, and 12/05 is the twelfth of May. A time of day takes its half from what stands beside it
("9 p.m.", "nine in the morning") or from a word like "evening" in its own clause ("this evening,
for two people, at nine"). Without one the hour stays as it was said: "at nine" is 09:00.
"""

import datetime
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache

from emulator.text.sentences import breaks
from emulator.text.words import MONTHS, WEEKDAYS

_UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SMALL = {word: number for number, word in enumerate(_UNITS)} | {
    word: 20 + 10 * place for place, word in enumerate(_TENS)
}
_LARGE = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 1_000_000}
_ONE_WORD = rf"(?:(?:{'|'.join(_TENS)})[- ](?:{'|'.join(_UNITS[1:10])})|{'|'.join(_SMALL)})"
_IN_WORDS = rf"(?:(?:{_ONE_WORD}|an?)(?: (?:{'|'.join(_LARGE)}))+(?: and {_ONE_WORD})?|{_ONE_WORD})"
_IN_DIGITS = r"(?<![\w.,])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.])-?\d+(?:\.\d+)?"
_FIRST_TWENTY = """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
    thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth""".split()
_ORDINALS = {word: number for number, word in enumerate(_FIRST_TWENTY, start=1)}
_ORDINALS |= {f"twenty {word}": 20 + _ORDINALS[word] for word in _FIRST_TWENTY[:9]}
_ORDINALS |= {"thirtieth": 30, "thirty first": 31}
_NTH = "|".join(word.replace(" ", "[- ]") for word in _ORDINALS)
# "Twenty third" is no number, but "twenty second" may be a length of time.
_NUMBER = re.compile(
    rf"(?:{_IN_DIGITS})|\b{_IN_WORDS}\b(?![- ](?:first|{'|'.join(_FIRST_TWENTY[2:9])})\b)",
    re.IGNORECASE,
)
_DAY = rf"(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|{_NTH})"
_WEEKDAYS = [day.lower() for day in WEEKDAYS]
_WEEKDAY = rf"(?:(?:next|this|coming)\ )?(?P<weekday>{'|'.join(_WEEKDAYS)})"
_LED = rf"\b(?:{_WEEKDAY},?\ (?:the\ )?)?"
_MONTHS = [month.lower() for month in MONTHS]
_SHORT = [f"{month[:3]}(?:{month[3:]})?" if month[3:] else month for month in _MONTHS]
_MONTH = rf"(?P<month>{'|'.join(_SHORT)})\b"
_SHORT_MONTHS = [month[:3] for month in _MONTHS]
_ONE_DIGIT = "|".join(_UNITS[1:10])
_YEAR = rf"(?:,?\ (?P<year>\d{{4}}|twenty[- ](?:twenty|thirty)(?:[- ](?:{_ONE_DIGIT}))?)\b)?"
_MOST_DIGITS = 300
"""Characters of a number. A longer one is a code, and no float is that large."""
_NO_COUNT = r"""\b(?!\ *[%€$£°]|[.,:/]\d|[-\ ](?:euro|dollar|pound|cent|percent|degree|people|person
    |guest|visitor|adult|child|grown|of\ us|year|hour|minute|day|week|metre|meter|kilomet|mile
    |ticket|place|seat|slot))"""
_NEAR_DAYS = {"yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1, "day after tomorrow": 2}
_DATES = (
    r"\b(?P<iso>\d{4}-\d\d-\d\d)\b",
    rf"{_LED}{_DAY}\ (?P<of>of\ )?{_MONTH}{_YEAR}",
    rf"{_LED}{_MONTH}\ (?:the\ )?{_DAY}\b{_YEAR}",
    # Of "eighth" a recogniser may hear "eight".
    rf"{_LED}(?:the\ |(?=twenty|thirty))(?P<day>{_ONE_WORD})\ (?P<of>of\ ){_MONTH}{_YEAR}",
    rf"{_LED}{_MONTH}\ (?P<day>(?:twenty|thirty)[- ](?:{_ONE_DIGIT})){_NO_COUNT}{_YEAR}",
    r"""(?<![\d/.])(?P<first>\d{1,2})(?P<sep>[/.])(?P<second>\d{1,2})
    (?:(?P=sep)(?P<year>\d{4})|(?<=/\d)|(?<=/\d\d))\b(?!/)""",
    r"\b(?P<near>day\ after\ tomorrow|yesterday|today|tonight|tomorrow)\b",
    rf"\b(?:{_WEEKDAY},?|on|for)\ the\ {_DAY}\b(?=[,.;!?]|$|\ (?:at|for|from|please)\b)",
    rf"\b{_WEEKDAY}\b",
    rf"\bin\ (?P<count>\d+|an?|{_ONE_WORD})\ (?P<span>day|week)s?\b",
    r"\bnext\ (?P<next>week|month)\b",
)
# "May" and "march" are verbs as well: "may third parties come in?"
_GOES_ON = re.compile(r"(?!\s*(?:[,.;!?]|$|(?:at|for|from|please)\b))")
_IN_DAY = rf"(?P<hour>\d{{1,2}}|{'|'.join(_UNITS[1:13])})"
_LATER = rf"(?P<hour>{'|'.join(_UNITS[13:])}|twenty(?:[- ](?:one|two|three))?)"
_MINUTE = rf"""(?P<minute>[0-5]\d|(?:oh|o|zero)[- ](?:{_ONE_DIGIT})|{"|".join(_UNITS[10:])}
    |(?:{"|".join(_TENS[:4])})(?:[- ](?:{_ONE_DIGIT}))?)"""
_FIVES = r"(?P<minute>\d{1,2}|five|ten|twenty(?:[- ]five)?)"
_HALF_DAY = r"\ ?(?P<half>[ap])\.?\ ?m\b"
_PART_OF_DAY = r"(?=\ in\ the\ (?:morning|afternoon|evening)\b)"
_TIMES = (
    rf"\b(?P<clock>(?:[01]?\d|2[0-3]):[0-5]\d)\b(?:{_HALF_DAY}\.?)?",
    rf"\b{_IN_DAY}(?:[\ .]{_MINUTE})?{_HALF_DAY}",
    rf"\b(?P<part>half|quarter)\ (?P<side>past|after|to|till)\ {_IN_DAY}\b",
    rf"\b{_FIVES}\ (?:minutes\ (?P<side>past|to)|past)\ {_IN_DAY}\b",
    rf"(?<=\bat\ ){_FIVES}\ (?P<side>to)\ {_IN_DAY}{_NO_COUNT}",
    rf"(?<!\bfrom\ )\b{_FIVES}\ (?P<side>to)\ {_IN_DAY}{_PART_OF_DAY}",
    rf"(?<=\bat\ )(?P<part>half)\ {_IN_DAY}\b",
    rf"\b{_IN_DAY}\ o\ ?['’]?\ ?clock\b",
    rf"(?<=\bat\ ){_LATER}\ {_MINUTE}{_NO_COUNT}",
    rf"(?<=\bat\ ){_IN_DAY}(?:\ {_MINUTE})?{_NO_COUNT}",
    rf"(?<!\bin\ )\b(?!\d){_IN_DAY}\ (?P<minute>fifteen|thirty|forty[- ]five){_NO_COUNT}",
    rf"(?<!\bfor\ )(?<!\bof\ )(?<!\bare\ )(?<!\bpay\ )\b{_IN_DAY}{_PART_OF_DAY}",
    r"\b(?P<named>noon|midday|midnight)\b",
)
_NAMED_TIMES = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}
_PARTS_OF_HOUR = {"half": 30, "quarter": 15}
_EARLY = re.compile(r"\ (?:in\ the|this|tomorrow)\ morning\b", re.IGNORECASE | re.VERBOSE)
_NEAR = 200
# Here a T stands for another time, and a D for a day.
_LATE_BEFORE = re.compile(r"(?<!good )\b(?:evening|afternoon|tonight|(?:at|D) night)\b")
_LATE_AFTER = re.compile(
    r"""(?:\b(?:in|on|for)\ the|\bthis|\bthat|\bat|D)\ (?:late\ |early\ )?
    (?:evening|afternoon|night)\b|\btonight\b""",
    re.VERBOSE,
)
_NOT = re.compile(r"\b(?:before|until|till|after|not)(?: (?:in|on))?(?: (?:the|this|that))? $")
_SUBJECT = re.compile(r",? (?:i|we|you|he|she|it|they|there)\b")
# What parts two clauses: a comma and "and" do, unless a mere phrase or a number follows.
_PARTED = re.compile(
    rf"""[;:()–—\n]|[.!?][ ]
    |,(?!\ ?$|\ (?:[DT]|(?:at|for|on|by|in|of|with|from|please|the|about|around)\b))
    |\b(?:but|so|because|since|while|when|if|then|before|after|that|which|who|where)\b
    |\b(?:or|until|till)\ (?!T)|\band\ (?![T\d]|{_ONE_WORD}\b)
    |\bto\ (?!T|D|(?:the|an?|my|our)\b)""",
    re.VERBOSE,
)
_DURATION = re.compile(
    rf"\b(\d+|an?|half an|{_ONE_WORD})[ -](second|minute|min|hour|day|night|week|month|year)s?\b",
    re.IGNORECASE,
)
_LETTERS = {"second": "T{}S", "minute": "T{}M", "min": "T{}M", "hour": "T{}H", "day": "{}D"}
_LETTERS |= {"night": "{}D", "week": "{}W", "month": "{}M", "year": "{}Y"}


@dataclass(frozen=True)
class TextSpan:
    """Something found in a text: from where to where, as it was said, and what it means."""

    start: int
    end: int
    said: str
    value: object

    def overlaps(self, other: "TextSpan") -> bool:
        return self.start < other.end and other.start < self.end


class CoveredLetters:
    """Which letters of a text are part of some spans, however many these are."""

    def __init__(self, text: str, spans: Iterable[TextSpan]) -> None:
        self._letters = bytearray(len(text))
        for span in spans:
            self.cover(span)

    def cover(self, span: TextSpan) -> None:
        self._letters[span.start : span.end] = b"\1" * (span.end - span.start)

    def overlap(self, span: TextSpan) -> bool:
        return self._letters.find(1, span.start, span.end) >= 0


@lru_cache(maxsize=100)
def dates(text: str, today: datetime.date) -> tuple[TextSpan, ...]:
    """The days that a text names, each as an ISO date. The other functions ask for them again."""
    found = []
    for match in _in_order(_DATES, text):
        parts = {name: said.lower() for name, said in match.groupdict().items() if said}
        # A day that no calendar has, such as 30 February, is left out.
        with suppress(ValueError, OverflowError):
            day = _day_of(parts, today)
            if not _is_verb(match, parts):
                found.append(TextSpan(*match.span(), match[0], day.isoformat()))
    return tuple(found)


def _in_order(forms: Sequence[str], text: str) -> list[re.Match[str]]:
    """The matches of the forms; where two overlap, the one of the earlier form."""
    found, taken = [], bytearray(len(text))
    for form in forms:
        for match in _compiled(form).finditer(text):
            place = slice(*match.span())
            if not any(taken[place]):
                taken[place] = b"x" * len(match[0])
                found.append(match)
    return sorted(found, key=lambda match: match.start())


@cache
def _compiled(form: str) -> re.Pattern[str]:
    """Compiled when it is first needed, so that the emulator starts at once."""
    return re.compile(form, re.IGNORECASE | re.VERBOSE)


def _is_verb(match: re.Match[str], parts: dict[str, str]) -> bool:
    """Whether "may" or "march" beside an ordinal in words is probably no month."""
    if parts.get("month") not in ("may", "march") or parts.keys() & {"of", "year"}:
        return False
    is_bare = match["month"].islower() or match.start("month") in _starts(match.string)
    goes_on = _GOES_ON.match(match.string, match.end()) is not None
    return is_bare and goes_on and not parts["day"][0].isdigit()


@lru_cache(maxsize=8)
def _starts(text: str) -> frozenset[int]:
    """Where the sentences of a text start."""
    return frozenset((0, *(start for _, start in breaks(text))))


def _day_of(parts: dict[str, str], today: datetime.date) -> datetime.date:
    """The day that the parts of an expression mean; ValueError if there is none."""
    if "iso" in parts:
        return datetime.date.fromisoformat(parts["iso"])
    if "month" in parts:
        day, month = _ordinal(parts["day"]), _SHORT_MONTHS.index(parts["month"][:3]) + 1
    elif "first" in parts:
        day, month = int(parts["first"]), int(parts["second"])
        day, month = (month, day) if month > 12 else (day, month)
    elif "day" in parts:
        day, month = _ordinal(parts["day"]), 0
    else:
        return today + datetime.timedelta(_days_ahead(parts, today))
    # Without a year, and for "the 12th" without a month, the next such day is meant.
    year = parts.get("year")
    return datetime.date(_year(year), month, day) if year else _coming(day, month, today)


def _days_ahead(parts: dict[str, str], today: datetime.date) -> int:
    """The distance of a day that is named by where it lies from today."""
    if "near" in parts:
        return _NEAR_DAYS[parts["near"]]
    if "next" in parts:
        return 7 if parts["next"] == "week" else 30
    if "weekday" in parts:
        return (_WEEKDAYS.index(parts["weekday"]) - today.weekday() - 1) % 7 + 1
    return _count(parts["count"]) * (7 if parts["span"] == "week" else 1)


def _ordinal(said: str) -> int:
    """3 of "3", "3rd", "third" and "three"."""
    digits = re.match(r"\d+", said)
    return int(digits[0] if digits else _ORDINALS.get(said.replace("-", " ")) or number_of(said))


def _year(said: str) -> int:
    """2026 of "2026" and "twenty twenty-six"."""
    return int(said) if said.isdigit() else 2000 + int(number_of(said[len("twenty ") :]))


def _count(said: str) -> int:
    return 1 if said in ("a", "an") else int(number_of(said))


def _coming(day: int, month: int, today: datetime.date) -> datetime.date:
    """The next such day, of any month if `month` is 0; a 29 February may be years away."""
    for months in range(9 * 12):
        year, place = today.year + months // 12, months % 12 + 1
        if month in (0, place):
            with suppress(ValueError):
                if (candidate := datetime.date(year, place, day)) >= today:
                    return candidate
    raise ValueError(f"no day {day} in month {month}")


@lru_cache(maxsize=100)
def times(text: str) -> tuple[TextSpan, ...]:
    """The times of day that a text names, each as HH:MM."""
    days = dates(text, datetime.date(2000, 1, 1))
    matches, found = _in_order(_TIMES, text), []
    of_days = CoveredLetters(text, days)
    marked = _marked(text, days, matches)
    for match in matches:
        before = marked[max(0, match.start() - _NEAR) : match.start()]
        is_late = _is_late(before, marked[match.end() : match.end() + _NEAR])
        parts = {name: said.lower() for name, said in match.groupdict().items() if said}
        here = TextSpan(*match.span(), match[0], _clock(parts, is_late))
        if here.value and not of_days.overlap(here):
            found.append(here)
    return tuple(found)


def _marked(text: str, days: Iterable[TextSpan], times: Iterable[re.Match[str]]) -> str:
    """The text in small letters, of the same length, with T and D for its times and days."""
    letters = [letter.lower()[0] for letter in text]
    spans = [(day.start, day.end, "D") for day in days if day.said.lower() != "tonight"]
    for start, end, mark in [*spans, *((*match.span(), "T") for match in times)]:
        letters[start:end] = mark.ljust(end - start, "\0")
    return "".join(letters)


def _clock(parts: dict[str, str], is_late: bool) -> str:
    """HH:MM of the parts of an expression; empty if no clock shows it."""
    if "named" in parts:
        return _NAMED_TIMES[parts["named"]]
    hour, minute = _hour_and_minute(parts)
    half = parts.get("half") or ("p" if is_late else "")
    if half == "p" and hour < 12:
        hour += 12
    elif half == "a":
        hour %= 12
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else ""


def _hour_and_minute(parts: dict[str, str]) -> tuple[int, int]:
    """What the hands of the clock show: 7 and 45 of "quarter to eight"."""
    if "clock" in parts:
        digits = parts["clock"].split(":")
        return int(digits[0]), int(digits[1])
    hour = int(number_of(parts["hour"]))
    if "part" in parts:
        minute = _PARTS_OF_HOUR[parts["part"]]
    else:
        minute = int(number_of(parts.get("minute", "0")))
    # "To" counts back from the hour: before one o'clock it is twelve.
    if parts.get("side") in ("to", "till"):
        return (hour - 2) % 12 + 1 if hour <= 12 else hour - 1, 60 - minute
    return hour, minute


def _is_late(before: str, after: str) -> bool:
    """Whether what stands before and after a time in its own clause speaks of the evening."""
    before, after = before.replace("\0", ""), after.replace("\0", "")
    if _EARLY.match(after):
        return False
    if late := _LATE_AFTER.search(after):
        gap, rest = after[: late.start()], after[late.end() :]
        if not _PARTED.search(gap) and not ("," in gap and _SUBJECT.match(rest)):
            return True
    return any(
        not _NOT.search(before[: late.start()]) and not _PARTED.search(before[late.end() :])
        for late in _LATE_BEFORE.finditer(before)
    )


def durations(text: str) -> list[TextSpan]:
    """The lengths of time that a text names, in ISO's form."""
    found = []
    for match in _DURATION.finditer(text):
        said, unit = match[1].lower(), match[2].lower()
        if len(said) > _MOST_DIGITS:
            continue
        if said == "half an":
            length = "T30M" if unit == "hour" else ""
        else:
            length = _LETTERS[unit].format(_count(said))
        if length:
            found.append(TextSpan(*match.span(), match[0], f"P{length}"))
    return found


def numbers(text: str) -> list[TextSpan]:
    """The numbers of a text, in digits or in words, but not those inside of dates and times."""
    other = CoveredLetters(text, [*dates(text, datetime.date(2000, 1, 1)), *times(text)])
    matches = (match for match in _NUMBER.finditer(text) if len(match[0]) <= _MOST_DIGITS)
    found = (TextSpan(*match.span(), match[0], number_of(match[0])) for match in matches)
    return [number for number in found if not other.overlap(number)]


def number_of(said: str) -> int | float:
    """What a number in digits or in words is worth."""
    digits = said.replace(",", "")
    if re.fullmatch(r"-?\d+(\.\d+)?", digits):
        return float(digits) if "." in digits else int(digits)
    # In "two hundred thousand and five" each large word multiplies what stands before it; that
    # is complete with "thousand", and is added to the sum.
    total = current = 0
    for word in re.split(r"[\s-]+", said.lower()):
        if word in _LARGE:
            current = max(current, 1) * _LARGE[word]
        else:
            current += _SMALL.get(word, 0)
        if word in ("thousand", "million"):
            total, current = total + current, 0
    return total + current
