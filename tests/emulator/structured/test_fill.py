"""Filling schemas: what is found in the words, and that the value is valid whatever the words."""

import datetime
import json

from emulator.structured.fill import Sources, fill
from tests.support.schemas import closed

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

TODAY = datetime.date(2026, 3, 4)  # a Wednesday
STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
BOOLEAN, STRINGS = {"type": "boolean"}, {"type": "array", "items": {"type": "string"}}


def one_of(*options, **more):
    return {"type": "string", "enum": list(options), **more}


def sized(**more):
    return {"type": "string", **more}


def array(items, **more):
    return {"type": "array", "items": items, **more}


def sources(prompt, facts=(), quote=lambda question: ""):
    return Sources(prompt, facts, quote, TODAY)


FORMAT_CHECKER = FormatChecker(["date", "email", "ipv4", "ipv6", "uuid"])


FORMAT_TESTS = {
    "time": lambda text: datetime.time.fromisoformat(text).tzinfo is not None,
    "date-time": lambda text: datetime.datetime.fromisoformat(text).tzinfo is not None,
    "duration": lambda text: text[:1] == "P" and text[-1:] in "YMWDHS",
    "hostname": lambda text: text.replace("-", "").replace(".", "").isalnum(),
}
for form, holds in FORMAT_TESTS.items():
    FORMAT_CHECKER.checks(form, raises=ValueError)(
        lambda value, holds=holds: not isinstance(value, str) or holds(value)
    )


def check(schema, value):
    Draft202012Validator(schema, format_checker=FORMAT_CHECKER).validate(value)


EVENT = closed(name=STRING, date=STRING, participants=STRINGS)
WEATHER = closed(
    location=sized(description="City and country e.g. Bogotá, Colombia"),
    units={"type": ["string", "null"], "enum": ["celsius", "fahrenheit", None]},
)
TABLE = closed(party_size=INTEGER, day=STRING, time=STRING)
TRIP = closed(origin=STRING, destination=STRING)
ORDER = closed(items=array(closed(quantity=INTEGER, item=STRING)))
CLOCK = sized(description="When it begins, HH:MM")

CASES = [
    (
        "Alice and Bob are going to a science fair on Friday.",
        EVENT,
        {"name": "science fair", "date": "Friday", "participants": ["Alice", "Bob"]},
    ),
    ("What's the weather like in Paris today?", WEATHER, {"location": "Paris", "units": None}),
    ("weather in paris", WEATHER, {"location": "paris", "units": None}),
    (
        "How warm is it in New York, in fahrenheit?",
        WEATHER,
        {"location": "New York", "units": "fahrenheit"},
    ),
    (
        "A table for four people on Friday at nine, please.",
        TABLE,
        {"party_size": 4, "day": "Friday", "time": "nine"},
    ),
    ("Dinner on 3 March for 2", closed(date=sized(format="date")), {"date": "2027-03-03"}),
    ("See you tomorrow", closed(date=sized(format="date")), {"date": "2026-03-05"}),
    ("Can we meet next Friday?", closed(date=sized(format="date")), {"date": "2026-03-06"}),
    ("The fair is on 12/05", closed(date=sized(format="date")), {"date": "2026-05-12"}),
    ("Remind me next week", closed(date=sized(format="date")), {"date": "2026-03-11"}),
    ("Due 2026-07-01!", closed(deadline=STRING), {"deadline": "2026-07-01"}),
    ("On March 9th we sail", closed(day=sized(format="date")), {"day": "2026-03-09"}),
    ("It is in two weeks", closed(date=sized(description="YYYY-MM-DD")), {"date": "2026-03-18"}),
    ("The show is at 9 pm", closed(start_time=CLOCK), {"start_time": "21:00"}),
    ("Wake me at 21:30", closed(time=sized(format="time")), {"time": "21:30:00Z"}),
    ("Call me at half past eight tonight", closed(time=CLOCK), {"time": "20:30"}),
    (
        "Tomorrow at 7:15 am",
        closed(when=sized(format="date-time")),
        {"when": "2026-03-05T07:15:00Z"},
    ),
    ("Set a timer for 20 minutes", closed(minutes=INTEGER), {"minutes": 20}),
    ("A nap of 90 minutes", closed(length=sized(format="duration")), {"length": "PT90M"}),
    ("I fly from Rome to Oslo", TRIP, {"origin": "Rome", "destination": "Oslo"}),
    ("trains to berlin from prague", TRIP, {"origin": "prague", "destination": "berlin"}),
    ("Write to alice@example.com soon", closed(email=STRING), {"email": "alice@example.com"}),
    ("Ring +44 20 7946 0958 now", closed(phone=STRING), {"phone": "+44 20 7946 0958"}),
    (
        "Fetch https://example.org/a?b=1.",
        closed(url=sized(format="uri")),
        {"url": "https://example.org/a?b=1"},
    ),
    ("My name is Alice and I am 34 years old", closed(name=STRING, age=INTEGER), None),
    ("Bob is 41 years old.", closed(name=STRING, age=INTEGER), {"name": "Bob", "age": 41}),
    ("What is 17 plus 25?", closed(a=NUMBER, b=NUMBER), {"a": 17, "b": 25}),
    ("What is 3.5 * (2 + 4)?", closed(expression=STRING), {"expression": "3.5 * (2 + 4)"}),
    ("Solve 8x + 7 = -23", closed(equation=STRING), {"equation": "8x + 7 = -23"}),
    (
        "Two adults and three children, please",
        closed(adults=INTEGER, children=INTEGER),
        {"adults": 2, "children": 3},
    ),
    ("Twenty-five chairs for room 12", closed(room=INTEGER, chairs=INTEGER), None),
    ("It costs 1,250.50 euros", closed(price=NUMBER), {"price": 1250.5}),
    ("Pay €30 for 2 tickets", closed(tickets=INTEGER, amount=NUMBER), {"tickets": 2, "amount": 30}),
    ("I want a window seat", closed(window_seat=BOOLEAN), {"window_seat": True}),
    ("A room without breakfast", closed(breakfast=BOOLEAN), {"breakfast": False}),
    ("It isn't urgent", closed(is_urgent=BOOLEAN), {"is_urgent": False}),
    ("Is the pool heated?", closed(heated=BOOLEAN), {"heated": True}),
    (
        "Please cancel my booking urgently",
        closed(
            action=one_of("book", "cancel", "change"),
            priority=one_of("low", "urgent"),
        ),
        {"action": "cancel", "priority": "urgent"},
    ),
    (
        "Paint it red and green",
        closed(colours=array(one_of("blue", "green", "red"))),
        {"colours": ["red", "green"]},
    ),
    ("Buy milk, eggs and bread", closed(items=STRINGS), {"items": ["milk", "eggs", "bread"]}),
    ("Invite Alice, Bob and Carol", closed(guests=STRINGS), {"guests": ["Alice", "Bob", "Carol"]}),
    ("Add 3, 4 and 5", closed(numbers=array(NUMBER)), {"numbers": [3, 4, 5]}),
    (
        "I'd like two pizzas and three colas",
        ORDER,
        {"items": [{"quantity": 2, "item": "pizzas"}, {"quantity": 3, "item": "colas"}]},
    ),
    (
        "Could you please tell me when the museum opens?",
        closed(query=STRING),
        {"query": "when the museum opens?"},
    ),
    (
        "Translate 'good morning' into French",
        closed(text=STRING, target_language=STRING),
        {"text": "good morning", "target_language": "French"},
    ),
    (
        "Send Bob a message: I am late",
        closed(recipient=STRING, message=STRING),
        {"recipient": "Bob", "message": "I am late"},
    ),
    (
        "Remind me to water the plants tomorrow",
        closed(task=STRING, date=STRING),
        {"task": "water the plants", "date": "tomorrow"},
    ),
    ("Play a song by Alice Cole", closed(artist=STRING), {"artist": "Alice Cole"}),
    ("Where is order ORD-4471?", closed(order_id=sized(pattern="^ORD-[0-9]+$")), None),
    (
        "The fair opens on 12 June",
        closed(date={"anyOf": [sized(format="date"), {"type": "null"}]}),
        {"date": "2026-06-12"},
    ),
    ("Book it for Alice", closed(guest_name=STRING, note={"type": ["string", "null"]}), None),
    ("Tell me a poem about the sea", closed(topic=STRING), {"topic": "the sea"}),
    ("Rate it: 9 of 10", closed(rating={**INTEGER, "maximum": 10}), {"rating": 9}),
    ("Add lamps to the cart", closed(quantity={**INTEGER, "default": 1}), {"quantity": 1}),
    ("The show in room 4b is full", closed(room=STRING), {"room": "4b"}),
    ("The colour is red, I think", closed(colour=STRING), {"colour": "red"}),
    ("I lost my woolen coat", closed(coat=STRING), {"coat": "woolen"}),
    ("I cancel because of the rain", closed(reason=STRING), {"reason": "the rain"}),
    ("My lamp broke.", closed(problem=STRING), {"problem": "My lamp broke"}),
    ("It starts at nine in the evening", closed(hour=INTEGER), {"hour": 21}),
    ("It starts at 7 pm", closed(hour={**INTEGER, "maximum": 12}), {"hour": 7}),
    (
        "On Friday at nine",
        closed(date=STRING, hour={**INTEGER, "minimum": 30}),
        {"date": "Friday", "hour": 30},
    ),
    ("Do you have one for 20 euros?", closed(price=STRING), {"price": "20 euros"}),
    ("Wake me in half an hour", closed(pause=sized(format="duration")), {"pause": "PT30M"}),
    ("Two hundred thousand and five bricks", closed(bricks=INTEGER), {"bricks": 200_005}),
    (
        "Write to a@example.org and b@example.org",
        closed(emails=array(sized(format="email"))),
        {"emails": ["a@example.org", "b@example.org"]},
    ),
    ("Yes, please", closed(is_member=BOOLEAN), {"is_member": True}),
    ("Is number 2 free?", closed(number={"enum": [1, 2, 3]}), {"number": 2}),
    (
        "It is very low, not high",
        closed(level=one_of("low", "high", "very low")),
        {"level": "very low"},
    ),
    ("Hello there", closed(location={"anyOf": [STRING, {"type": "null"}]}), {"location": None}),
]
REST = {
    "My name is Alice and I am 34 years old": {"name": "Alice", "age": 34},
    "Twenty-five chairs for room 12": {"room": 12, "chairs": 25},
    "Where is order ORD-4471?": {"order_id": "ORD-4471"},
    "Book it for Alice": {"guest_name": "Alice", "note": None},
}


@pytest.mark.parametrize(("prompt", "schema", "expected"), CASES)
def test_words_fill_schema(prompt, schema, expected):
    filled = fill(schema, sources(prompt))

    assert filled.value == (expected or REST[prompt])
    check(schema, filled.value)


def test_fact_with_same_key_wins():
    fact = {"city": {"temperature_c": "21", "sky": "clear"}, "id": 7}
    schema = closed(temperature=NUMBER, sky=STRING, ID=STRING)

    filled = fill(schema, sources("How warm is it in Oslo?", [fact]))

    assert filled.value == {"temperature": 21, "sky": "clear", "ID": "7"}


def test_fact_in_json_text_and_in_plain_text():
    schema = closed(price=NUMBER, answer=STRING)
    facts = ['{"price": 26}', "A family ticket is 26 euros."]

    filled = fill(schema, sources("What is the price?", facts))

    assert filled.value == {"price": 26, "answer": "A family ticket is 26 euros."}


def test_fact_is_converted_to_the_type_that_is_wanted():
    fact = {"seats": "1,250", "open": "yes", "code": 7, "tags": "new", "place": {"x": 1, "y": 2}}
    schema = closed(seats=INTEGER, open=BOOLEAN, code=STRING, tags=STRINGS, place=closed(x=INTEGER))

    filled = fill(schema, sources("Which?", [fact]))

    assert filled.value == {
        "seats": 1250,
        "open": True,
        "code": "7",
        "tags": ["new"],
        "place": {"x": 1},
    }


def test_record_answers_in_words():
    fact = {"sky_now": "clear", "hours": [9, 10]}

    assert fill(closed(answer=STRING), sources("Well?", [fact])).value == {
        "answer": "Sky now clear; hours: 9 and 10."
    }


def test_quote_is_cut_to_the_length_that_fits():
    schema = closed(answer=sized(maxLength=12), steps=STRINGS)

    said = "A ticket costs 12.50 euros, e.g. on Mondays. It is No. 5."

    filled = fill(schema, sources("What?", quote=lambda q: said))

    assert filled.value == {
        "answer": "A ticket",
        "steps": ["A ticket costs 12.50 euros, e.g. on Mondays.", "It is No. 5."],
    }


def test_list_of_facts_fills_list_of_objects():
    fact = {"results": [{"title": "One", "pages": 3}, {"title": "Two", "pages": 4}]}

    filled = fill(
        closed(results=array(closed(title=STRING, pages=INTEGER))), sources("Which?", [fact])
    )

    assert filled.value == fact


def test_quote_answers_free_text_and_gives_numbers():
    schema = closed(answer=STRING, price=NUMBER)

    filled = fill(
        schema, sources("What does a ticket cost?", quote=lambda q: "A ticket costs 12 euros.")
    )

    assert filled.value == {"answer": "A ticket costs 12 euros.", "price": 12}
    assert filled.missing == []


def test_quote_answers_inside_lists_and_is_asked_once():
    asked = []
    schema = closed(answer=STRING, steps=array(closed(explanation=STRING)))

    filled = fill(schema, sources("Why?", quote=lambda q: asked.append(q) or "So it is."))

    assert filled.value == {"answer": "So it is.", "steps": [{"explanation": "So it is."}]}
    assert asked == ["Why?"]


def test_fact_about_what_prompt_names_comes_first():
    records = [{"id": 3, "name": "Alice"}, {"id": 4, "name": "Bob"}]

    filled = fill(closed(booking_id=INTEGER), sources("Cancel Bob's booking", [records]))

    assert filled.value == {"booking_id": 4}


def test_missing_names_required_properties_without_evidence():
    schema = closed(
        location=STRING, seats=INTEGER, units={"type": ["string", "null"]}, kind={"const": "x"}
    )

    filled = fill(schema, sources("Hello!"))

    assert filled.value == {"location": "", "seats": 0, "units": None, "kind": "x"}
    assert filled.missing == ["location", "seats"]


def test_optional_property_without_evidence_is_left_out():
    schema = {"type": "object", "properties": {"city": STRING, "days": INTEGER}, "required": []}

    assert fill(schema, sources("The weather in Oslo")).value == {"city": "Oslo"}


def test_examples_stand_in_for_what_is_missing():
    schema = closed(count={"type": "integer", "minimum": 5, "examples": [2, 8]})

    assert fill(schema, sources("Hello")).value == {"count": 8}


def nested(levels):
    schema = closed(a=STRING)
    for _ in range(levels):
        schema = closed(a=schema)
    return schema


PATTERNS_AS_SENT = r"""^ORD-[0-9]+$ ^\d{5}(-\d{4})?$ ^\+?[1-9]\d{1,14}$ ^@[a-zA-Z0-9_]+$
    ^[a-z0-9]+(?:-[a-z0-9]+)*$ ^#[0-9a-fA-F]{6}$ ^(?!0)\d+$ ^(?!.*(ab|aa))\w{3}$ ^$ ^[A-Z]{3,}?$
    ^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}$ ^(?=.*\d)(?=.*[a-z]).{8,}$ (?i)abc ^[а-я]+$
    ^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$ ^([01]\d|2[0-3]):[0-5]\d$ ^\t\x20$
    ^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$ ^https?://[^\s/]+(/.*)?$ ^\$\d+\.\d{2}$
    ^(?P<year>\d{4})$ ^(\d{1,3}\.){3}\d{1,3}$ ^v?\d+\.\d+\.\d+(-[\w.]+)?$ ^[]a]{2}[^]a]$ ^a{,3}b|c$
    ^arn:aws:iam::\d{12}:role/[\w+=,.@-]+$ ^[A-Z]{1,2}[0-9R][0-9A-Z]?-[0-9][ABD-HJ]{2}$""".split()


@pytest.mark.parametrize("pattern", PATTERNS_AS_SENT)
def test_pattern_is_filled_without_words(pattern):
    schema = closed(codes=array(sized(pattern=pattern), minItems=1))

    filled = fill(schema, sources(""))

    check(schema, filled.value)
    assert (len(filled.value["codes"]), filled.missing) == (1, ["codes"])


@pytest.mark.parametrize("pattern", [r"^(x)\1$", "^((a{999}){999}){999}$", r"\N{DASH}", "a(?!)"])
def test_pattern_without_a_simple_text_is_refused(pattern):
    with pytest.raises(ValueError, match="satisfied|not supported"):
        fill(closed(code=sized(pattern=pattern)), sources(""))


def test_entries_differ_where_they_have_to():
    for items in (closed(id=INTEGER), BOOLEAN, sized(pattern="^[a-z]$"), array(INTEGER)):
        schema = closed(entries=array(items, minItems=2, uniqueItems=True))

        check(schema, fill(schema, sources("")).value)


def test_schemas_that_hold_together_are_merged():
    low, high = {"type": ["integer", "string"], "minimum": 2}, {"type": ["number"], "maximum": 3}
    one, other = closed(a={"enum": [1, 2]}), {"properties": {"a": {"enum": [2, 3]}}}
    schema = closed(
        count={"allOf": [low, high]},
        same={"$ref": "#/properties/count/allOf/0"},
        kind={"allOf": [one, other]},
        none=sized(nullable=True),
    )

    filled = fill(schema, sources(""))

    assert filled.value == {"count": 2, "same": 2, "kind": {"a": 2}, "none": None}


def test_union_takes_branch_with_most_evidence():
    person = closed(name=STRING, age=INTEGER)
    address = closed(street=STRING, city=STRING, email=STRING)
    schema = closed(item={"anyOf": [address, person]})

    value = fill(schema, sources("Bob is 41 years old.")).value

    assert value == {"item": {"name": "Bob", "age": 41}}


@pytest.mark.parametrize("schema", [{}, {"type": "object"}])
def test_open_schema_gives_object(schema):
    assert fill(schema, sources("Hello")).value == {}
    assert fill(schema, sources("Hello", quote=lambda q: "Hi.")).value == {"answer": "Hi."}
    assert fill(schema, sources("Hello", [{"a": 1}])).value == {"a": 1}


RECURSIVE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": closed(
            value=NUMBER,
            children=array({"$ref": "#/$defs/node"}),
            next={"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
        )
    },
}


def test_recursive_schema_ends():
    value = fill(RECURSIVE, sources("The value is 5")).value

    assert value == {"value": 5, "children": [], "next": None}


@pytest.mark.parametrize(
    ("schema", "fragment"),
    [
        ({"type": "integer", "minimum": 3, "maximum": 2}, "satisfied"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "satisfied"),
        ({"$ref": "#/$defs/lost"}, "#/$defs/lost"),
        ({"$ref": "#"}, "satisfied"),
        ({"type": "string", "pattern": "("}, "pattern"),
        ({"type": "text"}, "text"),
        ({"not": {}}, "not"),
        ({"type": "object", "required": "a"}, "required"),
        ({"type": "array", "items": 5}, "items"),
        (nested(3000), "deeply"),
        ({"type": "object", "properties": 5}, "properties"),
    ],
)
def test_impossible_schema_is_refused(schema, fragment):
    with pytest.raises(ValueError, match=r".") as refused:
        fill(schema, sources("Hello 5"))

    assert fragment in str(refused.value)


PATTERNS = ["^[A-Z]{2}-\\d{3,}$", "^(red|green)+$", "^@\\w+$", "[0-9a-f]{4}", "^\\S+ \\S+$", "x*y"]
FORMATS = ["date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"]
NAMES = st.sampled_from(
    "name date time count location participants answer query is_open price email id when".split()
)
STRING_SCHEMAS = st.one_of(
    st.just(STRING),
    st.builds(
        lambda low, more: sized(minLength=low, maxLength=low + more),
        st.integers(0, 9),
        st.integers(0, 30),
    ),
    st.sampled_from([*(sized(pattern=p) for p in PATTERNS), *(sized(format=f) for f in FORMATS)]),
    st.lists(st.sampled_from("red blue noon Friday in Paris".split()), min_size=1, unique=True).map(
        lambda options: one_of(*options)
    ),
)
NUMBER_SCHEMAS = st.builds(
    lambda kind, low, more, extra: {"type": kind, "minimum": low, "maximum": low + more} | extra,
    st.sampled_from(["integer", "number"]),
    st.integers(-50, 50),
    st.integers(8, 60),
    st.sampled_from([{}, {"multipleOf": 5}, {"multipleOf": 0.5}, {"description": "how many"}]),
) | st.sampled_from([{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, INTEGER])
LEAVES = st.one_of(
    STRING_SCHEMAS,
    NUMBER_SCHEMAS,
    st.sampled_from([BOOLEAN, {"type": "null"}, {}, {"const": 4}, {"type": ["integer", "null"]}]),
    st.just({"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}),
)


def objects(children):
    return st.builds(
        lambda properties, left_out, closing: {
            "type": "object",
            "properties": properties,
            "required": [name for name in properties if name not in left_out],
            **closing,
        },
        st.dictionaries(NAMES, children, max_size=4),
        st.sets(NAMES, max_size=3),
        st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": STRING}]),
    )


def compounds(children):
    return st.one_of(
        objects(children),
        st.builds(
            lambda items, low, more: array(items, minItems=low, maxItems=low + more),
            children,
            st.integers(0, 3),
            st.integers(0, 3),
        ),
        st.lists(children, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
        st.builds(lambda first: {"type": "array", "prefixItems": [first], "minItems": 1}, children),
        children.map(lambda branch: {"oneOf": [branch, {"const": "other"}]}),
        objects(children).map(lambda schema: {"allOf": [schema, {"type": "object"}]}),
        st.just(array(INTEGER, minItems=3, uniqueItems=True)),
    )


SCHEMAS = objects(st.recursive(LEAVES, compounds, max_leaves=6)).map(
    lambda schema: schema | {"$defs": RECURSIVE["$defs"]}
)
WORDS = "Alice and Bob, in paris on Friday at nine not 3 March four 12/05 red ? . 'x y' 7.5".split()
PROMPTS = st.one_of(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), st.text())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


@given(SCHEMAS, PROMPTS, st.lists(JSON, max_size=2))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_value_is_always_valid_and_always_the_same(schema, prompt, facts):
    filled = fill(schema, sources(prompt, facts, quote=lambda question: question))

    check(schema, filled.value)
    assert json.loads(json.dumps(filled.value)) == filled.value
    assert set(filled.missing) <= set(schema["required"])
    assert filled.missing == [name for name in schema["properties"] if name in filled.missing]
    assert fill(schema, sources(prompt, facts, quote=lambda question: question)) == filled


@given(st.sampled_from(FORMATS), st.sampled_from(WORDS), st.integers(0, 9))
@settings(deadline=None)
def test_format_holds_with_any_fact(form, word, number):
    schema = closed(when=sized(format=form))

    check(schema, fill(schema, sources(word, [{"when": word}, {"when": number}])).value)


@given(
    st.integers(1, 9_000), st.sampled_from(["", "-", "in ", "0."]), st.sampled_from(["", " days"])
)
@settings(deadline=None)
def test_number_of_any_length_gives_a_value_that_json_can_hold(digits, before, after):
    schema = closed(count={"type": "number"}, whole={"type": "integer"}, span={"type": "string"})
    value = fill(schema, sources(f"{before}{'9' * digits}{after}")).value

    check(schema, value)
    json.dumps(value, allow_nan=False)
