"""Filling a JSON schema without a model: from the words, from facts, from sentences.

For each property candidates are gathered, the best first: what a tool gave back under the same
name, what the words of the prompt say to its name and description, then the same in plain facts
and in the best sentence of the corpus. The first that is valid by the schema is taken; without any
the property gets null, its default, an example, or its least valid value.

Properties are filled in an order of their own, the most certain first (an address can be told from
other words, a mere name cannot), and a place in the prompt is used only once.
"""

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from emulator.structured import extract, facts
from emulator.structured.dates import TextSpan
from emulator.structured.extract import Words
from emulator.structured.hints import Hint
from emulator.structured.smallest import Least
from emulator.structured.strict import check_strict
from emulator.structured.validate import (
    Flat,
    Schema,
    alternatives,
    as_schema,
    check_supported,
    is_valid,
)
from emulator.text.words import words_of

__all__ = ["Filled", "Sources", "check_strict", "fill"]

_LONGEST = 20_000
_BUDGET = 1_000
_SURE = ("email", "phone", "url", "moment", "date", "time", "duration", "expression", "language")
_LAST = ("query", "text", "report", "free")
_VAGUE = ("", "name", "title", "item", *_LAST)


@dataclass(frozen=True)
class Sources:
    """Where values may come from, best first.

    `prompt` is what the user said last; `facts` are what tools gave back, JSON values or plain
    text; `quote` gives the corpus's best sentences for a question, "" if there are none.
    """

    prompt: str
    facts: Sequence[object] = ()
    quote: Callable[[str], str] = lambda question: ""
    today: datetime.date = field(default=datetime.date(2026, 1, 1))


@dataclass(frozen=True)
class Filled:
    """A value that is valid by the schema, and for what nothing was found.

    `missing` are the required properties of the top level, in order, that neither the sources nor
    null, a default or a constant could fill.
    """

    value: object
    missing: list[str]


@dataclass(frozen=True)
class Part:
    """A value for one schema; `score` is 0 where nothing was found, 1 where everything was.

    `is_blank` says that it only stands for a value that is missing; `lacking` are the required
    properties of an object for which that is so.
    """

    value: Any
    score: float = 0.0
    is_blank: bool = False
    lacking: tuple[str, ...] = ()


def fill(schema: Mapping[str, object], sources: Sources) -> Filled:
    """A value for a schema from the sources; ValueError for a schema that cannot be filled."""
    check_supported(schema)
    try:
        is_open = all(flat.kind == "any" for flat in alternatives(schema, schema))
        root = {**schema, "type": "object"} if is_open else schema
        about = Hint(outer=words_of(str(schema.get("title", ""))))
        part = _Filler(root, sources).part(root, about, ())
        if not is_valid(part.value, schema, schema):
            raise ValueError("schema cannot be satisfied")
    except RecursionError as error:
        raise ValueError("schema is nested too deeply") from error
    return Filled(part.value, list(part.lacking))


class _Filler:
    """The sources of one filling, and the places in the prompt that are used up."""

    def __init__(self, root: Schema, sources: Sources) -> None:
        self._root = root
        self._sources = sources
        self._least = Least(root, sources.today)
        self._facts = [facts.read(fact) for fact in sources.facts]
        self._words = Words(sources.prompt[:_LONGEST], sources.today)
        self._told = [Words(f[:_LONGEST], sources.today) for f in self._facts if isinstance(f, str)]
        self._quotes: dict[str, str] = {}
        self._left = _BUDGET
        self._by_kind: dict[str, Callable[[Schema, Hint, tuple[str, ...], bool], Part | None]] = {
            "object": self._object,
            "array": self._array,
        }

    def part(
        self, schema: Schema, hint: Hint, path: tuple[str, ...], is_needed: bool = True
    ) -> Part:
        """The best value that the sources give, or else what stands in for it."""
        best: Part | None = None
        taken = before = self._words.taken
        self._left -= 1
        flats = alternatives(schema, self._root)
        is_needed = is_needed and not any(flat.kind == "null" for flat in flats)
        for flat in flats if self._left > 0 else []:
            if flat.refs & set(path):
                continue  # A recursive schema goes on with its least value.
            self._words = self._words.with_taken(before)
            found = self._of(flat, schema, hint, path, is_needed)
            if found and (best is None or found.score > best.score):
                best, taken = found, self._words.taken
        self._words = self._words.with_taken(taken)
        if best and best.score:
            return best
        return self._stand_in(schema, path, best)

    def _of(
        self, flat: Flat, schema: Schema, hint: Hint, path: tuple[str, ...], is_needed: bool
    ) -> Part | None:
        """What the sources give for one alternative, if it is valid by the whole schema."""
        inner, hint = (*path, *flat.refs), hint.with_schema(flat.schema)
        if self._facts and hint.names:
            for value in facts.named(self._facts, hint.names, self._words.lower):
                for fitting in facts.converted(value, flat.schema, self._root):
                    if is_valid(fitting, schema, self._root):
                        return Part(fitting, 1.0)
        filler = self._by_kind.get(flat.kind)
        if filler is not None:
            part = filler(flat.schema, hint, inner, is_needed)
            return part if part and is_valid(part.value, schema, self._root) else None
        for found, is_own in self._scalars(flat, hint, is_needed):
            if is_valid(found.value, schema, self._root):
                if is_own:
                    self._words = self._words.with_taken((*self._words.taken, found))
                return Part(found.value, 1.0)
        return None

    def _stand_in(self, schema: Schema, path: tuple[str, ...], best: Part | None) -> Part:
        """What stands where nothing was found: null, a default, an example, the least value."""
        flats = [flat.schema for flat in alternatives(schema, self._root)]
        defaults = [flat["default"] for flat in flats if "default" in flat]
        constants = [flat["const"] for flat in flats if "const" in flat]
        for value in [None, *defaults, *(constants if len(flats) == 1 else [])]:
            if is_valid(value, schema, self._root):
                return Part(value)
        for value in [example for flat in flats for example in flat.get("examples", [])]:
            if is_valid(value, schema, self._root):
                return Part(value, is_blank=True)
        return best or Part(self._least.value(schema, path), is_blank=True)

    # ------------------------------------------------------------------------------- objects

    def _object(
        self, schema: Schema, hint: Hint, path: tuple[str, ...], is_needed: bool
    ) -> Part | None:
        """Each property by itself, the surest first; optional ones only with evidence."""
        properties: dict[str, Schema] = {
            name: as_schema(inner) for name, inner in schema.get("properties", {}).items()
        }
        required = schema.get("required", [])
        other = as_schema(schema.get("additionalProperties", True))
        properties |= {name: other for name in required if name not in properties}
        if not properties:
            return self._open_object(schema, hint)
        hints = {name: Hint.of(name, inner, hint) for name, inner in properties.items()}
        parts: dict[str, Part] = {}
        for name in sorted(properties, key=lambda name: self._order(properties[name], hints[name])):
            needed = name in required
            try:
                part = self.part(properties[name], hints[name], path, needed)
            except ValueError:
                if needed:
                    return None
                continue
            if needed or part.score:
                parts[name] = part
        value = {name: parts[name].value for name in properties if name in parts}
        lacking = tuple(name for name in properties if name in parts and parts[name].is_blank)
        score = sum(part.score for part in parts.values()) / max(1, len(parts))
        return Part(value, score, bool(lacking) and not score, lacking)

    def _open_object(self, schema: Schema, hint: Hint) -> Part | None:
        """An object of any kind: what a tool gave back, or an answer."""
        if hint.names or schema.get("additionalProperties") is False:
            return Part({})
        for fact in self._facts:
            if isinstance(fact, dict):
                return Part(fact, 1.0)
        answer = self._quote(Hint())
        return Part({"answer": answer}, 1.0) if answer else Part({})

    def _order(self, schema: Schema, hint: Hint) -> tuple[int, int]:
        """When to fill a property: what can be told apart surely goes first."""
        flats = alternatives(schema, self._root)
        kinds = {flat.kind for flat in flats}
        items = [
            as_schema(flat.schema.get("items", True)) for flat in flats if flat.kind == "array"
        ]
        if any(flat.kind == "object" for item in items for flat in alternatives(item, self._root)):
            return 6, 0
        if "" in kinds or hint.kind in _SURE:
            return 0, 0
        if kinds & {"integer", "number"}:
            near = extract.nearest(self._words, hint, False)
            return (1, 0) if near else (2, 0)
        if "array" in kinds or "object" in kinds:
            return 4, hint.kind != "person"
        return (5, hint.kind in _LAST) if hint.kind in _VAGUE else (3, 0)

    # -------------------------------------------------------------------------------- arrays

    def _array(
        self, schema: Schema, hint: Hint, path: tuple[str, ...], is_needed: bool
    ) -> Part | None:
        """The entries that the sources give; as many as may be, and at least as many as must."""
        first = [as_schema(inner) for inner in schema.get("prefixItems", [])]
        items = as_schema(schema.get("items", True))
        values = [part.value for part in (self.part(inner, hint, path) for inner in first)]
        found = [] if first else self._entries(items, hint, path, is_needed)
        most, least = schema.get("maxItems", len(found)), schema.get("minItems", 0)
        for value in found[: int(most)]:
            if not (schema.get("uniqueItems") and value in values):
                values.append(value)
        if len(values) < least or not found:
            rest = self._least.value({**schema, "type": "array"}, path)
            values += rest[len(values) :]
        return Part(values, 1.0 if found else 0.0, not found)

    def _entries(
        self, items: Schema, hint: Hint, path: tuple[str, ...], is_needed: bool
    ) -> list[Any]:
        """Valid entries for one schema of items."""
        flats = alternatives(items, self._root)
        kinds = {flat.kind for flat in flats}
        found: list[TextSpan] = []
        if "object" in kinds:
            return self._objects(items, hint, path)
        if "" in kinds:
            choices = [choice for flat in flats for choice in flat.schema.get("enum", [])]
            found = extract.options(self._words, choices)
        elif kinds & {"integer", "number"}:
            near = extract.nearest(self._words, hint, is_needed)
            found = sorted(near, key=lambda number: number.start)
        elif "string" in kinds:
            found = self._texts(items, hint, is_needed)
        valid = [each for each in found if is_valid(each.value, items, self._root)]
        self._words = self._words.with_taken((*self._words.taken, *valid))
        return [each.value for each in valid]

    def _texts(self, items: Schema, hint: Hint, is_needed: bool) -> list[TextSpan]:
        """Texts for a list: a list in the words, one text that fits, or sentences."""
        inner = Hint.of("", items, hint)
        hint = Hint(hint.names, hint.outer, hint.told, inner.form)
        if hint.kind in ("free", "report") or "points" in hint.names:
            quoted = extract.sentences(self._answer(hint))
            return [TextSpan(0, 0, text, text) for text in quoted]
        if hint.kind in _SURE or hint.kind == "id":
            found = extract.strings(self._words, hint, False)
            return list({each.start: each for each in [*found][::-1]}.values())[::-1]
        several = extract.listed(self._words, hint)
        return several or list(extract.strings(self._words, hint, is_needed))[:1]

    def _objects(self, items: Schema, hint: Hint, path: tuple[str, ...]) -> list[Any]:
        """One object for each clause that fills all of it, or one for the whole prompt."""
        entries = []
        for clause in extract.clauses(self._words.text):
            with self._reading(clause):
                part = self.part(items, hint, path)
            if part.score == 1.0:
                entries.append(part.value)
        if not entries:
            part = self.part(items, hint, path)
            entries = [part.value] if part.score >= 0.5 else []
        return entries

    @contextmanager
    def _reading(self, clause: str) -> Iterator[None]:
        """Read nothing but one clause for a while."""
        kept = self._words, self._told, self._facts, self._sources, self._quotes
        self._words, self._told, self._facts = Words(clause, self._sources.today), [], []
        self._sources, self._quotes = Sources(clause, today=self._sources.today), {}
        try:
            yield
        finally:
            self._words, self._told, self._facts, self._sources, self._quotes = kept

    # ------------------------------------------------------------------------ single values

    def _scalars(self, flat: Flat, hint: Hint, is_needed: bool) -> Iterator[tuple[TextSpan, bool]]:
        """Candidates for one value, and whether their place in the prompt is used up by them."""
        if flat.kind == "string" and hint.kind == "report" and is_needed:
            for text in _shortened(self._answer(hint), flat.schema):
                yield TextSpan(0, 0, text, text), False
        for found in _found(self._words, flat, hint, is_needed):
            yield found, True
        for told in self._told:
            for found in _found(told, flat, hint, is_needed):
                yield found, False
        if not is_needed or flat.kind in ("boolean", "null"):
            return
        if flat.kind == "string" and hint.kind in ("free", "", "topic", "text"):
            for text in _shortened(self._answer(hint), flat.schema):
                yield TextSpan(0, 0, text, text), False
        elif hint.kind not in ("query", "task"):
            quoted = Words(self._quote(hint), self._sources.today)
            for found in _found(quoted, flat, hint, is_needed):
                yield found, False

    def _answer(self, hint: Hint) -> str:
        """Free text that answers the prompt: what tools say, or else the corpus."""
        if hint.kind in ("free", "report"):
            for fact in sorted(self._facts, key=lambda fact: not isinstance(fact, str)):
                if text := facts.rendered(fact):
                    return text
        return self._quote(hint)

    def _quote(self, hint: Hint) -> str:
        """The best sentences for the prompt, with the words of the property to lead them."""
        words = "" if hint.kind in ("free", "report") else " ".join(hint.names)
        question = f"{self._sources.prompt} {words}".strip()
        if question not in self._quotes:
            self._quotes[question] = self._sources.quote(question)
        return self._quotes[question]


def _found(words: Words, flat: Flat, hint: Hint, is_needed: bool) -> Iterator[TextSpan]:
    """Candidates of one type in a text, the best first."""
    if flat.kind == "":
        yield from extract.options(words, flat.schema.get("enum", []))
    elif flat.kind == "boolean":
        if truth := extract.truth(words, hint):
            yield truth
    elif flat.kind in ("integer", "number"):
        if hint.kind == "time":
            clocks = extract.strings(words, Hint(("time",), form="time"), is_needed)
            for clock in clocks:
                yield TextSpan(clock.start, clock.end, clock.said, int(str(clock.value)[:2]))
        yield from extract.nearest(words, hint, is_needed)
    elif flat.kind in ("string", "any"):
        if "pattern" in flat.schema:
            yield from _pieces(words)
        yield from extract.strings(words, hint, is_needed)


def _pieces(words: Words) -> Iterator[TextSpan]:
    """What a pattern may be meant for: words, and pairs of words, with a digit or a sign."""
    for size in (1, 2):
        for match in re.finditer(r"\S+" + r"\s\S+" * (size - 1), words.text):
            text = match[0].strip(".,;:!?()\"'")
            if text and re.search(r"\d|[^\w\s]", text):
                yield TextSpan(match.start(), match.end(), text, text)


def _shortened(text: str, schema: Schema) -> Iterator[str]:
    """A text, and as much of it as the schema has room for."""
    most = schema.get("maxLength")
    if text and (most is None or len(text) <= most):
        yield text
    elif text and most:
        yield text[: int(most) + 1].rsplit(" ", 1)[0][: int(most)]
