"""What a property is for: its kind, by the words of its name, its title and its description."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from emulator.structured.validate import Schema
from emulator.text.words import terms, words_of

# What a property is about, by the words of its name; of two kinds the upper one is meant.
KINDS = {
    "email": "email mail",
    "phone": "phone telephone mobile",
    "url": "url uri link website homepage webpage",
    "datetime": "datetime when timestamp",
    "duration": "duration length",
    "time": "time hour clock",
    "date": "date day weekday birthday deadline due checkin checkout",
    "expression": "expression equation formula calculation sum",
    "language": "language lang",
    "id": "id identifier code reference sku",
    "path": "path file filename filepath directory folder",
    "count": "count number quantity amount size people party price cost total budget age fare",
    "report": "summary description detail details issue problem complaint reason",
    "free": """answer explanation response reply output solution conclusion analysis rationale
        reasoning step steps""",
    "query": "query question search prompt input keyword keywords q",
    "text": "text message content body note comment sentence phrase",
    "topic": "topic theme",
    "task": "task todo reminder action",
    "person": """person guest guests participant participants attendee attendees customer recipient
        author artist singer composer director sender user who patient contact owner people
        firstname lastname username fullname traveler traveller passenger employee""",
    "place": """city location place country address venue town where destination origin region
        room hall building street origin from to departure arrival source target""",
    "item": "item items product products object thing ingredient ingredients dish",
    "title": "title event subject label heading activity",
    "name": "name song book movie film track album",
}
PEOPLE = {*KINDS["person"].split()}
_HOLDERS = ("person", "place", "item", "title")
_KIND_OF = {word: kind for kind, words in reversed(KINDS.items()) for word in words.split()}
_RANK = {kind: place for place, kind in enumerate(KINDS)}
_FORMAT_KINDS = {"date-time": "datetime", "uri": "url"} | {
    form: form for form in ("date", "time", "duration", "email")
}
DIRECTIONS = {
    **dict.fromkeys("from origin departure source sender start pickup".split(), ("from",)),
    **dict.fromkeys("to destination arrival target recipient dropoff".split(), ("to", "for")),
}
# Words that say what a property is about by its name, but nothing inside of a description.
_LOOSE = {*DIRECTIONS, "when", "where", "who", "user", "size", "sum", "name"}
_BY_KIND = {
    "place": ("in", "near", "at", "around", "to", "from", "for", "of", "about"),
    "person": ("for", "with", "by", "to", "from", "and", "of"),
    "language": ("into", "to", "in"),
}
# Words that stand with numbers of a family: "party_size" is a number of people.
FAMILIES = [
    set(words.split())
    for words in (
        """people persons person guests guest seats party size group participants attendees adults
        travellers us""",
        "price cost fare amount budget total fee euro euros dollar dollars pounds cents € $ £",
        "age years year old",
        "duration length minutes minute mins hours hour seconds",
        "nights night days day stay",
        "temperature degree degrees celsius fahrenheit °",
        "distance km kilometres kilometers miles metres meters radius",
        "percent percentage %",
    )
]


@dataclass(frozen=True)
class Hint:
    """What is known of a place that is to be filled, apart from the type of its value.

    `names` are the words of the property's name, `outer` those of the objects around it, `path` the
    references that led to it. `is_needed` admits weak evidence: some value has to be there. `kind`
    is made of all that; it decides where in a text the value is looked for.
    """

    names: tuple[str, ...] = ()
    outer: tuple[str, ...] = ()
    description: str = ""
    format: str = ""
    is_needed: bool = True
    path: tuple[str, ...] = ()

    def of_property(self, name: str, schema: Schema, is_needed: bool) -> "Hint":
        """The hint for a property of the object that this is the hint for."""
        outer = (*self.outer, *self.names)[-4:]
        return Hint(words_of(name), outer, "", "", is_needed, self.path).with_schema(schema)

    def with_schema(self, schema: Schema, refs: Iterable[str] = ()) -> "Hint":
        """The same with what one alternative of the schema, behind references, adds."""
        text = " ".join(str(schema[key]) for key in ("title", "description") if key in schema)
        description, form = self.description or text, self.format or schema.get("format", "")
        return replace(self, description=description, format=form, path=(*self.path, *refs))

    @cached_property
    def kind(self) -> str:
        """One of KINDS, or "" if neither the name nor the description says it.

        A format is certain. Then the name counts, and for a mere "name" what it is the name of
        ("artist": {"name": ...}). The description decides where the name is vague ("from", "size").
        """
        if self.format in _FORMAT_KINDS:
            return _FORMAT_KINDS[self.format]
        words = (*self.names, "".join(self.names))
        kind = _first_kind(word for word in words if word in _KIND_OF)
        if kind == "name":
            holders = [_KIND_OF[word] for word in self.outer[::-1] if word in _KIND_OF]
            return next((holder for holder in holders if holder in _HOLDERS), kind)
        if kind and not set(self.names) <= _LOOSE:
            return kind
        described = words_of(self.description)
        return _first_kind(word for word in described if word in _KIND_OF.keys() - _LOOSE) or kind

    @property
    def wants_digits(self) -> bool:
        """Whether a day or time is wanted in ISO's form rather than as it was said."""
        return bool(self.format) or bool(re.search(r"YYYY|HH|ISO|24.hour", self.description))

    @cached_property
    def stems(self) -> set[str]:
        """The stems of the name, without those that only say how it is stored."""
        return terms(" ".join(self.names)) - terms("is has include should count number total")

    @cached_property
    def family(self) -> set[str]:
        """The words that numbers of this property may stand with."""
        words = {*self.names, *words_of(self.description)}
        named = [family for family in FAMILIES if family & set(self.names)]
        return set().union(*(named or [family for family in FAMILIES if family & words]))

    @property
    def prepositions(self) -> tuple[str, ...]:
        """The words that may stand before it, likeliest first."""
        for word in (*self.names, *self.outer):
            if word in DIRECTIONS:
                return DIRECTIONS[word]
        return _BY_KIND.get(self.kind, ("in", "at", "for", "with", "by"))


def _first_kind(words: Iterable[str]) -> str:
    """The uppermost of the kinds that the words stand for."""
    return min((_KIND_OF[word] for word in words), key=_RANK.__getitem__, default="")
