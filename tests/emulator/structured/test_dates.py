"""Dates, times and numbers in words: as they are said aloud, and as a recogniser writes them."""

import datetime

from emulator.structured import dates

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TODAY = datetime.date(2026, 11, 24)  # a Tuesday
DAYS = """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
    thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
    twenty-first twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth
    twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first""".split()
MONTHS = """January February March April May June July August September October November
    December""".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
HOURS = "one two three four five six seven eight nine ten eleven twelve".split()
MINUTES = {5: "oh five", 10: "ten", 15: "fifteen", 20: "twenty", 25: "twenty-five", 40: "forty"} | {
    30: "thirty",
    45: "forty-five",
    59: "fifty-nine",
}
ORDERS = ["the {day} of {month}", "{day} of {month}", "{day} {month}", "{month} {day}"]
ORDERS += ["{month} the {day}", "{weekday} the {day} of {month}", "{weekday}, {month} {day}"]


def days(text):
    return [found.value for found in dates.dates(text, TODAY)]


def clocks(text):
    return [found.value for found in dates.times(text)]


def numbers(text):
    return [found.value for found in dates.numbers(text)]


def suffixed(day):
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th") if day not in (11, 12, 13) else "th"
    return f"{day}{ending}"


@given(st.dates(), st.sampled_from(ORDERS), st.booleans(), st.booleans())
@settings(deadline=None)
def test_ordinal_means_what_digits_mean(date, order, is_hyphened, has_year):
    word = DAYS[date.day - 1] if is_hyphened else DAYS[date.day - 1].replace("-", " ")
    month, weekday = MONTHS[date.month - 1], WEEKDAYS[date.weekday()]
    year = f" {date.year:04}" if has_year else ""
    spoken, written = (
        f"Two places on {order.format(day=day, month=month, weekday=weekday)}{year}, please."
        for day in (word, suffixed(date.day))
    )

    plain = days(f"{date.day} {month}{year}")
    assert days(spoken) == days(written) == plain
    assert numbers(spoken) == numbers(written) == [2]
    assert plain == [date.isoformat()] if has_year else plain[0][5:] == date.isoformat()[5:]


@given(st.integers(1, 12), st.sampled_from(sorted(MINUTES)), st.sampled_from("ap"), st.booleans())
@settings(deadline=None)
def test_hour_in_words_means_what_digits_mean(hour, minute, half, is_spelled):
    said = f"{HOURS[hour - 1]} {MINUTES[minute]}"
    spoken = f"{said} {half}.m." if is_spelled else f"at {said} {half}m for two"
    written = f"{hour}:{minute:02} {half}m"

    assert clocks(spoken) == clocks(written) != []
    assert numbers(spoken) == ([] if is_spelled else [2])


@given(st.integers(1, 12), st.sampled_from(["quarter", "ten minutes", "twenty minutes"]))
@settings(deadline=None)
def test_past_and_to_are_counted_from_the_hour(hour, part):
    minutes = {"quarter": 15, "ten minutes": 10, "twenty minutes": 20}[part]
    before = 12 if hour == 1 else hour - 1

    assert clocks(f"{part} past {HOURS[hour - 1]}") == [f"{hour:02}:{minutes:02}"]
    assert clocks(f"{part} to {HOURS[hour - 1]}") == [f"{before:02}:{60 - minutes}"]


WORDS = """on the at in for of may March first twelfth twenty third thirty two seven half past
    quarter to ten o'clock p.m. evening morning Friday 3 7:30 , . people December 2026 next
    week""".split()


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
@settings(deadline=None)
def test_spans_never_overlap(text):
    found = [*dates.dates(text, TODAY), *dates.times(text), *dates.numbers(text)]

    assert all(text[each.start : each.end] == each.said for each in found)
    assert not any(a.overlaps(b) for a in found for b in found if a is not b)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on the twelfth of December", ["2026-12-12"]),
        ("December twelfth", ["2026-12-12"]),
        ("January the 9th", ["2027-01-09"]),
        ("Saturday the twelfth of December", ["2026-12-12"]),
        ("on the thirtieth, at nine", ["2026-11-30"]),
        ("next Saturday the twelfth at nine", ["2026-12-12"]),
        ("the first of May twenty twenty-seven", ["2027-05-01"]),
        ("the twenty eight of November", ["2026-11-28"]),
        ("on Saturday the eight of May", ["2027-05-08"]),
        ("on November twenty eight at nine", ["2026-11-28"]),
        ("in November twenty eight people came", []),
        ("on May third", ["2027-05-03"]),
        ("may third", ["2027-05-03"]),
        ("May the first visitor come in?", []),
        ("may third parties come in?", []),
        ("The first may come in.", []),
        ("on the first floor", []),
        ("for the second time", []),
        ("on the thirtieth of February", []),
    ],
)
def test_day_is_distinguished_from_other_ordinals(text, expected):
    assert days(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at seven thirty", ["07:30"]),
        ("Saturday seven thirty in the evening", ["19:30"]),
        ("quarter to eight", ["07:45"]),
        ("at twenty to nine this evening", ["20:40"]),
        ("twenty to nine in the evening", ["20:40"]),
        ("at nineteen thirty", ["19:30"]),
        ("at half seven tonight", ["19:30"]),
        ("nine in the morning, not in the evening", ["09:00"]),
        ("this evening, for two people, at nine", ["21:00"]),
        ("tonight for two adults and two children at nine", ["21:00"]),
        ("at nine, on the twelfth of December, in the evening.", ["21:00"]),
        ("at seven thirty, Saturday evening", ["19:30"]),
        ("at nine on Friday night", ["21:00"]),
        ("at nine in the late evening", ["21:00"]),
        ("at nine, since the evening tour is full", ["09:00"]),
        ("at eight for two people tonight", ["20:00"]),
        ("at seven or nine in the evening", ["19:00", "21:00"]),
        ("Good evening, at nine please", ["09:00"]),
        ("at 7.30 p.m.", ["19:30"]),
        ("half past seven", ["07:30"]),
        ("from noon to midnight tonight", ["12:00", "00:00"]),
        ("at 12 a.m.", ["00:00"]),
        ("at seven thirty people came", ["07:00"]),
        ("from six to twelve people", []),
        ("places for four in the evening", []),
        ("in nineteen thirty six", []),
        ("a seven thirty-minute talk", []),
    ],
)
def test_hour_is_distinguished_from_other_numbers(text, expected):
    assert clocks(text) == expected


APART = "; |. |, but |, and we | and I | because |, so | before | if |, we | which | (|: ".split(
    "|"
)
LATE = ["this evening", "the evening", "tonight", "in the afternoon", "Friday evening", "at night"]


@given(
    st.sampled_from(HOURS[:11]),
    st.sampled_from(["", " on 2026-12-12", " for two people", ", please"]),
    st.sampled_from(APART),
    st.sampled_from(["we leave {}.", "it is cold {}", "{} we are away", "they eat {} and go."]),
    st.sampled_from(LATE),
)
@settings(deadline=None)
def test_no_word_of_another_clause_moves_a_time(hour, more, apart, clause, late):
    said = f"Book a slot at {hour}{more}"

    assert clocks(said + apart + clause.format(late))[0] == clocks(said)[0]
    assert clocks(f"Well, {clause.format(late)}; at {hour}{more}")[-1] == clocks(said)[0]


def test_ordinal_is_no_number():
    assert numbers("the twenty third visitor, and three more") == [3]
