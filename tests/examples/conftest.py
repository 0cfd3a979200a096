"""One browser for all tests of a file: while it runs, no test may run an event loop of its own."""

import wave

from tests.support.chromium import Chromium
from tests.support.realtime_clients import clip

import pytest


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A browser whose microphone hears a question, and an interruption of the answer."""
    path = tmp_path_factory.mktemp("microphone") / "caller.wav"
    pauses = [bytes(2 * 24_000 * seconds) for seconds in (2, 4, 1)]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(pauses[0] + clip("ask-programme") + pauses[1])
        file.writeframes(clip("cut-in-price") + pauses[2])
    with Chromium(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={path}%noloop",
    ) as browser:
        yield browser
