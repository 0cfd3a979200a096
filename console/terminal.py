"""What a lesson prints: headings, live text, timings, tables, pictures.

In a pipe, and with `NO_COLOR`, it is plain text. Characters that the terminal's encoding lacks are
replaced by ASCII ones, so nothing breaks on Windows or in an old locale.
"""

import io
import os
import re
import sys
import textwrap
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import closing, contextmanager, nullcontext, suppress
from itertools import groupby
from pathlib import Path
from typing import Any, TextIO, TypeVar

from audio.call_recording import Mark, Span

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

NARROWEST, WIDEST = 20, 88
# Set by the presenter, which shows the output of a lesson in a part of its own screen.
IN_PANE = "COURSE_IN_PANE"
PANE_OPTIONS = {"force_terminal": True, "legacy_windows": False, "color_system": "standard"}
# A code of the terminal (OSC) around a line of the traffic, so that the presenter can tell it from
# the text; and the code for a cleared screen.
WIRE_CODE, WIRE_END, CLEAR = "\x1b]7700;", "\x1b\\", "\x1b[2J\x1b[H"
WIRE_SHOWN = 400
MOST_ROWS = 20
SPEAKER = len("assistant")
VOICES = {"caller": "green", "assistant": "magenta", "not heard": "red"}
Item = TypeVar("Item")

# C0 but for tab and line feed, DEL, C1, and the marks that change the direction of a line.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

BARS, PLAIN_BARS = "·▁▂▃▄▅▆▇█", ".:-=+*#%@"
SPEECH, PLAIN_SPEECH = "█▲", "#^"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def printable(text: str) -> str:
    """A text whose control characters are shown as signs, so that they can't move the cursor.

    Line breaks and tabs stay. Marks that reverse the direction of a line go the same way.
    """
    return _CONTROL.sub(lambda found: _sign(found[0]), text)


def _sign(letter: str) -> str:
    """Unicode has a picture for each of the first 32 control characters; others get a stand-in."""
    return chr(0x2400 + ord(letter)) if ord(letter) < 0x20 else "\ufffd"


def plain(text: str) -> str:
    """A text as it is to be shown: without control characters, and no markup of rich's."""
    return escape(printable(text))


class PrintedText(io.TextIOBase):
    """Standard output while a lesson runs; whatever is not about writing is the stream's own."""

    def __init__(self, page: "Page", stream: Any) -> None:
        self._page, self._stream = page, stream

    def write(self, text: str) -> int:
        self._page.write(printable(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return bool(self._stream.isatty())

    def fileno(self) -> int:
        return int(self._stream.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return str(self._stream.encoding)


class Terminal:
    """The learner's terminal: standard output (or `file`), at most 88 columns wide."""

    def __init__(self, file: TextIO | None = None) -> None:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        if sys.stdout is None:  # started with its standard output closed
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  until the end
        self._is_in_pane = bool(os.environ.get(IN_PANE))
        options: dict[str, Any] = PANE_OPTIONS if self._is_in_pane else {}
        self._console = Screen(highlight=False, file=file or sys.stdout, **options)
        self._console.width = max(NARROWEST, min(self._console.width, WIDEST))
        self._page = Page(self._console)
        self._bars = BARS if can_print(BARS, self._console.encoding) else PLAIN_BARS

    @contextmanager
    def as_output(self) -> Iterator[None]:
        """Let `print` write to this terminal: it wraps between words, and shows control characters.

        A lesson prints what a model wrote. Without this, a model could move the cursor.
        """
        before = sys.stdout
        sys.stdout = PrintedText(self._page, before)
        try:
            yield
        finally:
            self._page.end()
            sys.stdout = before

    def say(self, text: Any = "", **options: Any) -> None:
        """Print markup or something of rich's on a line of its own."""
        self._page.end()
        self._console.print(text, **options)

    def heading(self, title: str, why: str = "") -> None:
        """The title of a part, and why it is there. The presenter shows both itself."""
        if self._is_in_pane:
            self._write_code(CLEAR)
            return
        self.say(f"\n[bold cyan]{plain(title)}[/]")
        if why:
            self.note(why)
        self.say()

    def _write_code(self, code: str) -> None:
        self._console.file.write(code)
        self._console.file.flush()

    def note(self, text: str) -> None:
        """A remark of the lesson, marked so that nobody takes it for the model's words."""
        for line in textwrap.wrap(" ".join(text.split()), self._console.width - 3):
            self.say(f"[cyan]|[/]  {plain(line)}")

    def paragraph(self, text: str) -> None:
        """Plain text, wrapped between words."""
        for line in textwrap.wrap(" ".join(text.split()), self._console.width - 1):
            self.say(plain(line))

    def item(self, mark: str, text: str) -> None:
        """Plain text after a mark, such as the letter of a choice; further lines are indented."""
        lines = textwrap.wrap(text, max(20, self._console.width - len(mark) - 1))
        for place, line in enumerate(lines):
            self.say(plain((mark if place == 0 else " " * len(mark)) + line))

    def line(self, text: str) -> None:
        """A line as it is, such as code, or an excerpt with a caret below it."""
        self.say(printable(text), markup=False, soft_wrap=True)

    def pause(self) -> None:
        """Wait for Enter, if somebody is there to press it."""
        if sys.stdin and sys.stdin.isatty():
            with suppress(EOFError):
                self._console.input(
                    "\n[cyan]|[/]  Press Enter for the next part, or Ctrl-C to end. "
                )

    def question(self, text: str) -> None:
        """A question, marked to differ from the answer below it."""
        self.say(f"[bold]> {plain(text)}[/]")

    def utterance(self, seconds: float | None, speaker: str, text: str) -> None:
        """What a side of a call said, and when; None continues the line before."""
        moment = " " * 7 if seconds is None else f"{seconds:5.1f} s"
        start = f"{moment}  {speaker:{SPEAKER}}  "
        lines = textwrap.wrap(text, max(20, self._console.width - len(start) - 1)) or [""]
        colour = VOICES.get(speaker, "default")
        for place, line in enumerate(lines):
            margin = start if place == 0 else " " * len(start)
            self.say(f"[{colour}]{margin}{plain(line)}[/]")

    def command(self, text: str) -> None:
        """A command that can be typed next, on a line of its own that never wraps."""
        self.say(f"   {printable(' '.join(text.split()))}", markup=False, soft_wrap=True)

    def live(self, pieces: Iterable[str]) -> str:
        """Print pieces as they come, and return the text; a generator is always closed."""
        guard = closing(pieces) if isinstance(pieces, Generator) else nullcontext()
        text = ""
        try:
            with guard:
                for piece in pieces:
                    text += piece
                    self._page.write(printable(piece))
        finally:
            self._page.end()
        return text

    def wire(self, line: str) -> None:
        """A line of `--wire`, dimmed and cut to the width; it starts a new line amid an answer."""
        if self._is_in_pane:
            self._write_code(f"{WIRE_CODE}{printable(line)[:WIRE_SHOWN]}{WIRE_END}")
            return
        self.say(Text(printable(line), style="dim"), no_wrap=True, overflow="ellipsis")

    def events(self, events: Iterable[Any], meanings: Mapping[str, str]) -> None:
        """The types of events, as they come: each run of the same type as one line."""
        self.kinds((event.type or "(without a type)" for event in events), meanings)

    def kinds(self, kinds: Iterable[str], meanings: Mapping[str, str]) -> None:
        """The same for events of which only the types are known."""
        for kind, run in groupby(kinds):
            count = sum(1 for _ in run)
            times = f"x {count}" if count > 1 else ""
            meaning = meanings.get(kind, "(new to this lesson)")
            self.say(f"[bold]{plain(kind):29}[/] {times:>5}  {plain(meaning)}")

    def changes(self, states: Iterable[object]) -> None:
        """Each state that differs from the one before, on a line of its own."""
        for state, _ in groupby(states):
            self.say(plain(str(state)))

    def broken(self, how: str, text: str, ending: str) -> None:
        """A stream that broke: what was kept of it, and how it ended."""
        shown = textwrap.shorten(text, 45, placeholder=" ...")
        self.say(f"[bold]{plain(how)}[/]")
        self.say(f"    kept:  {_counted(len(text.split()), 'word')}: {plain(shown)}")
        room = self._console.width - len("    ended: ")
        self.say(f"    ended: {plain(textwrap.shorten(ending, room, placeholder=' ...'))}")

    def bill(self, counted: Any, cents: float | None, prices: tuple[float, float]) -> None:
        """The tokens of a request, and what they cost."""
        if counted is None:
            self.note("The stream ended without its usage.")
            return
        rows = [(counted.prompt_tokens, counted.completion_tokens, f"{cents or 0:.4f}")]
        self.table(["tokens in", "tokens out", "cents"], rows)
        known = f"${prices[0]:.2f} for a million tokens in, and ${prices[1]:.2f} out"
        self.note(f"At {known}." if any(prices) else "The price of this model isn't known here.")

    def timings(self, lanes: "Lanes") -> None:
        """Time to first text, total, and a histogram of when the text came, for each lane."""
        rows = {name: times for name, times in lanes.arrivals.items() if times}
        longest = max((times[-1] for times in rows.values()), default=0.0)
        table = bare_table()
        for title in ("", "first text", "all of it"):
            table.add_column(title, justify="left" if not title else "right")
        table.add_column(f"0 to {longest:.1f} s", no_wrap=True)
        room = max(12, self._console.width - 38)
        for name, times in rows.items():
            picture = histogram(times, longest, room, self._bars)
            table.add_row(
                plain(name), f"{times[0]:.2f} s", f"{times[-1]:.2f} s", f"[cyan]{picture}[/]"
            )
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
            table.add_row(*(plain(str(cell)) for cell in row))
        self._print_table(table)

    def left_out(self, unsupported: str, reasons: Mapping[str, str]) -> None:
        """Files that aren't used: those of unsupported types in a sentence, the others each."""
        if unsupported:
            self.note(f"Left out: {unsupported}.")
        if reasons:
            more = "more " if unsupported else ""
            self.note(f"Left out: {_counted(len(reasons), more + 'file')}.")
            width = self._console.width // 2
            rows = [(short_name(name, width), reason) for name, reason in reasons.items()]
            self._some_rows(["file", "why"], rows, folded=1)

    def files(
        self, indexed: int, total: int, states: Iterable[Any], names: Mapping[str, str]
    ) -> None:
        """How many files of a store are indexed, and each that isn't, with the reason."""
        self.note(f"{indexed} of {total} files are indexed.")
        rows = [
            (
                short_name(names.get(file.id, file.id), self._console.width // 2 - len("failed")),
                file.status,
                error.message if (error := file.last_error) else "",
            )
            for file in states
            if file.status != "completed"
        ]
        if rows:
            self._some_rows(["file", "state", "last_error"], rows, folded=2)

    def _some_rows(
        self, columns: Sequence[str], rows: Sequence[Sequence[object]], folded: int
    ) -> None:
        """At most MOST_ROWS rows, and how many there are besides."""
        self.table(columns, rows[:MOST_ROWS], folded=folded)
        if len(rows) > MOST_ROWS:
            self.note(f"And {_counted(len(rows) - MOST_ROWS, 'more file')}.")

    def similarities(
        self,
        texts: Sequence[str],
        vectors: Sequence[Sequence[float]],
        cosine: Callable[[Sequence[float], Sequence[float]], float],
    ) -> None:
        """How similar each text is to each, with a letter for each text."""
        rows = [
            (f"{letter}  {text}", *(f"{cosine(vector, other):4.1f}" for other in vectors))
            for letter, text, vector in zip(LETTERS, texts, vectors, strict=False)
        ]
        self.table(["", *LETTERS[: len(texts)]], rows, folded=0)

    def hits(self, title: str, hits: Iterable[Any], question: str) -> None:
        """The passages that a search of a store has found."""
        found = [
            (hit.filename or "", hit.score or 0, " ".join(part.text for part in hit.content or []))
            for hit in hits
        ]
        self.passages(title, found, question)

    def passages(self, title: str, found: Iterable[tuple[str, float, str]], question: str) -> None:
        """Search results: score, file, and an excerpt near the question."""
        self.say(f"[bold]{plain(title)}[/]")
        for place, (name, score, text) in enumerate(found, 1):
            self.say(f"{place}  {score:.2f}  [cyan]{plain(name)}[/]")
            room = self._console.width - 9
            self.say(f"         {plain(excerpt(text, question, room))}")
        self.say()

    def measured(self, results: Mapping[str, Iterable[float]]) -> None:
        """What was tried, and how often the right passage came."""
        rows = [(name, *(f"{value:.2f}" for value in values)) for name, values in results.items()]
        self.table(["", "first", "among five", "passages"], rows)

    def progress(self, items: Iterable[Item], title: str) -> Generator[Item, None, None]:
        """The items, with a progress bar on a terminal."""
        total = len(items) if isinstance(items, Sized) else None
        self._page.end()
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
        labels: Sequence[str],
        file: Path | None = None,
    ) -> None:
        """The vectors as letters on a plane; with `file`, as a picture, too."""
        # Imported here, as NumPy takes a tenth of a second to load and lesson 1 does not need it.
        from console.pictures import in_letters, on_a_plane, write_svg

        points = on_a_plane(vectors)
        for line in in_letters(
            points, LETTERS[: len(points)], min(60, self._console.width - 2), 12
        ):
            self.say(f"  [cyan]{plain(line)}[/]")
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
            self.say(f"[cyan]{plain(line)}[/]", no_wrap=True, crop=True)
        if file is not None:
            write_timeline(file, spans, marks, duration_s, levels)
            self.note(f"The timeline is in {file}.")

    def asked(self, questions: Iterable[str]) -> Iterator[str]:
        """The questions, each shown before it is asked."""
        for question in questions:
            self.question(question)
            yield question

    def typed(self, first: str | None = None) -> Iterator[str]:
        """Questions as they are typed, after the first, until an empty line or the input's end."""
        if first:
            yield from self.asked([first])
        while line := self._typed("Your question (an empty line ends): "):
            # Where the input or the output is a pipe, the terminal doesn't show what was typed.
            if not self._is_interactive:
                self.say()
                self.question(line)
            yield line

    @property
    def _is_interactive(self) -> bool:
        return bool(sys.stdin and sys.stdin.isatty()) and self._console.is_terminal

    def _typed(self, prompt: str) -> str:
        shown = f"\n[bold]{prompt}[/]" if self._is_interactive else ""
        try:
            return self._console.input(shown).strip()
        except EOFError:
            self._console.print()
            return ""

    def _print_table(self, table: Table) -> None:
        """Print it without the spaces that fill its last column."""
        self._page.end()
        with self._console.capture() as printed:
            self._console.print(table)
        for line in printed.get().splitlines():
            self._console.file.write(line.rstrip() + "\n")

    @contextmanager
    def status(self, lines: Callable[[], str]) -> Iterator[None]:
        """Lines below all others that are drawn again and again, on a terminal, until the end."""
        self._page.end()
        if not self._console.is_terminal:
            yield
            return

        def drawn() -> Text:
            return Text(printable(lines()), no_wrap=True, overflow="ellipsis")

        live = Live(
            console=self._console, refresh_per_second=10, transient=True, get_renderable=drawn
        )
        with live:
            yield

    def lanes(self, titles: Sequence[str]) -> "Lanes":
        """Several answers side by side, each growing in a lane of its own."""
        self._page.end()
        return Lanes(self._console, titles)


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
    """A column for each answer on a terminal; in a pipe each one is printed whole at the end.

    A column without text shows how long it has waited. `arrivals` has the time of each piece, in
    seconds after the start.
    """

    def __init__(
        self,
        console: Console,
        titles: Sequence[str],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._console, self._titles, self._clock = console, list(titles), clock
        self._start = clock()
        self._texts = [""] * len(titles)
        self._arrivals: list[list[float]] = [[] for _ in titles]
        self._live = Live(console=console, refresh_per_second=15, get_renderable=self._columns)

    @property
    def arrivals(self) -> dict[str, list[float]]:
        return dict(zip(self._titles, self._arrivals, strict=True))

    def add(self, lane: int, piece: str) -> None:
        if piece:
            self._arrivals[lane].append(self._clock() - self._start)
            self._texts[lane] += piece

    def __enter__(self) -> "Lanes":
        self._start = self._clock()
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
            return
        for title, text in zip(self._titles, self._texts, strict=True):
            self._console.print(f"{plain(title)}\n{plain(text)}\n", soft_wrap=True)

    def _columns(self) -> Table:
        table = bare_table(expand=True)
        for title in self._titles:
            table.add_column(plain(title), ratio=1, header_style="bold", overflow="fold")
        waited = f"[cyan]{self._clock() - self._start:.1f} s[/]"
        table.add_row(*(plain(text) if text else waited for text in self._texts))
        return table


def short_name(name: str, width: int) -> str:
    """A file's name with dots in place of its middle, if it takes more than so many columns."""
    if cell_len(name) <= width:
        return name
    start, end = name, f"...{name[-8:]}"
    while start and cell_len(start + end) > width:
        start = start[:-1]
    return start + end


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
