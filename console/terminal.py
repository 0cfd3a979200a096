"""What a lesson prints: headings, live text, timings, tables, pictures.

In a pipe, and with `NO_COLOR`, it is plain text. Characters that the terminal's encoding lacks are
replaced by ASCII ones, so nothing breaks on Windows or in an old locale.
"""

import os
import re
import sys
import textwrap
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Protocol, TypeVar

from audio.call_recording import Mark, Span

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

WIDEST = 88
SPEAKER = len("assistant")
Item = TypeVar("Item")

BARS, PLAIN_BARS = "·▁▂▃▄▅▆▇█", ".:-=+*#%@"
SPEECH, PLAIN_SPEECH = "█▲", "#^"


class Timed(Protocol):
    """When the pieces of an answer came, in seconds after the request; how many tokens it has."""

    @property
    def arrivals(self) -> Sequence[float]: ...
    @property
    def tokens(self) -> int: ...


class Terminal:
    """The learner's terminal: standard output, at most 88 columns wide."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        if sys.stdout is None:  # started with its standard output closed
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  until the end
        self._console = Screen(highlight=False)
        self._console.width = min(self._console.width, WIDEST)
        self._page: Page | None = None
        self._bars = BARS if can_print(BARS, self._console.encoding) else PLAIN_BARS

    def heading(self, title: str, why: str = "") -> None:
        """The title of a part, and the reason for it."""
        self._console.print(f"\n[bold cyan]{escape(title)}[/]")
        if why:
            self.note(why)
        self._console.print()

    def note(self, text: str) -> None:
        """A remark of the lesson, marked so that nobody takes it for the model's words."""
        lines = textwrap.wrap(" ".join(text.split()), self._console.width - 3)
        for line in lines:
            self._console.print(f"[dim]|  {escape(line)}[/]")

    def question(self, text: str) -> None:
        """A question, marked to differ from the answer below it."""
        self._console.print(f"[bold]> {escape(text)}[/]")

    def utterance(self, seconds: float, speaker: str, text: str) -> None:
        """What a side of a call said, and when."""
        start = f"{seconds:5.1f} s  {speaker:{SPEAKER}}  "
        lines = textwrap.wrap(text, max(20, self._console.width - len(start) - 1)) or [""]
        for place, line in enumerate(lines):
            margin = f"[dim]{start}[/]" if place == 0 else " " * len(start)
            self._console.print(f"{margin}{escape(line)}")

    def command(self, text: str) -> None:
        """A command that can be typed next, on a line of its own that never wraps."""
        self._console.print(f"   {text}", markup=False, soft_wrap=True)

    def live(self, pieces: Iterable[str]) -> str:
        """Print pieces as they come, and return the text; a generator is always closed."""
        page = self._page = Page(self._console)
        guard = closing(pieces) if isinstance(pieces, Generator) else nullcontext()
        text = ""
        try:
            with guard:
                for piece in pieces:
                    text += piece
                    page.write(piece)
        finally:
            page.end()
        return text

    def wire(self, line: str) -> None:
        """A line of `--wire`, dimmed and cut to the width; it starts a new line amid an answer."""
        if self._page:
            self._page.end()
        self._console.print(Text(line, style="dim"), no_wrap=True, overflow="ellipsis")

    def timings(self, rows: Mapping[str, Timed]) -> None:
        """Time to first token, total, speed, and a histogram of when the text came."""
        longest = max(timed.arrivals[-1] for timed in rows.values())
        table = bare_table()
        for title in ("", "first text", "all of it", "tokens/s"):
            table.add_column(title, justify="left" if not title else "right")
        table.add_column(f"0 to {longest:.1f} s", no_wrap=True)
        room = max(12, self._console.width - 46)
        for name, timed in rows.items():
            first, last = timed.arrivals[0], timed.arrivals[-1]
            writing = last - first or last
            speed = f"{timed.tokens / writing:.0f}" if writing else "-"
            picture = histogram(timed.arrivals, longest, room, self._bars)
            table.add_row(name, f"{first:.2f} s", f"{last:.2f} s", speed, f"[cyan]{picture}[/]")
        self._print_table(table)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[object]], folded: int | None = None
    ) -> None:
        """Rows. If they are too wide, one column is folded; by default all but the first."""
        table = bare_table()
        for place, title in enumerate(columns):
            is_whole = place == 0 if folded is None else place != folded
            table.add_column(title, overflow="fold", no_wrap=is_whole)
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        self._print_table(table)

    def passages(
        self, title: str, found: Iterable[tuple[str, float, str]], question: str, prefix: str = ""
    ) -> None:
        """Search results: score, file (without the prefix), and an excerpt near the question."""
        self._console.print(f"[bold]{escape(title)}[/]")
        for place, (name, score, text) in enumerate(found, 1):
            self._console.print(
                f"{place}  {score:.2f}  [cyan]{escape(name.removeprefix(prefix))}[/]"
            )
            room = self._console.width - 9
            self._console.print(f"         [dim]{escape(excerpt(text, question, room))}[/]")

    def progress(self, items: Iterable[Item], title: str) -> Iterator[Item]:
        """The items, with a progress bar on a terminal."""
        total = len(items) if isinstance(items, Sized) else None
        if not self._console.is_terminal:
            yield from items
            return
        counted = [MofNCompleteColumn()] if total is not None else []
        columns = (TextColumn("{task.description}"), BarColumn(30), *counted)
        with Progress(*columns, console=self._console, transient=True) as progress:
            yield from progress.track(items, total=total, description=title)

    def plane(
        self,
        vectors: Sequence[Sequence[float]],
        marks: Sequence[str],
        labels: Sequence[str],
        file: Path | None = None,
    ) -> None:
        """The vectors as points on a plane; with `file`, as a picture, too."""
        # Imported here, as NumPy takes a tenth of a second to load and lesson 1 does not need it.
        from console.pictures import in_letters, on_a_plane, write_svg

        points = on_a_plane(vectors)
        for line in in_letters(points, marks, min(60, self._console.width - 2), 12):
            self._console.print(f"  [cyan]{escape(line)}[/]")
        if file is not None:
            write_svg(file, points, labels)
            self.note(f"The picture is in {file}.")

    def timeline(
        self,
        spans: Sequence[Span],
        marks: Sequence[Mark],
        duration_s: float,
        levels: Mapping[str, Sequence[float]] | None = None,
        file: Path | None = None,
    ) -> None:
        """Which side of a call spoke when, and the cuts; with `file`, as a picture, too."""
        from console.pictures import timeline_in_letters, write_timeline

        characters = SPEECH if can_print(SPEECH, self._console.encoding) else PLAIN_SPEECH
        width = self._console.width
        for line in timeline_in_letters(spans, marks, duration_s, width, characters):
            self._console.print(f"[cyan]{escape(line)}[/]", no_wrap=True, crop=True)
        if file is not None:
            write_timeline(file, spans, marks, duration_s, levels)
            self.note(f"The timeline is in {file}.")

    def lines(self, prompt: str) -> Iterator[str]:
        """What is typed, line by line, until an empty line or the end of the input."""
        while line := self._typed(prompt):
            yield line

    def _typed(self, prompt: str) -> str:
        try:
            return self._console.input(f"\n[bold]{prompt}[/]").strip()
        except EOFError:
            self._console.print()
            return ""

    def _print_table(self, table: Table) -> None:
        """Print it without the spaces that fill its last column."""
        with self._console.capture() as printed:
            self._console.print(table)
        for line in printed.get().splitlines():
            self._console.file.write(line.rstrip() + "\n")

    def lanes(self, titles: Sequence[str] = (), more: str = "lane") -> "Lanes":
        """Several answers side by side, each growing in a lane of its own.

        A lane without a title is named by `more` and its number.
        """
        return Lanes(self._console, titles, more)


class Screen(Console):
    """A console that lets its caller handle a closed pipe."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Page:
    """Text that wraps between words although it comes in pieces; in a pipe it doesn't wrap at all.

    An answer's pieces are printed at once, and a word may begin in one piece and cross the margin
    in a later one. Waiting for its end would delay the text. So the page remembers the column of
    the cursor and the word that is being printed. When that crosses the margin, the letters that
    are already there are erased, and the word starts again on a new line. A word that is longer
    than a line stays where it is, and the terminal breaks it.
    """

    def __init__(self, console: Console) -> None:
        self._file = console.file
        # The last column stays free: a cursor there waits for its line break and can't go back.
        self._width = console.width - 1 if console.is_terminal else sys.maxsize
        self._column = 0
        self._word = ""

    def write(self, piece: str) -> None:
        for part in re.findall(r"\n|[^\S\n]+|\S+", piece):
            self._put(part)
        self._file.flush()

    def end(self) -> None:
        if self._column:
            self._file.write("\n")
            self._file.flush()
        self._column, self._word = 0, ""

    def _put(self, part: str) -> None:
        if part.isspace():
            self._word = ""
        else:
            self._word += part
        room = self._width - self._column
        if part == "\n" or (part.isspace() and cell_len(part) >= room):
            self._file.write("\n")
            self._column = 0
        elif cell_len(part) > room and cell_len(self._word) < self._width:
            self._start_word_again(part)
        else:
            self._file.write(part)
            self._column += cell_len(part)
            if self._column > self._width:
                self._column %= self._width

    def _start_word_again(self, part: str) -> None:
        printed = cell_len(self._word) - cell_len(part)
        self._file.write("\b \b" * printed + "\n" + self._word)
        self._column = cell_len(self._word)


class Lanes:
    """A column for each answer on a terminal; in a pipe each one is printed whole at the end."""

    def __init__(self, console: Console, titles: Sequence[str], more: str) -> None:
        self._console, self._titles, self._more = console, list(titles), more
        self._texts = [""] * len(titles)
        self._live = Live(console=console, refresh_per_second=15, transient=False)

    def add(self, lane: int, piece: str) -> None:
        for number in range(len(self._texts), lane + 1):
            self._titles.append(f"{self._more} {number}")
            self._texts.append("")
        self._texts[lane] += piece
        if self._console.is_terminal:
            self._live.update(self._columns())

    def __enter__(self) -> "Lanes":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
            return
        for title, text in zip(self._titles, self._texts, strict=True):
            self._console.print(f"{title}\n{text}\n", markup=False, soft_wrap=True)

    def _columns(self) -> Table:
        table = bare_table(expand=True)
        for title in self._titles:
            table.add_column(title, ratio=1, header_style="bold", overflow="fold")
        table.add_row(*map(escape, self._texts))
        return table


def excerpt(text: str, question: str, width: int) -> str:
    """A line of a text, starting at the most specific word that it shares with a question.

    A code (`E15`) is most specific, then a long word.
    """
    words = text.split()
    plain = [word.strip("?.,!:;()").lower() for word in words]
    asked = {word.strip("?.,!:;()").lower() for word in question.split()}

    def specific(place: int) -> tuple[bool, int]:
        return any(map(str.isdigit, plain[place])), len(plain[place])

    shared = [place for place, word in enumerate(plain) if word in asked and len(word) > 2]
    start = max(shared, key=specific, default=0)
    lead = "... " if start else ""
    return lead + textwrap.shorten(" ".join(words[start:]), width - len(lead), placeholder=" ...")


def bare_table(*, expand: bool = False) -> Table:
    """Columns without lines between them, two spaces apart."""
    return Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), expand=expand)


def histogram(arrivals: Sequence[float], longest: float, width: int, bars: str = BARS) -> str:
    """How much came when: a bar for each stretch of time; the first of `bars` means nothing."""
    counts = [0] * width
    for arrival in arrivals:
        counts[min(width - 1, int(width * arrival / longest)) if longest else 0] += 1
    most = max(counts)
    return "".join(bars[-(-count * (len(bars) - 1) // most)] for count in counts)


def can_print(characters: str, encoding: str | None) -> bool:
    try:
        characters.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
