"""The format: what is written can be read, and nothing damaged is read in silence (P10, P11)."""

import json
import random
import shutil
import zlib
from collections import Counter
from contextlib import nullcontext

from cassette import CassetteError
from cassette.format import (
    LARGE,
    Cassette,
    blob,
    decode,
    encode,
    message_of,
    read_lines,
    text_name,
)
from tests.support.cassettes import CHUNK, END, HEADER, REQUEST, RESPONSE, WHOLE, write_cassette
from tests.support.property_examples import examples
from tools.record_fixtures import fixtures

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

LONG = "0123456789é" * 100
HANDSHAKE = {
    "request": 1,
    "method": "GET",
    "path": "/v1/x",
    "headers": {},
    "upgrade": "websocket",
}
SWITCH = {"response": 1, "after": 0.1, "status": 101, "headers": {}}
FRAME = {"frame": 1, "after": 0.2, "from": "server", "text": "{}"}
AGAIN = {"frame": 1, "after": 0.3, "from": "client", "again": text_name(LONG.encode())}
CLOSE = {"end": 1, "after": 0.4, "how": "complete", "code": 1000, "reason": "", "by": "client"}
CALL = [
    *(HEADER, HANDSHAKE, SWITCH, FRAME),
    FRAME | {"from": "client", "text": LONG},
    {"frame": 1, "after": 0.2, "from": "server", "base64": "/w=="},
    *(AGAIN, CLOSE),
]


def test_written_lines_are_read(tmp_path):
    path = write_cassette(tmp_path / "c.jsonl", WHOLE)

    cassette = Cassette(path)

    assert cassette.header == HEADER
    assert list(cassette.exchanges) == [1]
    told = [
        {k: v for k, v in line.items() if k != "crc"}
        for line in cassette.answer(cassette.exchanges[1])
    ]
    assert told == [RESPONSE, CHUNK, END]


def test_written_frames_are_read(tmp_path):
    cassette = Cassette(write_cassette(tmp_path / "c.jsonl", CALL))

    *told, again, end = cassette.answer(cassette.exchanges[1])
    assert [message_of(line) for line in told if "frame" in line] == ["{}", LONG, b"\xff"]
    assert (message_of(again), again["from"]) == (LONG, "client")
    assert (cassette.exchanges[1].is_socket, end["code"], end["by"]) == (True, 1000, "client")


def test_end_without_a_close_needs_no_code(tmp_path):
    for how in ("cut", "left"):
        end = {"end": 1, "after": 0.3, "how": how}

        cassette = Cassette(write_cassette(tmp_path / "c.jsonl", [*CALL[:3], end]))

        assert cassette.exchanges[1].how == how


@given(st.binary(max_size=200))
def test_any_body_survives(data):
    assert decode(encode(data)) == data


DAMAGED = {
    "newer format": (
        [HEADER | {"cassette": 2}, *WHOLE[1:]],
        "line 1 has format 2; this course reads format 1",
    ),
    "no header": (WHOLE[1:], "line 1 is no header"),
    "two headers": ([HEADER, *WHOLE], "line 2 does not fit"),
    "request twice": ([HEADER, REQUEST, REQUEST], "line 3 does not fit"),
    "number is text": ([HEADER, REQUEST | {"request": "1"}], "line 2 does not fit"),
    "answer to nothing": ([HEADER, RESPONSE], "line 2 does not fit"),
    "chunk before head": ([HEADER, REQUEST, CHUNK], "line 3 does not fit"),
    "chunk after end": ([*WHOLE, CHUNK], "line 6 does not fit"),
    "unknown end": ([*WHOLE[:4], END | {"how": "well"}], "line 5 does not fit"),
    "no end": (WHOLE[:4], "request 1 has no end"),
    "time runs back": ([*WHOLE[:3], CHUNK | {"after": -1}], "line 4 does not fit"),
    "endless time": ([*WHOLE[:3], CHUNK | {"after": 1e99}], "line 4 does not fit"),
    "time is text": ([*WHOLE[:3], CHUNK | {"after": "soon"}], "line 4 does not fit"),
    "status is nonsense": ([HEADER, REQUEST, RESPONSE | {"status": 7}], "line 3 does not fit"),
    "bad base64": ([*WHOLE[:3], {"chunk": 1, "after": 0.1, "base64": "!"}], "line 4 does not fit"),
    "wrong blob": ([HEADER, blob(b"a") | {"blob": "0" * 64}], "line 2 does not fit"),
    "no answerer": ([{"cassette": 1, "recorded": "x"}], "line 1 does not fit"),
    "escapes for the terminal": ([HEADER | {"answered_by": "\x1b[2J"}], "line 1 does not fit"),
    "header in two lines": (
        [HEADER, REQUEST, RESPONSE | {"headers": {"a": "b\r\nc"}}],
        "line 3 does not fit",
    ),
    "status with a fraction": (
        [HEADER, REQUEST, RESPONSE | {"status": 200.5}],
        "line 3 does not fit",
    ),
    "frame of an answer to HTTP": ([*WHOLE[:3], FRAME], "line 4 does not fit"),
    "chunk of a socket": ([*CALL[:3], CHUNK], "line 4 does not fit"),
    "frame before head": ([*CALL[:2], FRAME], "line 3 does not fit"),
    "frame after end": ([*CALL, FRAME], "line 9 does not fit"),
    "frame from nobody": ([*CALL[:3], FRAME | {"from": "us"}], "line 4 does not fit"),
    "frame with nothing": (
        [*CALL[:3], {"frame": 1, "after": 0.2, "from": "server"}],
        "line 4 does not fit",
    ),
    "again of nothing": ([*CALL[:4], AGAIN], "line 5 does not fit"),
    "switch unasked": ([HEADER, REQUEST, SWITCH], "line 3 does not fit"),
    "close without code": ([*CALL[:3], END], "line 4 does not fit"),
    "close with a wild code": ([*CALL[:3], CLOSE | {"code": 99}], "line 4 does not fit"),
    "close by nobody": ([*CALL[:3], CLOSE | {"by": "us"}], "line 4 does not fit"),
    "close with odd reason": ([*CALL[:3], CLOSE | {"reason": 1}], "line 4 does not fit"),
    "unknown kind": ([HEADER, {"surprise": 1}], "line 2 does not fit"),
    "line behind the end": ([*WHOLE, {"closed": 5}], "comes after the end"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_named_with_its_line(tmp_path, name):
    lines, message = DAMAGED[name]

    with pytest.raises(CassetteError, match=message) as caught:
        Cassette(write_cassette(tmp_path / "c.jsonl", lines))

    assert "c.jsonl" in str(caught.value)


RESEALED = {
    "empty line": ({}, "line 3 does not fit"),
    "headers in a list": ({"response": 1, "after": 0, "status": 200, "headers": []}, "line 3"),
    "no headers": ({"response": 1, "after": 0, "status": 200, "headers": None}, "line 3"),
    "header that is no name": (RESPONSE | {"headers": {"a b": "c"}}, "line 3 does not fit"),
    "header beyond Latin-1": (RESPONSE | {"headers": {"a": "\u20ac"}}, "line 3 does not fit"),
    "time beyond all numbers": (RESPONSE | {"after": 10**400}, "line 3 does not fit"),
    "time of day": (RESPONSE | {"after": True}, "line 3 does not fit"),
    "status as a float": (RESPONSE | {"status": 200.0}, "line 3 does not fit"),
    "status too high": (RESPONSE | {"status": 600}, "line 3 does not fit"),
    "request in a list": ({"request": [1]}, "line 3 does not fit"),
    "request with odd headers": (REQUEST | {"request": 2, "headers": 1}, "line 3 does not fit"),
    "fields of another line": (RESPONSE | {"chunk": 1}, "line 3 does not fit"),
    "number for a name": ({"1": 1}, "line 3 does not fit"),
}


@pytest.mark.parametrize("name", RESEALED)
def test_resealed_line_is_refused_by_its_number(tmp_path, name):
    line, message = RESEALED[name]

    with pytest.raises(CassetteError, match=message) as caught:
        Cassette(write_cassette(tmp_path / "c.jsonl", [HEADER, REQUEST, line]))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [1, None, ["a"]], ids=str)
def test_text_that_is_no_text_is_refused(tmp_path, text):
    for whole, at in ((WHOLE, 3), (CALL, 3)):
        lines = [*whole[:at], whole[at] | {"text": text}]

        with pytest.raises(CassetteError, match="line 4 does not fit"):
            Cassette(write_cassette(tmp_path / "c.jsonl", lines))


@pytest.mark.parametrize("code", [999, 5000, "1000", True, None, 1000.0])
def test_code_of_a_close_has_its_limits(tmp_path, code):
    with pytest.raises(CassetteError, match="line 4 does not fit"):
        Cassette(write_cassette(tmp_path / "c.jsonl", [*CALL[:3], CLOSE | {"code": code}]))
    for valid in (1000, 4999):
        Cassette(write_cassette(tmp_path / "c.jsonl", [*CALL[:3], CLOSE | {"code": valid}]))


def test_times_and_statuses_have_their_limits(tmp_path):
    for good in ({"after": 0}, {"after": 1e6}, {"status": 599}):
        lines = [*WHOLE[:2], RESPONSE | good, *WHOLE[3:]]
        Cassette(write_cassette(tmp_path / "c.jsonl", lines))
    for bad in ({"after": 1e6 + 1}, {"status": 199}):
        with pytest.raises(CassetteError, match="line 3 does not fit"):
            Cassette(write_cassette(tmp_path / "c.jsonl", [*WHOLE[:2], RESPONSE | bad]))


def test_large_text_alone_can_come_again(tmp_path):
    """A text is named from `LARGE` bytes on."""
    for size, is_known in ((LARGE - 1, False), (LARGE, True)):
        frame = FRAME | {"text": "x" * size}
        again = FRAME | {"text": None, "again": text_name(b"x" * size)}
        del again["text"]
        path = tmp_path / "c.jsonl"
        with nullcontext() if is_known else pytest.raises(CassetteError, match="line 5 does not"):
            Cassette(write_cassette(path, [*CALL[:3], frame, again, CLOSE]))


def test_client_may_leave_before_the_answer(tmp_path):
    end = END | {"how": "left"}

    cassette = Cassette(write_cassette(tmp_path / "c.jsonl", [HEADER, REQUEST, end]))

    assert cassette.exchanges[1].how == "left"
    with pytest.raises(CassetteError, match="line 3 does not fit"):
        Cassette(write_cassette(tmp_path / "c.jsonl", [HEADER, REQUEST, END]))


def test_end_comes_once(tmp_path):
    with pytest.raises(CassetteError, match="line 6 does not fit"):
        Cassette(write_cassette(tmp_path / "c.jsonl", [*WHOLE, END]))


def test_second_answer_is_refused(tmp_path):
    with pytest.raises(CassetteError, match="line 4 does not fit"):
        Cassette(write_cassette(tmp_path / "c.jsonl", [*WHOLE[:3], RESPONSE]))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = ["request", "response", "chunk", "frame", "end", "blob", "zlib", "closed", "after", "how"]
NAMES += ["status", "headers", "from", "text", "base64", "again", "code", "reason", "by", "path"]


@settings(max_examples=examples(150), deadline=None)
@given(
    st.sampled_from([*WHOLE[1:], *CALL[1:], blob(b"a"), {"closed": 1}]),
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
    st.booleans(),
)
def test_whatever_a_line_holds_is_read_or_refused(tmp_path_factory, line, changes, is_cut):
    """Sealed anew, so that the seal finds nothing: each field has to be checked itself."""
    path = tmp_path_factory.getbasetemp() / "c.jsonl"
    whole = CALL if "frame" in line or "upgrade" in line or "code" in line else WHOLE
    changed = changes if is_cut else line | changes
    lines = [changed if each == line else each for each in whole]

    why = refusal(write_cassette(path, lines))

    if why:
        assert why.startswith(str(path))
        assert "\n" not in why
    else:
        cassette = Cassette(path)
        for exchange in cassette.exchanges.values():
            assert list(cassette.answer(exchange))[-1]["how"] == exchange.how


def refusal(path):
    """Why a cassette cannot be read; "" if it can."""
    try:
        Cassette(path)
    except CassetteError as error:
        return str(error)
    return ""


def test_folder_is_no_cassette(tmp_path):
    with pytest.raises(CassetteError, match="it is no file"):
        Cassette(tmp_path)


def test_truncated_file_is_noticed(tmp_path):
    with pytest.raises(CassetteError, match="breaks off after line 5"):
        Cassette(write_cassette(tmp_path / "c.jsonl", WHOLE, close=False))


@pytest.mark.parametrize("count", [4, 6, None, "5"])
def test_last_line_counts_the_others(tmp_path, count):
    lines = [*WHOLE, {"closed": count}]

    with pytest.raises(CassetteError, match="breaks off after line 6"):
        Cassette(write_cassette(tmp_path / "c.jsonl", lines, close=False))


def test_missing_and_empty_files_are_told(tmp_path):
    with pytest.raises(CassetteError, match="cannot be read: No such file"):
        Cassette(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(CassetteError, match="is empty"):
        Cassette(tmp_path / "empty.jsonl")


NO_JSON = [
    b'{"cassette":1,"a":NaN}',
    b'{"cassette":1,"a":1,"a":2}',
    b'{"cassette":1,"a":' + b"[" * 99999,
]


@pytest.mark.parametrize("text", NO_JSON, ids=["nan", "twice", "deep"])
def test_line_that_is_no_json_is_told(tmp_path, text):
    path = tmp_path / "c.jsonl"
    crc = zlib.crc32(text[:-1] + b"}")
    path.write_bytes(text[:-1] + b',"crc":"%08x"}\n' % crc)

    with pytest.raises(CassetteError, match="line 1 is no"):
        Cassette(path)


def edits(data, random):
    """A random damage to bytes or to lines."""
    lines = data.splitlines(keepends=True)
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    place = random.randrange(len(data))
    match random.randrange(7):
        case 0:
            return (
                data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]
            )
        case 1:
            return b"".join(lines[:at] + lines[at + 1 :])
        case 2:
            return b"".join(lines[:at] + [lines[at]] + lines[at:])
        case 3:
            lines[at], lines[other] = lines[other], lines[at]
            return b"".join(lines)
        case 4:
            return data[:place]
        case 5:
            return data[:place] + random.randbytes(3) + data[place:]
        case _:
            return data.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("path", fixtures(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_p10_mutated_copies_are_never_played(path, tmp_path):
    short = shortened(path, tmp_path / "short.jsonl")

    never_played(short.read_bytes(), tmp_path / "copy.jsonl")


def shortened(path, short):
    """A cassette in small: of its first exchanges three lines of each kind, sealed anew.

    A fixture has up to 2 MB, and reading 200 copies of that proves no more.
    """
    count, texts, lines = Counter(), set(), []
    for _, line in read_lines(path):
        kind = next(iter(line))
        number = line[kind] if kind in ("request", "response", "chunk", "frame", "end") else 0
        count[kind, number] += 1
        if kind == "closed" or number > 12 or count[kind, number] > 3:
            continue
        if "again" in line and line["again"] not in texts:
            continue
        texts.add(text_name(line.get("text", "").encode()))
        lines.append(line)
    return write_cassette(short, lines)


def test_p10_mutated_frames_are_never_played(tmp_path):
    frames = [FRAME | {"after": n / 10, "text": f'{{"number":{n}}}'} for n in range(20)]
    path = write_cassette(tmp_path / "c.jsonl", [*CALL[:-1], *frames, CLOSE])

    never_played(path.read_bytes(), tmp_path / "copy.jsonl")


def never_played(data, copy):
    """Whatever is damaged in 200 copies, none can be read."""
    dice = random.Random(7)
    mutants = [mutant for _ in range(200) if (mutant := edits(data, dice)) != data]

    for mutant in mutants:
        copy.write_bytes(mutant)
        with pytest.raises(CassetteError, match="copy.jsonl"):
            Cassette(copy)
    assert len(mutants) > 150


def test_p11_paths_in_a_cassette_are_data(tmp_path):
    evil = REQUEST | {"path": "../../etc/passwd"}

    cassette = Cassette(write_cassette(tmp_path / "c.jsonl", [HEADER, evil, RESPONSE, END]))

    assert cassette.exchanges[1].request["path"] == "../../etc/passwd"
    assert [path.name for path in tmp_path.iterdir()] == ["c.jsonl"]


def test_reading_takes_line_by_line(tmp_path):
    path = write_cassette(tmp_path / "c.jsonl", WHOLE)

    first = next(read_lines(path))

    assert first == (0, HEADER)
    shutil.rmtree(tmp_path)
    assert json.dumps(first[1])
