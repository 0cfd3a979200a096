"""Encoders: any sound in any pieces comes back, whole or streamed."""

import io
import sys

from emulator.voice.encoding import FORMATS, Encoder, MissingEncoder, Outlet, encoded, wav_header
from emulator.voice.sound import samples
from tests.support.sound_files import decoded_pcm, level_db

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

MEASURED = ("mp3", "opus", "flac")
"""Formats whose files can say how long they are."""


@pytest.fixture(scope="module")
def libraries():
    for package in ("soundfile", "av"):
        pytest.importorskip(package, reason="it writes files")


def tone(ms, hz=440, level=8_000):
    places = np.arange(24 * ms)
    return (level * np.sin(places * 2 * np.pi * hz / 24_000)).astype("<i2").tobytes()


def streamed(pcm, format, size):
    """What an encoder gives for pieces of so many samples, one for each."""
    encoder = Encoder(format)
    pieces = [encoder.feed(pcm[at : at + 2 * size]) for at in range(0, len(pcm), 2 * size)]
    return [*pieces, encoder.flush()]


def pitch(pcm):
    """The loudest frequency in Hz."""
    power = np.abs(np.fft.rfft(samples(pcm).astype(float) * np.hanning(len(pcm) // 2)))
    return float(power.argmax() * 24_000 / (len(pcm) // 2))


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=12, deadline=None)
@given(ms=st.integers(300, 3_000), hz=st.integers(150, 2_000), size=st.integers(100, 20_000))
def test_tone_comes_back_from_any_pieces(libraries, format, ms, hz, size):
    pcm = tone(ms, hz)

    for file in (b"".join(streamed(pcm, format, size)), encoded(pcm, format)):
        found = decoded_pcm(file, format)

        # An encoder of MP3 or AAC adds up to three frames of silence.
        assert ms - 1 <= len(found) / 48 <= ms + 150
        assert level_db(found) == pytest.approx(level_db(pcm), abs=2.5)
        assert pitch(found) == pytest.approx(hz, abs=12)


@pytest.mark.parametrize("format", FORMATS)
def test_sound_leaves_while_more_is_to_come(libraries, format):
    pieces = streamed(tone(4_000), format, 12_000)

    given_before_the_end = sum(map(len, pieces[:4]))
    assert given_before_the_end > 0.2 * sum(map(len, pieces))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("pcm", [b"", tone(1)])
def test_next_to_no_sound_is_encoded(libraries, format, pcm):
    file = b"".join(streamed(pcm, format, 10))

    assert len(file) >= len(pcm) // 4
    assert len(encoded(pcm, format)) == pytest.approx(len(file), abs=200)


@pytest.mark.parametrize("format", MEASURED)
def test_whole_file_says_how_long_it_is(format):
    soundfile = pytest.importorskip("soundfile", reason="it reads the header")
    with soundfile.SoundFile(io.BytesIO(encoded(tone(2_000), format))) as file:
        assert file.frames / file.samplerate == pytest.approx(2, abs=0.1)


def test_odd_bytes_are_no_samples():
    with pytest.raises(ValueError, match="samples of 2 bytes"):
        Encoder("wav").feed(b"abc")


def test_header_is_the_one_of_a_streamed_wav():
    header = wav_header()

    assert len(header) == 44
    assert header[:4] + header[8:16] + header[36:40] == b"RIFFWAVEfmt data"


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)

    with pytest.raises(MissingEncoder, match="'flac' needs the package 'soundfile'") as caught:
        Encoder("flac")

    assert caught.value.package == "soundfile"


@given(
    st.lists(
        st.tuples(st.just("write"), st.binary(max_size=9))
        | st.tuples(st.just("seek"), st.integers(0, 40))
        | st.tuples(st.just("take"), st.none()),
        max_size=30,
    )
)
def test_outlet_is_a_file_but_for_what_left(steps):
    """It agrees with a file in memory wherever nothing that was taken is written over."""
    outlet, file, taken, spoilt = Outlet(), io.BytesIO(), b"", set()
    for name, value in steps:
        if name == "take":
            taken += outlet.take()
        elif name == "seek":
            assert outlet.seek(value) == file.seek(value)
        else:
            spoilt |= set(range(file.tell(), min(file.tell() + len(value), len(taken))))
            assert outlet.write(value) == file.write(value)
        assert outlet.tell() == file.tell()
        assert outlet.seek(0, 1) == file.seek(0, 1)
    end = outlet.seek(0, 2)
    taken += outlet.take()

    whole = file.getvalue()
    assert len(taken) == len(whole) == end
    assert all(taken[at] == whole[at] for at in range(end) if at not in spoilt)
    assert outlet.read() == b""
