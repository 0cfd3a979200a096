"""Audio files: any kind is decoded to the same sound, and whatever is none is refused."""

import io
import random
import struct
import sys
import tracemalloc
from contextlib import suppress
from functools import partial

from emulator.voice import audio_files
from emulator.voice.audio_files import (
    RATE,
    MissingDecoder,
    UnreadableAudio,
    blocks,
    is_cut_ogg,
    is_cut_webm,
    kind_of,
    measured,
    seconds_of,
    speech_pcm,
)
from emulator.voice.sound import samples
from tests.support.spoken_files import KINDS, encoded_file, noises, wav_file

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

TONE = 0.5 * np.sin(np.arange(16_000) / 8)
"""A second of 318 Hz at 16 kHz."""
COMPRESSED = {
    "flac": "soundfile",
    "mp3": "soundfile",
    "ogg": "soundfile",
    "mp4": "av",
    "webm": "av",
}


def pcm_in(data):
    return samples(b"".join(speech_pcm(data))) / 32768


def compressed(format):
    pytest.importorskip("av", reason="it writes the files")
    pytest.importorskip(COMPRESSED[format], reason="it reads the files")
    return encoded_file(TONE, RATE, format)


def likeness(one, other):
    """How alike two sounds are (1: the same), wherever the second begins."""
    length = min(len(one), len(other))
    spectra = [np.abs(np.fft.rfft(each[:length])) for each in (one, other)]
    return float(spectra[0] @ spectra[1] / np.linalg.norm(spectra[0]) / np.linalg.norm(spectra[1]))


@given(
    kind=st.sampled_from(sorted(KINDS)),
    channels=st.integers(1, 8),
    rate=st.sampled_from([8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000]),
    extensible=st.booleans(),
)
def test_every_wav_is_read(kind, channels, rate, extensible):
    sound = 0.5 * np.sin(np.arange(rate // 4) * 2 * np.pi * 318 / rate)
    data = wav_file(sound, rate, kind, channels, extensible=extensible)
    found = pcm_in(data)

    assert kind_of(data) == "wav"
    assert seconds_of(data, 10) == pytest.approx(0.25, abs=1e-3)
    assert len(found) == pytest.approx(RATE / 4, abs=RATE / 400)
    wanted = 0.5 * np.sin(np.arange(len(found)) * 2 * np.pi * 318 / RATE)
    assert np.abs(found - wanted)[200:-200].max() < 0.02


@pytest.mark.parametrize("format", COMPRESSED)
def test_compressed_file_has_the_same_sound(format):
    data = compressed(format)

    assert kind_of(data) == format
    assert seconds_of(data, 10) == pytest.approx(1, abs=0.1)
    assert likeness(TONE, pcm_in(data)) > 0.9


@pytest.mark.parametrize("tag", [6, 7])
def test_telephone_wav_is_read(tag):
    form = struct.pack("<HHIIHH", tag, 1, 8_000, 8_000, 1, 8)
    data = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 16) + form
    data += b"data" + struct.pack("<I", 800) + bytes(range(200)) * 4

    assert seconds_of(data, 10) == pytest.approx(0.1)
    assert np.abs(pcm_in(data)).max() > 0.1


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF - 36])
def test_streamed_wav_ends_where_it_ends(length):
    data = wav_file(TONE, RATE, length=length)

    assert seconds_of(data, 10) == pytest.approx(1)


def test_chunks_before_the_sound_are_skipped():
    data = wav_file(TONE, RATE)
    data = data[:12] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + data[12:]

    assert seconds_of(data, 10) == pytest.approx(1)


def test_half_a_sample_at_the_end_is_left_out():
    data = wav_file(TONE, RATE, length=0xFFFFFFFF) + b"\1"

    assert seconds_of(data, 10) == pytest.approx(1)


def header(tag=1, channels=1, rate=16_000, align=2, bits=16, size=16):
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * align, align, bits)[:size]
    return b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", size) + form


SILENT = b"data\x08\0\0\0" + bytes(8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello, this is text",
        b"RIFF\0\0\0\0WAVE",
        header(),
        b"RIFF\0\0\0\0WAVE" + SILENT,
        header(tag=2) + SILENT,
        header(channels=0) + SILENT,
        header(channels=999, align=1998) + SILENT,
        header(align=4) + SILENT,
        header(rate=1) + SILENT,
        header(rate=2_000_000) + SILENT,
        header(bits=40) + SILENT,
        header(size=14) + SILENT,
        header() + b"junk\0\0\0\0" * 1000 + SILENT,
        wav_file(TONE, RATE)[:-2],
        b"fLaC" + bytes(40),
        b"OggS" + bytes(40),
        b"ID3\4" + bytes(400),
        b"\0\0\0\x18ftypM4A " + bytes(40),
        b"\x1aE\xdf\xa3" + bytes(40),
        b"\0\0\1\xba" + bytes(40),
        b"\xff\xf1\x50\x80" + bytes(400),
    ],
)
def test_what_is_no_recording_is_refused(data):
    for package in ("av", "soundfile"):
        pytest.importorskip(package, reason="it reads the files")

    with pytest.raises(UnreadableAudio):
        seconds_of(data, 10)


@pytest.mark.parametrize("format", ["flac", "mp4", "webm", "ogg"])
@settings(deadline=None, max_examples=20)
@given(share=st.floats(0, 0.9))
def test_file_that_is_cut_off_is_refused(format, share):
    data = compressed(format)

    with pytest.raises(UnreadableAudio):
        seconds_of(data[: int(len(data) * share)], 10)


@settings(deadline=None, max_examples=40)
@given(share=st.floats(0, 1, exclude_max=True), seconds=st.sampled_from([1, 3]))
@example(share=0.01434699526090988, seconds=1)  # the end of a page
def test_ogg_without_its_last_page_is_cut_off(share, seconds):
    pytest.importorskip("av", reason="it writes the file")
    data = encoded_file(np.tile(TONE, seconds), RATE, "ogg")

    assert not is_cut_ogg(data)
    assert is_cut_ogg(data + data[: max(4, int(len(data) * share))])  # one stream after another
    assert is_cut_ogg(data[: max(4, int(len(data) * share))])


def test_webm_of_unknown_length_is_read_unless_it_is_cut_off(monkeypatch):
    """As browsers write it while somebody speaks: neither the whole nor its clusters say a length.

    A cut between two frames can't be seen.
    """
    av = pytest.importorskip("av", reason="it writes and reads the file")
    live = partial(av.open, options={"live": "1"})
    monkeypatch.setattr(av, "open", lambda file, mode="r", **named: live(file, mode, **named))
    data = encoded_file(TONE, RATE, "webm")
    monkeypatch.undo()

    assert seconds_of(data, 10) == pytest.approx(1, abs=0.1)
    missed = [end for end in range(40, len(data)) if not is_cut_webm(data[:end])]
    assert len(missed) < 70  # 50 frames of 20 ms, and what stands in front of them


@given(st.binary(max_size=200))
def test_any_bytes_are_cut_off_or_not(data):
    assert is_cut_webm(b"\x1aE\xdf\xa3" + data) in (True, False)
    assert is_cut_ogg(b"OggS" + data) in (True, False)


def test_damaged_mp3_prints_nothing(capfd):
    pytest.importorskip("soundfile", reason="it reads the file")
    data, chance = compressed("mp3"), random.Random(1)
    for _ in range(30):
        damaged = bytearray(data[: chance.randrange(200, len(data))])
        for _ in range(9):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with suppress(UnreadableAudio):
            seconds_of(bytes(damaged), 10)

    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("format", ["flac", "mp3", "mp4"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_file_that_is_shorter_than_its_header_says_is_refused(format, share):
    pytest.importorskip(COMPRESSED[format], reason="it reads the files")
    pytest.importorskip("av", reason="it writes the files")
    data = encoded_file(np.tile(TONE, 10), RATE, format)

    assert seconds_of(data, 20) == pytest.approx(10, abs=0.2)
    with pytest.raises(UnreadableAudio):
        seconds_of(data[: int(len(data) * share)], 20)


@pytest.mark.parametrize("format", ["wav", *COMPRESSED])
@settings(deadline=None)
@given(data=st.data())
def test_damaged_file_is_read_or_refused(format, data):
    whole = bytearray(wav_file(TONE, RATE) if format == "wav" else compressed(format))
    for _ in range(data.draw(st.integers(1, 20))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    damaged = bytes(whole[:cut] if data.draw(st.booleans()) else whole)

    try:
        for _ in speech_pcm(damaged):
            pass
        assert seconds_of(damaged, 3600) >= 0
    except UnreadableAudio:
        pass


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data):
    with suppress(UnreadableAudio, MissingDecoder):
        assert seconds_of(data, 3600) >= 0


def test_hours_in_a_few_bytes_are_not_read_to_the_end():
    soundfile = pytest.importorskip("soundfile", reason="it reads the files")
    target = io.BytesIO()
    soundfile.write(target, np.zeros(3600 * 8_000, np.int16), 8_000, format="FLAC")
    data = target.getvalue()
    assert len(data) < 500_000

    tracemalloc.start()
    try:
        assert 600 < seconds_of(data, 600) < 605
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def element(id, data):
    """One of EBML, as Matroska and WebM consist of: an id, 8 bytes of length, and the content."""
    return bytes.fromhex(id) + struct.pack(">Q", 1 << 56 | len(data)) + data


def matroska(rate, samples):
    """A Matroska file with one block of 8-bit PCM."""
    head = element("1a45dfa3", element("4282", b"matroska"))
    form = element("b5", struct.pack(">d", rate)) + element("9f", b"\1") + element("6264", b"\x08")
    track = element("d7", b"\1") + element("73c5", b"\1") + element("83", b"\2")
    track += element("86", b"A_PCM/INT/LIT") + element("e1", form)
    block = element("a3", b"\x81\0\0\x80" + samples)
    parts = element("1654ae6b", element("ae", track)) + element(
        "1f43b675", element("e7", b"\0") + block
    )
    return head + element("18538067", element("1549a966", b"") + parts)


def test_frame_that_would_fill_the_memory_is_refused():
    pytest.importorskip("av", reason="it reads the files")
    assert seconds_of(matroska(8_000, bytes(16_000)), 10) == pytest.approx(2, abs=0.01)
    for rate, size in ((1, 1000), (100, 100_000), (3_999, 8_000), (4_000, 241_000)):
        with pytest.raises(UnreadableAudio, match="none of a recording"):
            seconds_of(matroska(rate, bytes(size)), 7200)


@pytest.mark.parametrize("rate", [8_000, 192_000])
def test_long_recording_is_measured_in_short_steps(rate):
    data = wav_file(np.zeros(20 * rate), rate)
    steps = [*measured(data, 60)]

    assert steps == sorted(steps) and steps[-1] == pytest.approx(20)
    longest = audio_files.BLOCKS_A_STEP * audio_files.BLOCK / rate
    assert np.diff([0.0, *steps]).max() <= longest + 1e-9


def test_numbers_that_are_none_are_heard_as_silence():
    sound = np.array([np.nan, np.inf, -np.inf, 0.5] * 1000)
    found = np.concatenate([block.samples for block in blocks(wav_file(sound, RATE, "f32"))])

    assert np.isfinite(found).all()
    assert np.abs(pcm_in(wav_file(sound, RATE, "f32"))).max() <= 1


def test_number_beyond_a_float_is_as_loud_as_can_be():
    (block,) = blocks(wav_file([1e300] * 3, RATE, "f64"))

    assert [*block.samples] == [1, 1, 1]


def test_unusual_rate_is_read_as_the_nearest():
    assert len(pcm_in(wav_file(TONE, 15_999))) == pytest.approx(RATE, abs=2)


@pytest.mark.parametrize(("format", "package"), [("flac", "soundfile"), ("mp4", "av")])
def test_missing_package_is_named(format, package, monkeypatch):
    data = compressed(format)
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingDecoder, match=f"'{package}'") as caught:
        seconds_of(data, 10)
    assert caught.value.package == package


def test_video_without_sound_is_refused():
    av = pytest.importorskip("av", reason="it reads the files")
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))

    with pytest.raises(UnreadableAudio, match="no sound"):
        seconds_of(target.getvalue(), 10)


def test_noises_keep_their_length():
    for sound in noises(1).values():
        assert seconds_of(wav_file(sound, 16_000), 10) == 1


def test_rate_may_change_in_mid_file(monkeypatch):
    parts = [audio_files.Block(np.zeros(8_000, np.float32), rate) for rate in (8_000, 16_000)]
    monkeypatch.setattr(audio_files, "blocks", lambda data: iter(parts))

    assert len(pcm_in(b"")) == 1.5 * RATE
