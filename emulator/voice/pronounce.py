"""Text as it is read aloud: symbols, numbers, dates and units as words.

The speech has the words of the transcript; only symbols that nobody pronounces become words.
"""

import re
import unicodedata
from collections.abc import Callable

from emulator.text.words import MONTHS


def spoken(text: str) -> str:
    """A text as it is read aloud, in one line: no markup, and symbols as words.

    "Adults: **€14.50** from 20:30 (hours.md)" becomes "Adults: 14 euros 50 from 8 30 p.m. (hours)".
    """
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    text = "".join(" " if unicodedata.category(each) in _SIGNS else each for each in text)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return " ".join(line + "." * line[-1].isalnum() for line in lines if line)


_SIGNS = ("So", "Sk", "Cs", "Co", "Cn", "Cf")
"""Unicode's categories of emoji, marks without a letter, and what is no character at all."""
_CURRENCIES = {"€": ("euro", "cents"), "$": ("dollar", "cents"), "£": ("pound", "pence")}
_WORDS = {
    **{".": " dot ", "@": " at ", "/": " slash ", "&": " and ", "%": " percent", "×": " times "},
    **{"°": " degrees", "°c": " degrees Celsius", "°f": " degrees Fahrenheit", "≈": " about "},
    **{"km": " kilometres", "cm": " centimetres", "mm": " millimetres", "kg": " kilograms"},
    **{"dr.": "Doctor", "prof.": "Professor", "st.": "Saint", "mt.": "Mount", "mr.": "Mister"},
    **{"mrs.": "Missis", "ms.": "Miz", "no.": "number", "vs.": "versus", "approx.": "about"},
    **{"e.g.": "for example", "i.e.": "that is", "tel.": "telephone"},
}


def _word(found: re.Match[str]) -> str:
    return _WORDS[found[0].strip().lower()]


def _address(found: re.Match[str]) -> str:
    return re.sub(r"[.@/]", _word, found[1].rstrip("/"))


def _digits(found: re.Match[str]) -> str:
    """A telephone number, digit by digit."""
    groups = (" ".join(group) for group in found[0].lstrip("+").split())
    return "plus " * found[0].startswith("+") + ", ".join(groups)


def _date(found: re.Match[str]) -> str:
    return f"{int(found['day'])} {MONTHS[int(found['month']) - 1]} {found['year']}"


def _time(found: re.Match[str]) -> str:
    """A time on the 12-hour clock, with a.m. or p.m. if the hour or the text says which."""
    hour, minute, half = int(found["hour"]), found["minute"], found["half"]
    past = "" if minute == "00" else f" oh {minute[1]}" if minute[0] == "0" else f" {minute}"
    if half:
        return f"{hour}{past} {half[0].lower()}.m."
    if 0 < hour < 13 and found["hour"][0] != "0":
        return str(hour) + (past or " o'clock")
    return f"{hour % 12 or 12}{past} {'p' if hour > 11 else 'a'}.m."


def _money(found: re.Match[str]) -> str:
    whole, part = found["whole"], (found["part"] or "").lstrip("0")
    unit, small = _CURRENCIES[found["sign"]]
    if whole == "0" and part:
        return f"{part} {small}"
    return f"{whole} {unit}{'s' * (whole != '1')} {part}".rstrip()


def _file(found: re.Match[str]) -> str:
    return re.sub(r"[-_/]", " ", found[1])


# A text may be anything, so each pattern reads it in linear time: what may repeat is bounded, or
# begins only where the same wasn't tried before.
Replacement = str | Callable[[re.Match[str]], str]

_KINDS = r"\.(?:md|txt|pdf|html?|json|csv|docx)\b"
_AMOUNT = r"(?P<whole>\d+(?:,\d{3})*)(?:\.(?P<part>\d\d))?"
_CLOCK = r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\b(?!:)"
_RULES: list[tuple[str, Replacement]] = [
    # Markdown: fences and rules, links, headings and items, tables, emphasis, tags.
    (r"^[ \t]*+(?:```.*|~~~.*|[-*_|:=][-*_|:= \t]{2,})$", ""),
    (r"!?\[([^\[\]\n]*)\]\([^)\n]{0,1000}\)", r"\1"),
    (r"^[ \t]*(?:#{1,6}|>|[-*+•])[ \t]+", ""),
    (r"^[ \t]*\||\|[ \t]*$", ""),
    (r"(?<![ \t])[ \t]*\|[ \t]*", ", "),
    (r"\*+(?=\S)|(?<=\S)\*+|`+|~~|(?<!\w)_+|_+(?!\w)|</?[A-Za-z][^<>\n]*>", ""),
    # Names: of files without their kind, addresses.
    (rf"(?<![\w-])\b([\w-]+(?:/[\w-]+){{0,20}}){_KINDS}", _file),
    (r"(?:https?://(?:www\.)?|\bwww\.)([^\s()<>]*[\w/])", _address),
    (r"(?<![\w.+-])\b([\w.+-]+@[\w-]+(?:\.[\w-]+)+)", _address),
    # Numbers: telephones, dates, ranges, times, money, units.
    (r"(?:\+|\b0)\d[\d ]{5,}\d\b", _digits),
    (r"\b(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>[0-3]\d)\b", _date),
    (r"(?<=\w)–(?=\w)|(?<=\d) – (?=\d)", " to "),
    (rf"{_CLOCK}(?: ?(?P<half>[AaPp]\.?[Mm]\b\.?))?", _time),
    (rf"(?P<sign>[€$£]) ?{_AMOUNT}(?![.,]?\d)", _money),
    (rf"(?<![\d.,]){_AMOUNT} ?(?P<sign>[€$£])", _money),
    (r"(?<=\d) ?(?:%|°[CF]?(?!\w)|(?:km|cm|mm|kg)\b)|(?<=\d) ?× ?(?=\d)", _word),
    # Words that are written short.
    (r" ?[&≈] ?", _word),
    (r"\b(?:Dr|Prof|St|Mt|Mrs?|Ms)\.(?= [A-Z])|\b[Nn]o\.(?= ?\d)", _word),
    (r"\b(?:vs|approx|[Ee]\.g|[Ii]\.e|[Tt]el)\.", _word),
]
_REPLACED = [(re.compile(pattern, re.MULTILINE), replacement) for pattern, replacement in _RULES]
