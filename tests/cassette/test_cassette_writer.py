"""The file: when it is made, and when there is none."""

import os

from cassette import CassetteError
from cassette.format import LARGE, Cassette, decode, digest, read_lines, text_name
from tests.support.cassettes import blobs_of, open_writer, recorder
from tests.support.emulator_clients import ask
from tests.support.loopback_sockets import sdk_client

import pytest

# The beginning of a cassette that a program has laid out anew.
WHOLE_FILE = b'\n{ "cassette" : 1}\n'
QUESTION = ask("When is the observatory closed?")


def test_place_is_checked_before_anything_is_asked(tmp_path):
    taken = tmp_path / "a.jsonl"
    taken.with_name("a.jsonl.part").touch()

    for path, message in [
        (tmp_path, "it is no file"),
        (tmp_path / "none" / "a.jsonl", "is no folder"),
        (taken, "is in the way"),
    ]:
        with pytest.raises(CassetteError, match=message):
            open_writer(path)


@pytest.mark.parametrize(
    "content",
    [b"notes", b"{}", b"\xff" * 300, b'{"name": "cassette"}', b'my "cassette": a list', b"[1]\n"],
)
def test_file_that_is_no_cassette_is_kept(cassette_path, content):
    cassette_path.write_bytes(content)

    with pytest.raises(CassetteError, match="is no cassette, so it is not overwritten"):
        open_writer(cassette_path)

    assert cassette_path.read_bytes() == content
    assert [path.name for path in cassette_path.parent.iterdir()] == ["tape.jsonl"]


def test_cassette_or_empty_file_is_replaced(cassette_path):
    for content in (b"", b" \n", WHOLE_FILE):
        cassette_path.write_bytes(content)
        writer = open_writer(cassette_path)
        writer.begin("somebody")
        writer.close()
        assert Cassette(cassette_path).header["answered_by"] == "somebody"


def test_file_that_another_recording_made_is_left_alone(cassette_path):
    """Both were started when there was none yet."""
    writer, other = open_writer(cassette_path), open_writer(cassette_path)

    other.begin("somebody")
    writer.begin("somebody")
    writer.write({"end": 1})

    with pytest.raises(CassetteError, match="tape.jsonl.part cannot be made: File exists"):
        writer.close()
    other.close()
    assert Cassette(cassette_path).header["answered_by"] == "somebody"


def test_header_is_written_once(cassette_path):
    writer = open_writer(cassette_path, lesson="1")
    writer.write({"request": 1, "method": "GET", "path": "/", "headers": {}})
    writer.begin("somebody")
    writer.begin("somebody else")
    writer.write({"end": 1, "after": 0, "how": "left"})
    writer.close()

    kinds = [next(iter(line)) for _, line in read_lines(cassette_path)]
    assert kinds == ["cassette", "request", "end", "closed"]
    assert Cassette(cassette_path).header == {
        "cassette": 1,
        "recorded": "2026-11-24",
        "lesson": "1",
        "answered_by": "somebody",
    }


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
def test_only_the_user_may_read_it(cassette_path):
    writer = open_writer(cassette_path)
    writer.begin("somebody")
    writer.close()

    assert cassette_path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in cassette_path.parent.iterdir()] == ["tape.jsonl"]


def test_large_things_are_written_once(cassette_path):
    """From `LARGE` bytes on: bodies on a line of their own, texts where they first come."""
    writer = open_writer(cassette_path)
    writer.begin("somebody")

    for size, is_large in ((LARGE - 1, False), (LARGE, True)):
        body, text = b"b" * size, "t" * size
        fields = [writer.body_fields(body), writer.message_fields(text)]
        again = [writer.body_fields(body), writer.message_fields(text)]
        if is_large:
            name = text_name(text.encode())
            assert fields == [{"blob": digest(body)}, {"text": text}]
            assert again == [{"blob": digest(body)}, {"again": name}]
        else:
            assert fields == again == [{"text": body.decode()}, {"text": text}]
    writer.close()

    assert list(blobs_of(cassette_path)) == [b"b" * LARGE]


def test_binary_message_with_an_escaped_key_prevents_the_file(cassette_path):
    writer = open_writer(cassette_path)
    writer.begin("somebody")
    writer.message_fields(b"\\u0073k-0123456789abcdef")

    with pytest.raises(CassetteError, match="in pieces or in escapes"):
        writer.close()


def test_nothing_answered_leaves_no_file(emulator, cassette_path):
    with (
        pytest.raises(CassetteError, match="nothing was answered"),
        recorder(cassette_path, emulator.base_url),
    ):
        pass

    assert list(cassette_path.parent.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits the size of files as POSIX can")
def test_full_disk_never_disturbs_the_conversation(emulator, cassette_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(CassetteError, match="tape.jsonl cannot be written: File too large"):
            with (
                recorder(cassette_path, emulator.base_url) as base_url,
                sdk_client(base_url) as client,
            ):
                resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, limits[1]))
                stream = list(client.chat.completions.create(**QUESTION, stream=True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert stream[-1].choices[0].finish_reason == "stop"
    assert list(cassette_path.parent.iterdir()) == []


def test_cassette_that_cannot_be_read_is_not_kept(cassette_path):
    writer = open_writer(cassette_path)
    writer.begin("somebody")
    writer.write({"chunk": 1, "after": 0, "text": ""})

    with pytest.raises(CassetteError, match="line 2 does not fit its format"):
        writer.close()
    assert list(cassette_path.parent.iterdir()) == []


def test_binary_chunk_is_written_without_its_key(cassette_path):
    fields = open_writer(cassette_path).chunk_fields(1, b"\xff sk-0123456789abcdef")

    assert decode(fields) == b"\xff [scrubbed]"
