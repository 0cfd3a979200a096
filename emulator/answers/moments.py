"""Dates, times, durations and numbers in words: where they stand, and what they mean."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

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
_NUMBER = re.compile(rf"(?:{_IN_DIGITS})|\b{_IN_WORDS}\b", re.IGNORECASE)
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTHS = """january february march april may june july august september october november
    december""".split()
_MONTH = "|".join(f"{month[:3]}(?:{month[3:]})?" if month[3:] else month for month in _MONTHS)
_NEAR = {"yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1, "day after tomorrow": 2}
_DATE = re.compile(
    rf"""(?P<iso>\b\d{{4}}-\d\d-\d\d\b)
    | \b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\ (?:of\ )?(?P<month>{_MONTH})\b(?:,?\ (?P<year>\d{{4}}))?
    | \b(?P<month2>{_MONTH})\ (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\ (?P<year2>\d{{4}}))?
    | (?<![\d/.])(?P<first>\d{{1,2}})(?P<sep>[/.])(?P<second>\d{{1,2}})
      (?:(?P=sep)(?P<year3>\d{{4}})|(?<=/\d)|(?<=/\d\d))\b(?!/)
    | \b(?P<near>day\ after\ tomorrow|yesterday|today|tonight|tomorrow)\b
    | \b(?:(?P<which>next|this|coming)\ )?(?P<weekday>{"|".join(_WEEKDAYS)})\b
    | \bin\ (?P<count>\d+|an?|{_ONE_WORD})\ (?P<span>day|week)s?\b
    | \bnext\ (?P<next>week|month)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_HOUR = rf"(?:{'|'.join(_UNITS[1:13])})"
_TIME = re.compile(
    rf"""(?P<clock>\b(?:[01]?\d|2[0-3]):[0-5]\d\b)(?:\ ?(?P<half>[ap])\.?m\b\.?)?
    | \b(?P<hour>\d{{1,2}}|{_HOUR})\ ?(?P<half2>[ap])\.?m\b
    | \b(?P<part>half|quarter)\ (?P<side>past|to)\ (?P<hour2>\d{{1,2}}|{_HOUR})\b
    | \b(?P<hour3>\d{{1,2}}|{_HOUR})\ o['’]?clock\b
    | (?<=\bat\ )(?P<hour4>\d{{1,2}}|{_HOUR})(?P<minutes>\ (?:fifteen|thirty|forty-five))?\b
      (?!\ *[%€$°]|\ (?:euro|dollar|percent|degree|people|person)|[.,:/]\d)
    | \b(?P<named>noon|midday|midnight)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_LATE = re.compile(r"\b(evening|afternoon|tonight|at night)\b", re.IGNORECASE)
_DURATION = re.compile(
    rf"\b(\d+|an?|half an|{_ONE_WORD})[ -](second|minute|min|hour|day|night|week|month|year)s?\b",
    re.IGNORECASE,
)
_LETTERS = {"second": "T{}S", "minute": "T{}M", "min": "T{}M", "hour": "T{}H", "day": "{}D"}
_LETTERS |= {"night": "{}D", "week": "{}W", "month": "{}M", "year": "{}Y"}


@dataclass(frozen=True)
class Found:
    """Something found in a text: from where to where, as it was said, and what it means."""

    start: int
    end: int
    said: str
    value: object

    def overlaps(self, other: "Found") -> bool:
        return self.start < other.end and other.start < self.end


def dates(text: str, today: datetime.date) -> list[Found]:
    """The days that a text names, each as an ISO date; 12/05 is the twelfth of May."""
    found = []
    for match in _DATE.finditer(text):
        try:
            day = _day_of({k: v for k, v in match.groupdict().items() if v}, today)
        except (ValueError, OverflowError):
            continue
        found.append(Found(match.start(), match.end(), match[0], day.isoformat()))
    return found


def _day_of(parts: dict[str, str], today: datetime.date) -> datetime.date:
    """The day that the parts of an expression mean; ValueError if there is none."""
    if "iso" in parts:
        return datetime.date.fromisoformat(parts["iso"])
    if "near" in parts:
        return today + datetime.timedelta(_NEAR[parts["near"].lower()])
    if "weekday" in parts:
        ahead = (_WEEKDAYS.index(parts["weekday"].lower()) - today.weekday() - 1) % 7 + 1
        return today + datetime.timedelta(ahead)
    if "count" in parts:
        count = 1 if parts["count"].lower() in ("a", "an") else int(number_of(parts["count"]))
        return today + datetime.timedelta(count * (7 if parts["span"].lower() == "week" else 1))
    if "next" in parts:
        return today + datetime.timedelta(7 if parts["next"].lower() == "week" else 30)
    if "first" in parts:
        day, month = int(parts["first"]), int(parts["second"])
        day, month = (month, day) if month > 12 else (day, month)
    else:
        day = int(parts.get("day") or parts["day2"])
        name = (parts.get("month") or parts["month2"])[:3].lower()
        month = [each[:3] for each in _MONTHS].index(name) + 1
    year = parts.get("year") or parts.get("year2") or parts.get("year3")
    return datetime.date(int(year), month, day) if year else _coming(month, day, today)


def _coming(month: int, day: int, today: datetime.date) -> datetime.date:
    """The next such day, today included; a 29 February may be years away."""
    for year in range(today.year, today.year + 9):
        try:
            candidate = datetime.date(year, month, day)
        except ValueError:
            continue
        if candidate >= today:
            return candidate
    raise ValueError(f"no day {day} in month {month}")


def times(text: str) -> list[Found]:
    """The times of day that a text names, each as HH:MM; "at nine in the evening" is 21:00."""
    taken = dates(text, datetime.date(2000, 1, 1))
    found = []
    for match in _TIME.finditer(text):
        parts = {k: v.lower() for k, v in match.groupdict().items() if v}
        here = Found(match.start(), match.end(), match[0], _clock(parts, text))
        if here.value and not any(here.overlaps(date) for date in taken):
            found.append(here)
    return found


def _clock(parts: dict[str, str], text: str) -> str:
    """HH:MM of the parts of an expression; empty if no clock shows it."""
    if "named" in parts:
        return "00:00" if parts["named"] == "midnight" else "12:00"
    said = next((parts[name] for name in parts if name.startswith("hour")), "")
    hour, minute = map(int, parts["clock"].split(":")) if "clock" in parts else (0, 0)
    hour = hour or (int(number_of(said)) if said else 0)
    if "minutes" in parts:
        minute = int(number_of(parts["minutes"].strip()))
    if "part" in parts:
        minutes = 30 if parts["part"] == "half" else 15
        hour, minute = (hour, minutes) if parts["side"] == "past" else (hour - 1, 60 - minutes)
    half = parts.get("half") or parts.get("half2") or ("p" if _LATE.search(text) else "")
    if half == "p" and hour < 12:
        hour += 12
    elif parts.get("half") == "a" or parts.get("half2") == "a":
        hour %= 12
    return f"{hour:02}:{minute:02}" if hour < 24 else ""


def durations(text: str) -> list[Found]:
    """The lengths of time that a text names, in ISO's form."""
    found = []
    for match in _DURATION.finditer(text):
        said, unit = match[1].lower(), match[2].lower()
        if said == "half an":
            length = "T30M" if unit == "hour" else ""
        else:
            count = 1 if said in ("a", "an") else int(number_of(said))
            length = _LETTERS[unit].format(count)
        if length:
            found.append(Found(match.start(), match.end(), match[0], f"P{length}"))
    return found


def numbers(text: str) -> list[Found]:
    """The numbers of a text, in digits or in words, but not those inside of dates and times."""
    other = [*dates(text, datetime.date(2000, 1, 1)), *times(text)]
    found = [Found(m.start(), m.end(), m[0], number_of(m[0])) for m in _NUMBER.finditer(text)]
    return [number for number in found if not any(number.overlaps(span) for span in other)]


def number_of(said: str) -> int | float:
    """What a number in digits or in words is worth."""
    digits = said.replace(",", "")
    if re.fullmatch(r"-?\d+", digits):
        return int(digits)
    if re.fullmatch(r"-?\d+\.\d+", digits):
        return float(digits)
    total = current = 0
    for word in re.split(r"[\s-]+", said.lower()):
        if word in _LARGE:
            current = max(current, 1) * _LARGE[word]
            total, current = (
                (total + current, 0)
                if word in ("thousand", "million")
                else (
                    total,
                    current,
                )
            )
        else:
            current += _SMALL.get(word, 0)
    return total + current


def all_moments(text: str, today: datetime.date) -> Iterator[Found]:
    """Whatever in a text says when or how long: no name, and no place."""
    yield from dates(text, today)
    yield from times(text)
    yield from durations(text)
