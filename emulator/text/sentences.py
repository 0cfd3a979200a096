"""Sentences: where one ends, and where a long one may be cut so that its sound can start early.

A period ends a sentence, but it also occurs in numbers, names, addresses and abbreviations. So each
period is only a candidate, as are "?" and "!". These rules decide:

1. Without a space after it, it ends nothing: `12.50`, `3.11`, `www.a.b/c.html`. Only the periods of
   Chinese and Japanese need no space.
2. If a lower-case letter follows, the sentence goes on: "approx. nine", "Wait... then go."
3. Some abbreviations never end a sentence ("Dr.", "e.g."). Others don't before a number ("No. 5",
   "p. 12", "Jan. 3").
4. After initials and words such as "Inc.", a sentence ends only before a word that often begins
   one: "J. R. Tolkien" goes on, but "by Acme Inc. The dome" doesn't. After an hour, a day goes on
   with the sentence: "at 9 a.m. Monday".
5. The number or letter at the start of a line belongs to its list item: "1. Pay."
6. Text in quotation marks or backticks isn't divided, up to `LONGEST_QUOTATION` characters.

A closing quotation mark or bracket belongs to the sentence before it. A line break ends a sentence.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from emulator.text.words import FUNCTION_WORDS, MONTHS, WEEKDAYS

LONGEST = 220
"""Characters of a spoken piece. Its sound can be sent only after all of it was made."""
LONGEST_QUOTATION = 300

_STOPS, _WIDE_STOPS = ".!?…‼⁇⁈⁉؟۔।॥", "。！？｡"
_CLOSING = r"""["'”’»)\]*_`」』）】〕]*"""
# Where a sentence may end or a quotation begin. This is searched first, as such places are few.
_PLACE = re.compile(rf'[{_STOPS}{_WIDE_STOPS}\n"“„«「『`]')
_NO_END = re.compile(rf"[{_STOPS}]+|.", re.DOTALL)
_END = re.compile(
    rf"(?P<stop>[{_STOPS}]+)(?P<closed>{_CLOSING})\s+|[{_WIDE_STOPS}]+(?P<shut>{_CLOSING})\s*|\n\s*"
)
# A quotation up to its last period, which may end the sentence around it, too. If the opening and
# the closing mark are the same, it opens a quotation only after a space or a bracket.
_QUOTATION = re.compile(
    "|".join(
        rf"{behind}{opening}(?=\S)[^{opening}{closing}\n]{{1,{LONGEST_QUOTATION}}}?{ending}{closing})"
        for opening, closing in ('""', "``", "“”", "„“", "«»", "「」", "『』")
        for behind in (r"(?<![^\s(\[{—–-])" if opening == closing else "",)
        for ending in (f"(?=[{_STOPS}{_WIDE_STOPS}]*",)
    )
)
_NEVER = frozenset(
    """approx. ca. cf. dr. e.g. fr. gen. gov. i.e. lt. messrs. mr. mrs. ms. mt. mx. prof. resp. rev.
    sgt. st. viz. vs.""".split()
)
_BEFORE_NUMBER = frozenset(
    """art. c. ch. chap. eq. est. ext. fig. figs. max. min. no. nos. nr. p. para. pp. pt. sec. sect.
    tel. ver. vol. vols. jan. feb. mar. apr. jun. jul. aug. sep. sept. oct. nov. dec. mon. tue.
    tues. wed. thu. thur. thurs. fri. sat. sun.""".split()
)
_BEFORE_NAME = re.compile(
    r"[A-Z]\.|(?:[A-Za-z]{1,2}\.){2,}|(?i:ave|blvd|bros|co|corp|dept|inc|jr|ltd|sr)\."
)
_HALVES = ("a.m.", "p.m.")
_DAYS = frozenset(map(str.lower, [*WEEKDAYS, *MONTHS]))
_NUMBER_OF_ITEM = re.compile(r"(?:\d{1,3}|[A-Za-z])\.")
_NEXT_WORD = re.compile(r"[^\W\d_]+(?!\.)")
_CLAUSE_END = re.compile(
    r"(?:[?!;,]|\.(?!\d))\s+(?:and\s+)?(?:then\s+)?|(?<!\s)\s+(?:and|then|also|plus)\s+(?:then\s+|also\s+)?",
    re.IGNORECASE,
)
_COMMA = re.compile(r"[,;:—–]\s+")


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with the spaces after it. Joined, they are the text again."""
    starts = [0, *(start for _, start in breaks(text)), len(text)]
    return [text[start:end] for start, end in pairwise(starts) if start < end]


def clauses(text: str) -> Iterator[tuple[int, int]]:
    """The start and the end of each part of a text that may be about a separate thing."""
    start = 0
    for gap in _CLAUSE_END.finditer(text):
        if gap.start() > start:
            yield start, gap.start()
        start = gap.end()
    if start < len(text):
        yield start, len(text)


def ends(text: str, most: int) -> str:
    """A text of at most about so many characters: of a longer one, its beginning and its end.

    People say what they want before a document or behind it.
    """
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}\n\n{ending(text, most // 2)}"


def ending(text: str, most: int) -> str:
    """The last of these characters, from the beginning of a word on if there is one."""
    last = text[-most:]
    return last if len(text) <= most else last.partition(" ")[2].lstrip() or last


def spoken_pieces(text: str) -> list[str]:
    """The sentences. One longer than LONGEST is cut after a comma or, without one, at a space."""
    return [piece for sentence in sentences(text) for piece in _pieces(sentence)]


def breaks(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence but the last ends, and where the next one starts."""
    start, place, lead = 0, 0, len(text) - len(text.lstrip())
    while found := _PLACE.search(text, place):
        place = found.start()
        if quotation := _QUOTATION.match(text, place):
            place = quotation.end()
        elif ended := _END.match(text, place):
            place = ended.end()
            if lead < place < len(text) and _is_end(text, start, ended):
                end = max(ended.start(), ended.end("closed"), ended.end("shut"))
                while text[end - 1].isspace():
                    end -= 1
                yield end, place
                start = place
        elif skipped := _NO_END.match(text, place):
            place = skipped.end()


def _is_end(text: str, start: int, ended: re.Match[str]) -> bool:
    """Whether what looks like the end of a sentence is one, by the rules at the top."""
    follows = text[ended.end()]
    if "\n" in ended[0]:
        return True
    if ended["shut"] is not None:
        # After a closing bracket, the sentence may go on: 「はい。」と言った。
        return not ended["shut"] or ended[0][-1].isspace()
    if follows.islower() or ended["stop"] != ".":
        return not follows.islower()
    before = text[max(start, ended.start() - 20) : ended.start() + 1].split()
    word = before[-1].lstrip("([{\"'“‘«*_`")
    if word.lower() in _NEVER or (follows.isdecimal() and word.lower() in _BEFORE_NUMBER):
        return False
    if len(before) == 1 and _NUMBER_OF_ITEM.fullmatch(word):
        return False
    return _BEFORE_NAME.fullmatch(word) is None or _opens(text, ended.end(), word)


def _opens(text: str, place: int, before: str) -> bool:
    """Whether the next word begins a sentence, although it follows initials or an hour."""
    found = _NEXT_WORD.match(text, place)
    following = found[0].lower() if found else ""
    if before in _HALVES:
        return bool(following) and following not in _DAYS
    return following in FUNCTION_WORDS


def _pieces(sentence: str) -> Iterator[str]:
    while len(sentence) > LONGEST:
        commas = [found.end() for found in _COMMA.finditer(sentence, 0, LONGEST)]
        blank = sentence.rfind(" ", 1, LONGEST) + 1
        cut = commas[-1] if commas else blank or LONGEST
        yield sentence[:cut]
        sentence = sentence[cut:]
    yield sentence
