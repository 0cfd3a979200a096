"""Filling a JSON schema without a model: from the words, from facts, from sentences.

For each property there are candidates, the best first, and the first one that is valid by the
schema is taken:

    1  what a tool gave back under the same name (facts.py)
    2  what fits the name and the description in the words of the prompt (hints.py, extract.py)
    3  the same in plain text that tools gave back
    4  for what is needed, the best sentence of the corpus, or what fits in it
    5  null, the default, a constant, an example, the smallest valid value (smallest.py)

Free text such as an "answer" skips 2 and 3. Of the alternatives of a union, the one wins for which
most is found. The properties of an object are filled in an order of their own, those first that can
hardly be mistaken: an address is known by its form, a mere name is any word that is left. A place
in the prompt that has given a value is taken, and gives no second one.
"""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.structured import extract, facts
from emulator.structured.dates import TextSpan
from emulator.structured.extract import AnnotatedText
from emulator.structured.hints import Hint
from emulator.structured.smallest import SmallestValues
from emulator.structured.validate import (
    Flat,
    Schema,
    alternatives,
    as_schema,
    check_supported,
    is_valid,
)
from emulator.text.sentences import clauses, ends, sentences
from emulator.text.spoken_json import spoken_json
from emulator.text.words import words_of

_LONGEST = 10_000
"""Characters of a text that are searched, as a value is compared with each other one."""
_BUDGET = 1_000
_SURE = ("email", "phone", "url", "datetime", "date", "time", "duration", "expression", "language")
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
    today: datetime.date = datetime.date(2026, 1, 1)


@dataclass(frozen=True)
class Filled:
    """A value that is valid by a schema; `score` is 0 where nothing was found, 1 where everything.

    `missing` are the required properties of an object, in order, that neither the sources nor null,
    a default or a constant could fill. `is_blank` says that the value itself only stands for one
    that is missing.
    """

    value: Any
    score: float = 0.0
    is_blank: bool = False
    missing: list[str] = field(default_factory=list)


def fill(schema: Mapping[str, object], sources: Sources) -> Filled:
    """A value for a schema from the sources; ValueError for a schema that cannot be filled."""
    try:
        check_supported(schema)
        is_open = all(flat.kind == "any" for flat in alternatives(schema, schema))
        root = {**schema, "type": "object"} if is_open else schema
        smallest = SmallestValues(root, sources.today)
        filler = _Filler(root, sources, smallest, iter(range(_BUDGET)))
        filled = filler.fill(root, Hint(outer=words_of(str(schema.get("title", "")))))
        if not is_valid(filled.value, schema, schema):
            raise ValueError("schema cannot be satisfied")
    except RecursionError as error:
        raise ValueError("schema is nested too deeply") from error
    return filled


class _Filler:
    """The sources of one filling; `steps` runs out for a schema with too many parts to fill."""

    def __init__(
        self, root: Schema, sources: Sources, smallest: SmallestValues, steps: Iterator[int]
    ) -> None:
        self._root, self._sources = root, sources
        self._smallest, self._steps = smallest, steps
        self._facts = [facts.read(fact) for fact in sources.facts]
        self._prompt = self._read(sources.prompt)
        self._fact_texts = [self._read(fact) for fact in self._facts if isinstance(fact, str)]
        self._quotes: dict[str, AnnotatedText] = {}

    def _read(self, text: str) -> AnnotatedText:
        return AnnotatedText(ends(text, _LONGEST), self._sources.today)

    def _is_valid(self, value: object, schema: Schema) -> bool:
        return is_valid(value, schema, self._root, self._smallest.judged)

    def fill(self, schema: Schema, hint: Hint) -> Filled:
        """The best value that the sources give, or else what stands in for it.

        Each alternative starts from the same places that are taken; those stay taken that the best
        one took. A recursive schema is left to its smallest value.
        """
        best: Filled | None = None
        taken = before = self._prompt.taken
        is_spent = next(self._steps, None) is None
        flats = alternatives(schema, self._root)
        needed = hint.is_needed and not any(flat.kind == "null" for flat in flats)
        for flat in flats if not is_spent else []:
            if not flat.refs & {*hint.path}:
                self._prompt.taken = before
                inner = replace(hint.with_schema(flat.schema, flat.refs), is_needed=needed)
                found = self._fill_alternative(flat, schema, inner)
                if found and (best is None or found.score > best.score):
                    best, taken = found, self._prompt.taken
        self._prompt.taken = taken
        return best if best and best.score else self._stand_in(schema, hint, best)

    def _fill_alternative(self, flat: Flat, schema: Schema, hint: Hint) -> Filled | None:
        """What the sources give for one alternative, if it is valid by the whole schema."""
        # A fact takes up no place in the prompt; a part of an array or object may.
        if self._facts and hint.names:
            for value in facts.named(self._facts, hint.names, self._prompt.lower):
                for fitting in facts.converted(value, flat.schema, self._root):
                    if self._is_valid(fitting, schema):
                        return Filled(fitting, 1.0)
        if flat.kind in ("object", "array"):
            fill = self._fill_object if flat.kind == "object" else self._fill_array
            filled = fill(flat.schema, hint)
            return filled if filled and self._is_valid(filled.value, schema) else None
        for found in self._candidates(flat, hint):
            if self._is_valid(found.value, schema):
                self._prompt.taken += (found,)
                return Filled(found.value, 1.0)
        return None

    def _stand_in(self, schema: Schema, hint: Hint, best: Filled | None) -> Filled:
        """What stands where nothing was found: null, a default, an example, the smallest value."""
        flats = [flat.schema for flat in alternatives(schema, self._root)]
        defaults = [flat["default"] for flat in flats if "default" in flat]
        constants = [flat["const"] for flat in flats if "const" in flat]
        for value in [None, *defaults, *(constants if len(flats) == 1 else [])]:
            if self._is_valid(value, schema):
                return Filled(value)
        for value in [example for flat in flats for example in flat.get("examples", [])]:
            if self._is_valid(value, schema):
                return Filled(value, is_blank=True)
        return best or Filled(self._smallest.find(schema, hint.path), is_blank=True)

    # ------------------------------------------------------------------------------- objects

    def _fill_object(self, schema: Schema, hint: Hint) -> Filled | None:
        """Each property by itself; optional ones only with evidence. None if one has no value."""
        required, other = schema.get("required", []), schema.get("additionalProperties", True)
        properties = {
            name: as_schema(inner) for name, inner in schema.get("properties", {}).items()
        }
        properties |= {name: as_schema(other) for name in required if name not in properties}
        if not properties:
            return self._fill_open_object(schema, hint)
        hints = {n: hint.of_property(n, properties[n], n in required) for n in properties}
        filled: dict[str, Filled] = {}
        for name in sorted(properties, key=lambda name: self._order(properties[name], hints[name])):
            with suppress(ValueError):
                value = self.fill(properties[name], hints[name])
                if name in required or value.score:
                    filled[name] = value
        if not filled.keys() >= {*required}:
            return None
        # They were filled in another order than the schema's.
        filled = {name: filled[name] for name in properties if name in filled}
        missing = [name for name, value in filled.items() if value.is_blank]
        score = sum(value.score for value in filled.values()) / max(1, len(filled))
        values = {name: each.value for name, each in filled.items()}
        return Filled(values, score, bool(missing) and not score, missing)

    def _fill_open_object(self, schema: Schema, hint: Hint) -> Filled:
        """An object of any kind: what a tool gave back, or an answer."""
        if hint.names or schema.get("additionalProperties") is False:
            return Filled({})
        for fact in self._facts:
            if isinstance(fact, dict):
                return Filled(fact, 1.0)
        answer = self._quote(Hint()).text
        return Filled({"answer": answer}, 1.0) if answer else Filled({})

    def _order(self, schema: Schema, hint: Hint) -> tuple[int, int]:
        """When to fill a property: first what can hardly be mistaken for something else."""
        flats = alternatives(schema, self._root)
        kinds = {flat.kind for flat in flats}
        items = [as_schema(f.schema.get("items", True)) for f in flats if f.kind == "array"]
        if any(flat.kind == "object" for item in items for flat in alternatives(item, self._root)):
            return 6, 0
        if "" in kinds or hint.kind in _SURE:
            return 0, 0
        if kinds & {"integer", "number"}:
            near = extract.nearest(self._prompt, replace(hint, is_needed=False))
            return 1 if near else 2, 0
        if kinds & {"array", "object"}:
            return 4, hint.kind != "person"
        return (5, hint.kind in _LAST) if hint.kind in _VAGUE else (3, 0)

    # -------------------------------------------------------------------------------- arrays

    def _fill_array(self, schema: Schema, hint: Hint) -> Filled:
        """The entries that the sources give; as many as may be, and at least as many as must."""
        first = [as_schema(inner) for inner in schema.get("prefixItems", [])]
        values = [self.fill(inner, replace(hint, is_needed=True)).value for inner in first]
        found = [] if first else self._entries(as_schema(schema.get("items", True)), hint)
        for value in found[: int(schema.get("maxItems", len(found)))]:
            if not (schema.get("uniqueItems") and value in values):
                values.append(value)
        if len(values) < schema.get("minItems", 0) or not found:
            rest = self._smallest.find({**schema, "type": "array"}, hint.path)
            values += rest[len(values) :]
        return Filled(values, 1.0 if found else 0.0, not found)

    def _entries(self, items: Schema, hint: Hint) -> list[Any]:
        """Valid entries for one schema of items, which are looked for all at once.

        Choices, numbers and texts that are found are taken together, in the order of the prompt.
        """
        flats = alternatives(items, self._root)
        kinds = {flat.kind for flat in flats}
        found: list[TextSpan] = []
        if "object" in kinds:
            return self._objects(items, replace(hint, is_needed=True))
        if "" in kinds:
            choices = [choice for flat in flats for choice in flat.schema.get("enum", [])]
            found = extract.options(self._prompt, choices)
        elif kinds & {"integer", "number"}:
            found = sorted(extract.nearest(self._prompt, hint), key=lambda number: number.start)
        elif "string" in kinds:
            found = self._texts(replace(hint, format=items.get("format", "")))
        valid = [each for each in found if self._is_valid(each.value, items)]
        self._prompt.taken += tuple(valid)
        return [each.value for each in valid]

    def _texts(self, hint: Hint) -> list[TextSpan]:
        """Texts for a list: a list in the words, one text that fits, or sentences."""
        if hint.kind in ("free", "report") or "points" in hint.names:
            return [
                _elsewhere(each.strip()) for each in sentences(self._answer(hint)) if each.strip()
            ]
        if hint.kind in _SURE or hint.kind == "id":
            found = [*extract.strings(self._prompt, replace(hint, is_needed=False))]
            return list({each.start: each for each in found[::-1]}.values())[::-1]
        return extract.listed(self._prompt, hint) or [*extract.strings(self._prompt, hint)][:1]

    def _objects(self, items: Schema, hint: Hint) -> list[Any]:
        """One object for each clause that fills all of it, or one for the whole prompt.

        A clause is filled by itself: no facts, no quotes, and no words of the other clauses.
        """
        entries = []
        for start, end in clauses(self._prompt.text):
            alone = Sources(self._prompt.text[start:end], today=self._sources.today)
            filled = _Filler(self._root, alone, self._smallest, self._steps).fill(items, hint)
            if filled.score == 1.0:
                entries.append(filled.value)
        if not entries:
            filled = self.fill(items, hint)
            entries = [filled.value] if filled.score >= 0.5 else []
        return entries

    # ------------------------------------------------------------------------ single values

    def _candidates(self, flat: Flat, hint: Hint) -> Iterator[TextSpan]:
        """Candidates for one value, the best first.

        Evidence in the prompt and in facts is taken in any case; the corpus is asked only where a
        value is needed, as it answers anything.
        """
        is_text = flat.kind == "string"
        if is_text and hint.kind == "report" and hint.is_needed:
            yield from _shortened(self._answer(hint), flat.schema)
        yield from _found(self._prompt, flat, hint)
        for text in self._fact_texts:
            yield from (_elsewhere(span.value) for span in _found(text, flat, hint))
        if not hint.is_needed or flat.kind in ("boolean", "null"):
            return
        if is_text and hint.kind in ("free", "", "topic", "text"):
            yield from _shortened(self._answer(hint), flat.schema)
        elif hint.kind not in ("query", "task"):
            yield from (_elsewhere(span.value) for span in _found(self._quote(hint), flat, hint))

    def _answer(self, hint: Hint) -> str:
        """Free text that answers the prompt: what tools say, or else the corpus."""
        if hint.kind in ("free", "report"):
            for fact in sorted(self._facts, key=lambda fact: not isinstance(fact, str)):
                if fact not in (None, "", [], {}):
                    return fact if isinstance(fact, str) else spoken_json(fact)
        return self._quote(hint).text

    def _quote(self, hint: Hint) -> AnnotatedText:
        """The best sentences for the prompt, with the words of the property to lead them."""
        words = "" if hint.kind in ("free", "report") else " ".join(hint.names)
        question = f"{self._sources.prompt} {words}".strip()
        if question not in self._quotes:
            self._quotes[question] = self._read(self._sources.quote(question))
        return self._quotes[question]


def _elsewhere(value: object) -> TextSpan:
    """A value that is no part of the prompt: it takes up no place there."""
    return TextSpan(0, 0, str(value), value)


def _found(text: AnnotatedText, flat: Flat, hint: Hint) -> Iterator[TextSpan]:
    """Candidates of one type in a text, the best first.

    Their values are not checked: whoever asks takes the first that its schema allows.
    """
    if flat.kind == "":
        yield from extract.options(text, flat.schema.get("enum", []))
    elif flat.kind == "boolean":
        if truth := extract.truth(text, hint):
            yield truth
    elif flat.kind in ("integer", "number"):
        if hint.kind == "time":
            # The hour alone is wanted, of 24 or else of twelve.
            for clock in filter(text.is_free, text.times):
                hour = int(str(clock.value)[:2])
                yield from (replace(clock, value=value) for value in (hour, (hour - 1) % 12 + 1))
        yield from extract.nearest(text, hint)
    elif flat.kind in ("string", "any"):
        if "pattern" in flat.schema:
            yield from extract.pieces(text)
        yield from extract.strings(text, hint)


def _shortened(text: str, schema: Schema) -> Iterator[TextSpan]:
    """A text, or as much of it as the schema has room for."""
    most = int(schema.get("maxLength", len(text)))
    cut = text if len(text) <= most else text[: most + 1].rsplit(" ", 1)[0][:most]
    if cut:
        yield _elsewhere(cut)
