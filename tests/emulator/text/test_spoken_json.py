"""What tools gave back, in words that can be spoken."""

from emulator.text.spoken_json import spoken_json

import pytest
from hypothesis import given
from hypothesis import strategies as st

BOOKED = {"booked": True, "number": 4711, "date": "2026-11-28", "time": "19:30", "people": 2}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (BOOKED, "Booked: number 4711, Saturday 28 November 2026, 19:30, 2 people."),
        ({"booked": False, "reason": "it is full."}, "Not booked: it is full."),
        ({"price": 11.0, "free_places": 1, "people": 1}, "Price 11, 1 free place, 1 person."),
        ({"distance_in_km": 2.5, "status": "open"}, "Distance 2.5 km, open."),
        ({"isOpen": True, "hasLift": False, "note": None}, "Open, has no lift: no note."),
        ({"sky": "clear", "is_dark": True}, "Sky clear, dark."),
        ({"error": "no such day"}, "Error: no such day."),
        ({"created_at": "2026-12-04T20:00:00Z"}, "Created: Friday 4 December 2026, 20:00."),
        ({"opens": "14:00:00", "day": "2026-02-30"}, "Opens 14:00, day 2026-02-30."),
        ({"sky": {"clouds": 2}, "names": ["Ann", "Bo"]}, "Sky: 2 clouds; names: Ann and Bo."),
        ([{"id": "A-1", "people": 2}, {"id": "A-2"}], "Id A-1, 2 people; id A-2."),
        ({"bookings": [], "": 1}, "No bookings,  1."),
        (["rain", "2026-11-28", 3], "Rain, Saturday 28 November 2026 and 3."),
        ("It rains!", "It rains!"),
        ("rain", "rain."),
        *[(empty, "Nothing.") for empty in (None, "", [], {})],
        (True, "Yes."),
        (0, "0."),
    ],
)
def test_value_is_said_in_words(value, said):
    assert spoken_json(value) == said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just("2026-11-28"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["is_open", "bookedAt", "people", "", "_"]), inner)
    ),
    max_leaves=8,
)


@given(JSON)
def test_no_sign_of_json_is_spoken(value):
    said = spoken_json(value)

    assert said.endswith((".", "!", "?"))
    assert not {*'{}[]"'} & {*said} and "True" not in said and "None" not in said
