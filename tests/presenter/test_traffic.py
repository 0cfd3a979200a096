"""The traffic as it is shown: a body is one entry, padding is left out, and all rows fit."""

from presenter.course_show import PartReplay, load_show
from presenter.pane import text_of
from presenter.traffic import LONGEST, ROWS_OF_REQUEST, SENT, Traffic, traffic_rows

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

SHOW = load_show()


def traffic_of(*lines):
    traffic = Traffic()
    for line in lines:
        traffic.add(line)
    return traffic


def test_body_over_many_lines_is_one_entry_that_is_complete_at_its_end():
    traffic = traffic_of("< 200 application/json", "< {", '<   "id": "vs_1",')
    assert traffic.complete == 1
    traffic.add("<   },")
    traffic.add("< }")

    assert traffic.entries == ["< 200 application/json", '< { "id": "vs_1", }, }']
    assert traffic.complete == 2


def test_entry_that_nobody_could_see_grows_no_more():
    traffic = traffic_of("< {", *["<   " + "x" * 300] * 50, "< }", "< 200")

    assert len(traffic.entries[0]) < LONGEST + 310
    assert traffic.entries[1] == "< 200"
    assert traffic.complete == 2


def test_request_ends_a_body_that_was_cut_off():
    traffic = traffic_of("< {", '<   "id": 1', "> GET /v1/files", "< 200")

    assert traffic.entries == ['< { "id": 1', "> GET /v1/files", "< 200"]


@pytest.mark.parametrize("ending", ['"}', '"', ""])
def test_padding_is_left_out(ending):
    (entry,) = traffic_of(f'< data: {{"delta":{{}},"obfuscation":"aB3{ending}').entries

    assert entry.startswith('< data: {"delta":{}')
    assert "obfuscation" not in entry


@pytest.mark.parametrize("part", SHOW, ids=lambda part: part.name)
def test_every_request_of_a_recording_is_an_entry(part):
    replay = PartReplay(part)
    for chunk in part.chunks:
        replay.feed(chunk.text)
    entries = replay.traffic.entries

    assert replay.traffic.complete == len(entries)
    assert [e[:20] for e in entries if e[0] == ">"] == [e[:20] for e in replay.wire if e[0] == ">"]


lines = st.one_of(
    st.sampled_from(["< {", "< }", "< [", "< ]", "> POST /v1/files", "< data: [DONE]"]),
    st.text("ab 星", max_size=200).map(lambda text: f"< {text}"),
)


@given(st.lists(lines, max_size=12), st.integers(10, 60), st.integers(0, 12))
def test_rows_fit_and_end_with_the_newest(given_lines, width, count):
    entries = traffic_of(*given_lines).entries
    rows = traffic_rows(entries, width, count, "~")

    assert len(rows) <= min(count, ROWS_OF_REQUEST * len(entries))
    assert len(rows) >= min(count, len(entries))
    assert all(cell_len(text_of([row])) <= width + 1 for row in rows)
    if rows and cell_len(entries[-1]) <= width:
        assert text_of(rows[-1:]).rstrip() == entries[-1].rstrip()


ANSWER = [f"< data: {number}" for number in range(20)]


def shown(entries, count=6, width=40):
    return text_of(traffic_rows(entries, width, count, "~")).splitlines()


def test_newest_request_stays_above_its_answer():
    older, newest = "> POST /v1/a", "> GET /v1/b"

    assert shown([older, "< 200", newest, *ANSWER]) == [newest, *ANSWER[-5:]]
    assert shown([older, newest, *ANSWER[:5]]) == [newest, *ANSWER[:5]]
    assert shown([older, newest, *ANSWER[:4]]) == [older, newest, *ANSWER[:4]]
    assert shown(ANSWER) == ANSWER[-6:]


def test_long_request_leaves_half_of_the_rows_to_its_answer():
    rows = shown(["> POST /v1/a " + "word " * 100, *ANSWER])

    assert rows[0].startswith("> POST /v1/a word")
    assert rows[2].endswith("~")
    assert rows[3:] == ANSWER[-3:]


def test_what_was_sent_on_a_websocket_goes_by():
    assert shown(["> +0.000 GET /v1/realtime", "> +0.1 session.update", *ANSWER]) == ANSWER[-6:]


def test_what_was_sent_has_a_color_of_its_own():
    rows = traffic_rows(["> GET /", "< 200"], 40, 5, "~")

    assert [style for row in rows for style, _ in row] == [SENT, ""]
