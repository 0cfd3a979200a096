"""The output of a response: what its sound is billed as."""

from emulator.realtime.output import Output

import pytest


@pytest.mark.parametrize(("ms", "count"), [(0.0, 0), (50.0, 1), (51.0, 2), (100.0, 2)])
def test_begun_token_of_sound_is_billed(ms, count):
    output = Output("resp_1", None, lambda name, **fields: None, is_audio=True)
    output.open_message()
    output.sound(b"", ms)

    assert output.audio_tokens == count
