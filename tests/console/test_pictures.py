"""A call as a picture: two lanes, the cut, words that fit, in letters and as SVG."""

import xml.etree.ElementTree as ElementTree

from audio.call_recording import Mark, Span
from console.pictures import timeline_in_letters, write_timeline
from console.terminal import PLAIN_SPEECH, SPEECH, Terminal, can_print

import pytest
from hypothesis import given
from hypothesis import strategies as st

SVG = "{http://www.w3.org/2000/svg}"
CALL = [
    Span("caller", 0.0, 2.0, "When does the dome open?"),
    Span("assistant", 3.0, 6.0, "At half past eight, and on Fridays at nine."),
    Span("caller", 5.5, 7.0, "Sorry: <b>tomorrow</b> & not tonight"),
]
CUT = Mark(6.0, "cut after 3,000 ms", unheard_s=5.0)

seconds = st.floats(0, 20)
spans = st.lists(
    st.builds(
        lambda speaker, start, length, text: Span(speaker, start, start + length, text),
        st.sampled_from(["caller", "assistant"]),
        seconds,
        seconds,
        st.text(),
    ),
    max_size=6,
)
marks = st.lists(st.builds(Mark, seconds, st.text(max_size=30), seconds), max_size=4)


def drawn(path, *arguments):
    """The picture as a tree: it is XML, or this fails."""
    write_timeline(path, *arguments)
    return ElementTree.fromstring(path.read_text(encoding="utf-8"))


def texts(picture):
    return [element.text for element in picture.iter(f"{SVG}text") if element.text]


def boxes(picture, title):
    """The left edges and widths of the boxes with this title."""
    return [
        (float(box.get("x")), float(box.get("width")))
        for box in picture.iter(f"{SVG}rect")
        if (found := box.find(f"{SVG}title")) is not None and found.text == title
    ]


# ------------------------------------------------------------ letters


def test_lanes_stand_over_their_axis():
    assert timeline_in_letters(CALL, [CUT], 10.0, 51) == [
        "caller     ########              ######",
        "assistant              ############",
        "                cut after 3,000 ms ^",
        "           0 s     2       4       6       8",
    ]


def test_marks_do_not_cover_each_other():
    lines = timeline_in_letters([], [CUT, Mark(6.1, "again")], 10.0, 80)

    assert [line.split() for line in lines[2:-1]] == [
        ["^", "cut", "after", "3,000", "ms"],
        ["^", "again"],
    ]


@given(spans, marks, st.floats(0, 7200), st.integers(40, 200))
def test_lines_are_never_too_wide(spans, marks, duration_s, width):
    lines = timeline_in_letters(spans, marks, duration_s, width)

    assert all(len(line) <= width for line in lines)
    assert lines[0].startswith("caller") and lines[1].startswith("assistant")
    assert sum(line.count("^") for line in lines[2:]) >= len(marks)


@given(spans, st.integers(40, 200))
def test_who_spoke_is_seen(spans, width):
    lines = timeline_in_letters(spans, [], 40.0, width)

    for speaker, line in zip(["caller", "assistant"], lines, strict=False):
        assert ("#" in line) == any(span.speaker == speaker for span in spans)


def test_axis_has_few_and_round_seconds():
    axes = [timeline_in_letters([], [], s, 60)[-1].split() for s in (1, 14, 100, 3600)]

    assert axes == [
        ["0", "s", "0.5"],
        ["0", "s", "5", "10"],
        ["0", "s", "20", "40", "60", "80"],
        ["0", "s", "600", "1200", "1800", "2400", "3000"],
    ]


@pytest.mark.parametrize(("encoding", "block"), [("utf-8", "█"), ("ascii", "#")])
def test_terminal_draws_what_it_can_print(monkeypatch, capsys, encoding, block):
    monkeypatch.setattr("console.terminal.can_print", lambda signs, _: can_print(signs, encoding))

    Terminal().timeline(CALL, [CUT], 10.0)

    assert block * 6 in capsys.readouterr().out
    assert can_print(PLAIN_SPEECH, "ascii") and len(PLAIN_SPEECH) == len(SPEECH)


def test_terminal_keeps_the_picture(tmp_path, capsys):
    Terminal().timeline(CALL, [CUT], 10.0, file=tmp_path / "call.svg")

    assert "call.svg" in capsys.readouterr().out.replace("\n|  ", "")
    assert (tmp_path / "call.svg").read_text(encoding="utf-8").startswith("<svg")


# ------------------------------------------------------------ SVG


def test_words_are_escaped_and_shortened(tmp_path):
    shown = texts(drawn(tmp_path / "call.svg", CALL, [CUT], 10.0))

    assert "Sorry: <b>tomorrow</b> & not tonight" in shown
    assert "cut after 3,000 ms" in shown

    shown = texts(drawn(tmp_path / "call.svg", CALL, [CUT], 30.0))
    assert "When does the dome..." in shown


def test_never_heard_ends_at_the_end_of_the_call(tmp_path):
    picture = drawn(tmp_path / "call.svg", CALL, [CUT], 10.0)

    assert boxes(picture, "never heard") == [(592.0, 344.0)]


def test_never_heard_ends_where_the_assistant_goes_on(tmp_path):
    call = [*CALL, Span("assistant", 8.0, 9.0, "At nine.")]

    picture = drawn(tmp_path / "call.svg", call, [CUT], 10.0)

    assert boxes(picture, "never heard") == [(592.0, 172.0)]
    assert boxes(picture, "At nine.") == [(764.0, 86.0)]


@pytest.mark.parametrize(("unheard_s", "is_named"), [(0.5, False), (3.0, True)])
def test_never_heard_is_named_where_there_is_room(tmp_path, unheard_s, is_named):
    cut = Mark(6.0, "cut", unheard_s)

    shown = texts(drawn(tmp_path / "call.svg", CALL, [cut], 10.0))

    assert ("never heard" in shown) == is_named


def test_sound_is_drawn_where_there_is_some(tmp_path):
    levels = {"caller": [0.0, 0.5, 0.25], "assistant": [0.0, 0.0, 0.0]}

    picture = drawn(tmp_path / "call.svg", CALL, [], 10.0, levels)

    outlines = [path.get("d") for path in picture.iter(f"{SVG}path") if path.get("fill")]
    assert len(outlines) == 1
    assert outlines[0].count("L") == 5


def test_long_call_is_drawn_by_its_peaks(tmp_path):
    levels = {"caller": [0.1] * 50_000 + [0.9] + [0.1] * 50_000}

    picture = drawn(tmp_path / "call.svg", [], [], 2000.0, levels)

    [outline] = [path.get("d") for path in picture.iter(f"{SVG}path") if path.get("fill")]
    # The loudest moment is as high as its lane, and the picture small.
    assert " 78.0" in outline
    assert len(outline) < 30_000


@given(spans, marks, st.floats(0, 7200))
def test_any_call_is_well_formed(tmp_path_factory, spans, marks, duration_s):
    picture = drawn(
        tmp_path_factory.getbasetemp() / "any.svg", spans, marks, duration_s, {"assistant": [0.5]}
    )

    assert picture.tag == f"{SVG}svg"


def test_unwritable_picture_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        write_timeline(tmp_path / "nowhere" / "call.svg", CALL, [], 10.0)
