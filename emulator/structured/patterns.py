"""Regular expressions that a caller sends, matched without the danger that Python's `re` has.

`re` tries one way through a pattern after the other, and some patterns have exponentially many:
`^([a-z0-9]+-?)+$` on 50 letters and a blank never ends. Meanwhile `re` holds Python's lock, so that
no other thread runs, and not even Ctrl-C arrives.

The remedy is that of Thompson (1968), as RE2's "BitState" applies it. The pattern is translated
into a program of small instructions. Whether a text matches from an instruction and a place on
depends on these two alone, never on the way that led there. So each pair is tried once, and the
time is at most instructions times characters. A look-ahead is a program inside, tried at a place.

RE2 itself (`google-re2`) has no wheel for Python 3.15 or older Macs, and knows no look-ahead. The
package `regex` has a timeout, but would then refuse patterns that are harmless to OpenAI. A back-
reference depends on the way, so it can't be matched like this, and is refused.
"""

import importlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

MOST_CHARACTERS = 10_000
"""Of a pattern."""
MOST_INSTRUCTIONS = 10_000
MOST_STEPS = 200_000
"""Pairs of an instruction and a place that are tried for one text, which takes about 0.1 s."""
MOST_PROGRAMS = 16
"""That are kept. The largest takes 3 MB: 10,000 instructions, each with an atom of its own."""

# The parser of `re` is the one part of it that is used. It has no public name.
_parser: Any = importlib.import_module("re._parser")
_compiler: Any = importlib.import_module("re._compiler")
_NAMED_GROUP = re.compile(r"(\\.)|\(\?<(?![=!])", re.DOTALL)

Atom = Callable[[str, int], re.Match[str] | None]


class TooManySteps(Exception):
    """A text would take too long; raised by `Pattern.search` alone."""


class Pattern:
    """A program for a pattern of JavaScript's or Python's kind; ValueError if it can't be matched.

    Each instruction is a tuple. `next` is the number of the instruction behind it:

        ("atom", match, width)       a character, or a place such as `^` or `\\b`; then next
        ("split", first, second)     go on at either of these
        ("look", start, back, want)  try the program at `start`, `back` characters before; then next
        ("end",)                     the text matches
    """

    def __init__(self, source: str) -> None:
        if len(source) > MOST_CHARACTERS:
            raise ValueError(f"a pattern of {len(source)} characters is not supported")
        self.source = _NAMED_GROUP.sub(lambda m: m[1] or "(?P<", source)
        self._program: list[tuple[Any, ...]] = []
        self._atoms: dict[str, Atom] = {}
        try:
            tree = _parser.parse(self.source)
            self._add_all(tree, tree.state.flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"pattern {source!r} is not supported: {error}") from error
        self._program.append(("end",))
        self._atoms.clear()
        # Nothing can begin behind the start of the text.
        start = (_parser.AT, _parser.AT_BEGINNING)
        self._is_anchored = list(tree)[:1] == [start] and not tree.state.flags & re.MULTILINE

    def search(self, text: str) -> bool:
        """Whether it matches anywhere in a text; raises TooManySteps where that takes too long."""
        run = _Run(self._program, text)
        starts = range(1 if self._is_anchored else len(text) + 1)
        return any(run.reaches_end(0, start) for start in starts)

    def _add_all(self, nodes: Any, flags: int) -> None:
        for node in nodes:
            self._add(node, flags)

    def _add(self, node: tuple[Any, Any], flags: int) -> None:
        if len(self._program) > MOST_INSTRUCTIONS:
            raise ValueError(f"pattern {self.source[:80]!r} is not supported: it is too large")
        kind, content = str(node[0]), node[1]
        if kind in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, body = content
            self._add_repeat(least, most, body, flags)
        elif kind == "BRANCH":
            self._add_branches(content[1], flags)
        elif kind == "SUBPATTERN":
            _, more, less, inner = content
            self._add_all(inner, (flags | more) & ~less)
        elif kind in ("ASSERT", "ASSERT_NOT"):
            direction, inner = content
            self._add_look(direction, inner, kind == "ASSERT", flags)
        elif kind in _WIDTHS:
            self._program.append(("atom", self._atom(node, flags), _WIDTHS[kind]))
        else:
            what = "a back-reference" if "GROUPREF" in kind else kind.lower().replace("_", " ")
            raise ValueError(f"pattern {self.source!r} is not supported: it has {what}")

    def _atom(self, node: tuple[Any, Any], flags: int) -> Atom:
        """How `re` matches one character or place at an index; it knows case, classes and Unicode.

        Equal ones are compiled once, as `a{5000}` has 5,000 of them.
        """
        name = f"{node} {flags}"
        if name not in self._atoms:
            state = _parser.State()
            state.flags = flags
            expression = _compiler.compile(_parser.SubPattern(state, [node]), flags)
            self._atoms[name] = expression.match
        return self._atoms[name]

    def _add_repeat(self, least: int, most: int, body: Any, flags: int) -> None:
        """`least` copies; then as many that can be left out, or one that can be repeated."""
        for _ in range(least):
            before = len(self._program)
            self._add_all(body, flags)
            if before == len(self._program):  # of nothing
                return
        if most == _parser.MAXREPEAT:
            start = self._reserve()
            self._add_all(body, flags)
            self._program.append(("split", start, start))
            self._program[start] = ("split", start + 1, len(self._program))
            return
        starts = []
        for _ in range(most - least):
            starts.append(self._reserve())
            self._add_all(body, flags)
        for start in starts:
            self._program[start] = ("split", start + 1, len(self._program))

    def _add_branches(self, branches: Any, flags: int) -> None:
        ends = []
        for branch in branches[:-1]:
            start = self._reserve()
            self._add_all(branch, flags)
            ends.append(self._reserve())
            self._program[start] = ("split", start + 1, len(self._program))
        self._add_all(branches[-1], flags)
        for end in ends:
            self._program[end] = ("split", len(self._program), len(self._program))

    def _add_look(self, direction: int, inner: Any, want: bool, flags: int) -> None:
        """The program inside stands behind a jump over it."""
        jump = self._reserve()
        start = len(self._program)
        self._add_all(inner, flags)
        self._program.append(("end",))
        self._program[jump] = ("split", len(self._program), len(self._program))
        # Only a look-behind of a fixed width gets through the parser.
        back = inner.getwidth()[0] if direction < 0 else 0
        self._program.append(("look", start, back, want))

    def _reserve(self) -> int:
        """The number of an instruction that is filled in once it is known where it leads."""
        self._program.append(("end",))
        return len(self._program) - 1


class _Run:
    """One text; `_failed` are the pairs from which the end can't be reached."""

    def __init__(self, program: list[tuple[Any, ...]], text: str) -> None:
        self._program, self._text = program, text
        self._failed: set[tuple[int, int]] = set()
        self._left = MOST_STEPS

    def reaches_end(self, start: int, place: int) -> bool:
        tried: set[tuple[int, int]] = set()
        waiting = [(start, place)]
        while waiting:
            pair = waiting.pop()
            if pair in tried or pair in self._failed:
                continue
            tried.add(pair)
            self._left -= 1
            if self._left < 0:
                raise TooManySteps
            number, at = pair
            match self._program[number]:
                case ("end",):
                    return True
                case ("split", first, second):
                    waiting += [(second, at), (first, at)]
                case ("atom", matches, width):
                    if matches(self._text, at):
                        waiting.append((number + 1, at + width))
                case (_, inner, back, want):
                    if (at >= back and self.reaches_end(inner, at - back)) == want:
                        waiting.append((number + 1, at))
        self._failed |= tried
        return False


_WIDTHS = {"AT": 0, **dict.fromkeys(["LITERAL", "NOT_LITERAL", "IN", "ANY"], 1)}


@lru_cache(MOST_PROGRAMS)
def compiled(source: str) -> Pattern:
    """The program for a pattern; ValueError if it can't be matched."""
    return Pattern(source)
