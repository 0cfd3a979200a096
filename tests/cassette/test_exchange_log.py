"""What is written of an exchange: at its time, in its order, after it was sent on."""

from cassette.exchange_log import ExchangeLog
from cassette.format import Cassette
from tests.support.cassettes import answer_of, open_writer

import pytest

REQUEST = {"request": 1, "method": "GET", "path": "/", "headers": {}}


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def test_lines_have_the_time_at_which_they_came(cassette_path, clock):
    writer = open_writer(cassette_path)
    writer.begin("somebody")
    writer.write(REQUEST | {"upgrade": "websocket"})
    log = ExchangeLog(writer, 1, 99.5)

    log.log_head(101, {"a": "b"})
    clock[0] = 100.25
    log.log_frame("client", "hello")
    clock[0] = 101.12344
    log.log_frame("server", b"\x00")
    clock[0] = 900.0
    log.flush()
    log.how = "cut"
    log.log_end()
    writer.close()

    lines = [{k: v for k, v in line.items() if k != "crc"} for line in answer_of(cassette_path)]
    assert lines == [
        {"response": 1, "after": 0.5, "status": 101, "headers": {"a": "b"}},
        {"frame": 1, "after": 0.75, "from": "client", "text": "hello"},
        {"frame": 1, "after": 1.6234, "from": "server", "base64": "AA=="},
        {"end": 1, "after": 800.5, "how": "cut"},
    ]


def test_nothing_is_written_before_it_is_flushed(cassette_path, clock):
    calls = []
    log = ExchangeLog(open_writer(cassette_path), 1, 100.0)

    log.defer(lambda: calls.append(1))
    log.defer(lambda: calls.append(2))
    assert calls == []
    log.flush()
    log.flush()

    assert calls == [1, 2]


def test_end_forgets_the_chunks(cassette_path, clock):
    writer = open_writer(cassette_path)
    writer.begin("somebody")
    writer.write(REQUEST)
    log = ExchangeLog(writer, 1, 100.0)

    log.log_head(200, {})
    log.log_chunk(b"text")
    log.log_chunk(b"\xff")
    log.log_end()
    writer.close()

    chunks = [line for line in answer_of(cassette_path) if "chunk" in line]
    assert [line.get("text", line.get("base64")) for line in chunks] == ["text", "/w=="]
    assert Cassette(cassette_path).exchanges[1].how == "left"
    assert not writer.scrubber._tails
