"""Draws the show: a view goes in, lines come out, as many as the terminal has rows.

From top to bottom: the title, the code of the part, its output, and the keys. The output gets the
rows that it will need at its end, the code gets the others, and both scroll. Where there is room
for both, the code stands to the left of the output.
"""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from presenter.code_lines import colored, folded
from presenter.course_plan import clock_time, steps
from presenter.course_show import COLUMNS
from presenter.pane import Line, Run
from presenter.plan_clock import PlanTime
from presenter.show_player import KEYS, ShowView, Stage
from presenter.traffic import traffic_rows

from rich.cells import cell_len, set_cell_size

BASE = "0;97;40"
"""White on black, whatever the terminal's own colors are, so that everybody can read it."""
HEAD, RULE, STRONG, LIT, MESSAGE = "1;97;44", "1;96", "1", "30;103", "1;30;103"
DARK = {"31", "32", "33", "34", "35", "36"}
NUMBER = "94"
LEAST_CODE, LEAST_AT_END = 7, 3
LEAST_TRAFFIC = 6
WIDEST_TEXT = 72
WIDE = 140
"""From so many columns on, the code and the output stand side by side."""
KEY_LINE = "space next  b back  g list  p pause  . step  w traffic  l live  t plan  ? help"


@dataclass(frozen=True)
class Signs:
    """The characters of the frame; a terminal may lack the better ones."""

    rule: str = "─"
    wall: str = "│"
    mark: str = "▌"
    more: str = "…"


PLAIN_SIGNS = Signs("-", "|", ">", "~")


def draw(view: ShowView, width: int, height: int, signs: Signs = Signs()) -> list[Line]:
    """Exactly `height` lines, none of them wider than `width`."""
    width, height = max(1, width), max(1, height)
    footer = _footer(view, width)
    head = _bar(f" {_title(view)}", f"{view.place + 1}/{len(view.show)} ", width)
    room = height - 1 - len(footer)
    if view.shows_help:
        body = _help()
    elif view.plan:
        body = _plan(view.plan, room)
    elif view.choice is not None:
        body = _list(view, view.choice, room)
    elif view.stage is Stage.TITLE:
        body = _title_page(view, width, room, signs)
    else:
        body = _run(view, width, room, signs)
    body = [*body[: max(0, room)], *[()] * (room - len(body))]
    lines = [head, *body, *footer][:height]
    return [fitted(line, width, signs.more) for line in lines]


def _title(view: ShowView) -> str:
    return f"Lesson {view.part.lesson}   {view.part.part.heading}"


def _bar(left: str, right: str, width: int) -> Line:
    room = max(0, width - cell_len(right) - 1)
    return ((HEAD, f"{set_cell_size(left, room)} {right}"[: max(width, 0)]),)


def _footer(view: ShowView, width: int) -> list[Line]:
    """A message, or what comes next; and the keys."""
    if view.message:
        rows = textwrap.wrap(view.message, max(10, width - 2))[:2]
        return [*(((MESSAGE, set_cell_size(f" {row}", width)),) for row in rows), _keys(width)]
    texts = view.following.splitlines() if view.stage is Stage.END else []
    following = [row for text in texts for row in textwrap.wrap(text, max(10, width - 2))]
    return [*(((STRONG, f" {row}"),) for row in following or [""]), _keys(width)]


def _keys(width: int) -> Line:
    return ((HEAD, set_cell_size(f" {KEY_LINE}", width)),)


def _help() -> list[Line]:
    rows: list[Line] = [(), ((STRONG, "  Keys"),), ()]
    rows += [((STRONG, f"  {key:10}"), ("", what)) for key, what in KEYS]
    return [*rows, (), (("", "  A clicker works as well: Page Down goes on, Page Up goes back."),)]


def _list(view: ShowView, choice: int, room: int) -> list[Line]:
    """All parts, with the one that is chosen."""
    rows: list[Line] = []
    lesson = ""
    chosen = 0
    for place, part in enumerate(view.show):
        if part.lesson != lesson:
            lesson = part.lesson
            rows.append(((RULE, f" {part.lesson_title}"),))
        if place == choice:
            chosen = len(rows)
        style = LIT if place == choice else ""
        extra = "(not in the plan) " if part.is_optional else ""
        number = "" if part.part.is_extra else part.part.number
        text = f"   {number:2}  {part.part.name:12} {part.part.title} {extra}"
        rows.append(((style, text),))
    head: list[Line] = [((STRONG, " Up, down, then Enter. Esc closes the list."),)]
    room = max(1, room - len(head))
    first = max(0, min(chosen - room // 2, len(rows) - room))
    return [*head, *rows[first : first + room]]


def _plan(plan: PlanTime, room: int) -> list[Line]:
    """The plan of this lesson, with the step that is shown, and how late it is."""
    late = plan.late
    words = f"{late} min late" if late > 0 else f"{-late} min ahead" if late else "on time"
    now = clock_time(int(plan.minutes))
    head: list[Line] = [((STRONG, f" The plan, at {now}: {words}."),), ()]
    rows: list[Line] = []
    shown, at = 0, 0
    for step in steps():
        is_here = step.name == plan.part
        shown = len(rows) if is_here else shown
        if step.lesson == plan.part.partition(" ")[0]:
            text = f"   {clock_time(at)} {step.minutes:5} min  {step.kind:12} {step.label} "
            rows.append(((LIT if is_here else "", text),))
        at += step.minutes
    room = max(1, room - len(head))
    first = max(0, min(shown - room // 2, len(rows) - room))
    return [*head, *rows[first : first + room]]


def _title_page(view: ShowView, width: int, room: int, signs: Signs) -> list[Line]:
    """What the part is about, then its code."""
    room_for_text = max(10, min(WIDEST_TEXT, width - 4))
    why = textwrap.wrap(view.part.text("why"), room_for_text, break_on_hyphens=False)
    rows: list[Line] = [(), ((STRONG, f"  {view.part.part.heading}"),), ()]
    rows += [(("", f"  {line}"),) for line in why]
    rows += [(), _rule(view.part.script, f"line {view.part.first_line}", width, signs)]
    return [*rows, *_code(view, width, room - len(rows), signs)]


def _run(view: ShowView, width: int, room: int, signs: Signs) -> list[Line]:
    """The code, the output, and the traffic if it is wanted."""
    traffic = min(room, max(LEAST_TRAFFIC, room * 2 // 5)) if view.shows_wire else 0
    show = _side_by_side if width >= WIDE else _one_above_the_other
    rows = show(view, width, room - traffic, signs)
    if traffic:
        rows += [()] * (room - traffic - len(rows))
        rows.append(_rule("traffic", "", width, signs))
        rows += traffic_rows(view.replay.traffic.entries, width - 1, traffic - 1, signs.more)
    return rows


def _one_above_the_other(view: ShowView, width: int, room: int, signs: Signs) -> list[Line]:
    all_rows = len(_code_rows(view, width))
    running = min(all_rows, max(LEAST_CODE, room // 3))
    least = min(running, LEAST_AT_END) if view.stage is Stage.END else running
    code_rows = max(0, min(all_rows, max(least, room - view.final_rows - 1)))
    rows = _code(view, width, code_rows, signs)
    rows.append(_rule(_how(view), _when(view), width, signs))
    return [*rows, *_tail(view.replay.lines, max(0, room - len(rows)), view.rows_back)]


def _side_by_side(view: ShowView, width: int, room: int, signs: Signs) -> list[Line]:
    """The output has the width for which a lesson writes, the code has the rest."""
    left = width - COLUMNS - 3
    rules = (
        *_rule(view.part.script, "", left, signs),
        ("", "   "),
        *_rule(_how(view), _when(view), COLUMNS, signs),
    )
    code = _code(view, left, room - 1, signs)
    output = _tail(view.replay.lines, room - 1, view.rows_back)
    pairs = zip_longest(code, output, fillvalue=())
    return [rules, *((*_padded(one, left), (RULE, f" {signs.wall} "), *two) for one, two in pairs)]


def _padded(line: Line, width: int) -> Line:
    return (*line, ("", " " * max(0, width - sum(cell_len(text) for _, text in line))))


def _how(view: ShowView) -> str:
    source = view.part.source
    words = f"recorded from {source}" if source else "only live"
    words = "LIVE" if view.is_live else words
    return f"{words}, paused" if view.is_paused else words


def _when(view: ShowView) -> str:
    speed = "" if view.speed == 1 else f", speed {view.speed:g}"
    return f"{view.seconds:.1f} s{speed}"


def _tail(lines: Sequence[Line], count: int, rows_back: int) -> list[Line]:
    """The last lines that have room, or earlier ones."""
    end = max(min(count, len(lines)), len(lines) - rows_back)
    return list(lines[max(0, end - count) : end])


def _rule(left: str, right: str, width: int, signs: Signs) -> Line:
    left, right = f"{signs.rule * 2} {left} ", f" {right} {signs.rule * 2}" if right else ""
    return ((RULE, f"{left}{signs.rule * max(0, width - cell_len(left + right))}{right}"),)


def _code_rows(view: ShowView, width: int) -> list[tuple[int, bool, Line]]:
    """The code in rows of this width: the line of each, whether the line begins there, its text."""
    lines = colored(view.part.code)
    room = max(8, width - _margin(view) - 1)
    return [
        (n, not place, row)
        for n, line in enumerate(lines)
        for place, row in enumerate(folded(line, room))
    ]


def _margin(view: ShowView) -> int:
    """The columns to the left of the code: a mark, the number of the line, a space."""
    return 2 + len(str(view.part.first_line + len(view.part.code)))


def _code(view: ShowView, width: int, room: int, signs: Signs) -> list[Line]:
    """The stretch of code that shows the highlighted lines."""
    rows, lit = _code_rows(view, width), view.replay.highlighted
    first = _first_row([number for number, _, _ in rows], lit, room) + view.code_shift
    first = max(0, min(first, len(rows) - room))
    found = list[Line]()
    for line, begins, row in rows[first:][:room]:
        number = str(view.part.first_line + line) if begins else ""
        mark = signs.mark if line in lit else " "
        margin = f"{mark}{number:>{_margin(view) - 2}} "
        if line in lit:
            text = "".join(piece for _, piece in row)
            found.append(((LIT, set_cell_size(margin + text, max(0, width))),))
        else:
            found.append(((NUMBER, margin), *row))
    return found


def _first_row(lines: Sequence[int], lit: frozenset[int], room: int) -> int:
    """Where the code begins so that as many highlighted lines as possible are seen.

    It stands still while they are all within the first rows. If they are too far apart, their first
    ones are shown.
    """
    places = [place for place, line in enumerate(lines) if line in lit]
    if not places or places[-1] < room:
        return 0
    spread = places[-1] - places[0] + 1
    return max(0, places[0] - max(0, (room - spread) // 2 if spread <= room else 1))


def fitted(line: Line, width: int, more: str) -> Line:
    """A line without what is beyond the margin; the last letter says that there was more."""
    if sum(cell_len(text) for _, text in line) <= width:
        return line
    kept, room = list[Run](), width - cell_len(more)
    for style, text in line:
        if cell_len(text) > room:
            return (*kept, (style, set_cell_size(text, max(0, room))), ("", more))
        kept.append((style, text))
        room -= cell_len(text)
    return tuple(kept)


def brightened(style: str) -> str:
    """The same style with bright colors in place of dark and dim ones."""
    numbers = [n for n in style.split(";") if n != "2"]
    return ";".join(f"9{n[1]}" if n in DARK else n for n in numbers)


def without_colors(style: str) -> str:
    """The same style for NO_COLOR: bold and the like; a background becomes reversed."""
    numbers = [n for n in style.split(";") if n in ("1", "3", "4", "7")]
    has_background = any(len(n) > 1 and n[0] == "4" or n.startswith("10") for n in style.split(";"))
    return ";".join(numbers + ["7"] * (has_background and "7" not in numbers))


def as_codes(lines: Iterable[Line], *, has_color: bool) -> list[str]:
    """The lines with the codes of a terminal; each begins with that of an empty line."""
    base = BASE if has_color else "0"
    found = []
    for line in lines:
        codes = [f"\x1b[{base}m\x1b[2K"]
        for style, text in line:
            shown = brightened(style) if has_color else without_colors(style)
            codes.append(f"\x1b[{base};{shown}m{text}" if shown else f"\x1b[{base}m{text}")
        found.append("".join(codes))
    return found
