"""The format: what is written can be read, and nothing damaged is read in silence (P10, P11)."""

import json
import random
import shutil
import zlib
from collections import Counter

from cassette import CassetteError
from cassette.format import (
    Cassette,
    blob,
    decode,
    encode,
    message_of,
    read_lines,
    text_name,
)
from tests.support.cassettes import CHUNK, END, HEADER, REQUEST, RESPONSE, WHOLE, write_cassette
from tools.record_fixtures import fixtures

import pytest
from hypothesis import given
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


def test_truncated_file_is_noticed(tmp_path):
    with pytest.raises(CassetteError, match="breaks off after line 5"):
        Cassette(write_cassette(tmp_path / "c.jsonl", WHOLE, close=False))


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
