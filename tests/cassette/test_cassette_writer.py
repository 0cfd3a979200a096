"""The file: when it is made, and when there is none."""

import os

from cassette import CassetteError
from tests.conftest import ask
from tests.support.cassettes import open_writer, recorder
from tests.support.loopback_sockets import sdk_client

import pytest

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
                resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
                stream = list(client.chat.completions.create(**QUESTION, stream=True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert stream[-1].choices[0].finish_reason == "stop"
    assert list(cassette_path.parent.iterdir()) == []
