"""Sound: rates change without noise or delay, G.711 is exact, pieces do not matter."""

import math

from emulator.voice import sound
from emulator.voice.sound import Decoder, Resampler, decoded, encoded, resampled, samples

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

RATES = [(24_000, 16_000), (16_000, 24_000), (24_000, 8_000), (8_000, 24_000), (22_050, 24_000)]
G711 = ["audio/pcmu", "audio/pcma"]
FORMATS = ["audio/pcm", *G711]
CLIPS = st.lists(st.integers(-32768, 32767), max_size=300).map(
    lambda values: np.array(values, "<i2").tobytes()
)
CUTS = st.lists(st.integers(0, 300), max_size=8)


def tone(frequency, hz, seconds=0.5):
    """A sine with a third of the full level."""
    places = np.arange(round(hz * seconds))
    return np.rint(10_000 * np.sin(2 * np.pi * frequency * places / hz)).astype("<i2").tobytes()


def decibels(pcm):
    """The level without the edges, against that of `tone`."""
    middle = samples(pcm)[100:-100].astype(float)
    return 20 * math.log10(max(np.sqrt(np.square(middle).mean()), 1e-3) / (10_000 / math.sqrt(2)))


def in_pieces(converter, data, cuts, step=2):
    """What a converter gives for pieces of whole samples, and at the end."""
    bounds = sorted({0, len(data), *(min(cut * step, len(data)) for cut in cuts)})
    fed = [converter.feed(data[start:end]) for start, end in zip(bounds, bounds[1:], strict=False)]
    return b"".join([*fed, converter.flush()])


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("frequency", [200, 1_000, 3_000])
def test_tone_keeps_its_level(from_hz, to_hz, frequency):
    assert abs(decibels(resampled(tone(frequency, from_hz), from_hz, to_hz))) < 0.5


@pytest.mark.parametrize(
    ("frequency", "from_hz", "to_hz"),
    [(10_000, 24_000, 16_000), (8_600, 24_000, 16_000), (5_000, 24_000, 8_000)],
)
def test_tone_too_high_is_not_folded_back(frequency, from_hz, to_hz):
    assert decibels(resampled(tone(frequency, from_hz), from_hz, to_hz)) < -60


def test_higher_rate_has_no_mirror_image():
    shape = samples(resampled(tone(3_000, 8_000), 8_000, 24_000)) * np.hanning(12_000)

    power = np.abs(np.fft.rfft(shape))
    assert power[2_300:].max() < power.max() / 1_000  # from 4,600 Hz on


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_nothing_is_shifted_in_time(from_hz, to_hz):
    clip = np.zeros(from_hz // 5, "<i2")
    clip[from_hz // 10] = 30_000

    assert samples(resampled(clip.tobytes(), from_hz, to_hz)).argmax() == to_hz // 10


@given(CLIPS, CUTS, st.sampled_from([*RATES, (16_000, 16_000), (48_000, 16_000)]))
def test_pieces_give_what_the_clip_gives(clip, cuts, rates):
    whole = resampled(clip, *rates)

    assert in_pieces(Resampler(*rates), clip, cuts) == whole
    assert len(whole) // 2 == math.ceil(len(clip) // 2 * rates[1] / rates[0])


@given(st.integers(-32768, 32767), st.sampled_from(RATES))
def test_constant_stays_what_it_is(value, rates):
    clip = np.full(900, value, "<i2").tobytes()

    assert set(samples(resampled(clip, *rates))[100:-100].tolist()) == {value}


@settings(max_examples=20)
@given(st.integers(1, 2_000), st.sampled_from(RATES))
def test_stream_is_never_more_than_two_milliseconds_late(count, rates):
    from_hz, to_hz = rates

    given_out = len(Resampler(*rates).feed(bytes(2 * count))) // 2
    assert count / from_hz - 0.002 <= given_out / to_hz + 1 / to_hz
    assert given_out / to_hz <= count / from_hz


def test_resampler_begins_anew_after_flush():
    resampler = Resampler(24_000, 16_000)
    first = resampler.feed(tone(500, 24_000)) + resampler.flush()

    assert resampler.feed(tone(500, 24_000)) + resampler.flush() == first


def test_long_clip_is_worked_on_in_blocks():
    clip = tone(440, 24_000, seconds=6)

    assert in_pieces(Resampler(24_000, 16_000), clip, [70_000]) == resampled(clip, 24_000, 16_000)


def test_same_rate_changes_nothing():
    assert resampled(tone(440, 16_000), 16_000, 16_000) == tone(440, 16_000)


@pytest.mark.parametrize("rates", [(0, 16_000), (24_000, -1)])
def test_impossible_rate_is_refused(rates):
    with pytest.raises(ValueError, match="1 Hz or more"):
        Resampler(*rates)


@pytest.mark.parametrize("convert", [samples, Resampler(24_000, 16_000).feed])
def test_odd_bytes_are_refused(convert):
    with pytest.raises(ValueError, match="2 bytes"):
        convert(b"\0\0\0")


def test_unknown_format_is_refused():
    with pytest.raises(ValueError, match="'audio/opus'"):
        encoded(b"", "audio/opus")


def test_lengths_of_formats():
    assert [sound.rate(each) for each in FORMATS] == [24_000, 8_000, 8_000]
    assert [sound.bytes_per_ms(each) for each in FORMATS] == [48, 8, 8]


@pytest.mark.parametrize(
    ("format", "values"),
    [
        # The ends of the segments, and the values beside zero, from the tables of G.711.
        (
            "audio/pcmu",
            {0x00: -32124, 0x80: 32124, 0x8F: 16764, 0x90: 15996, 0x9F: 8316, 0xBF: 1980}
            | {0xEF: 132, 0xF0: 120, 0xFE: 8, 0xFF: 0, 0x7F: 0, 0x7E: -8, 0x10: -15996},
        ),
        (
            "audio/pcma",
            {0xAA: 32256, 0x2A: -32256, 0xA5: 16896, 0xBA: 16128, 0xD5: 8, 0x55: -8}
            | {0xD4: 24, 0xDA: 248, 0xC5: 264, 0xCA: 504, 0xF5: 528, 0x5A: -248},
        ),
    ],
)
def test_codes_stand_for_what_the_standard_says(format, values):
    table = sound.law_values(format)

    assert {code: int(table[code]) for code in values} == values


@pytest.mark.parametrize(
    ("format", "codes"),
    [
        ("audio/pcmu", {0: 0xFF, -1: 0x7F, 8: 0xFE, -8: 0x7E, 32767: 0x80, -32768: 0x00}),
        ("audio/pcma", {0: 0xD5, -1: 0x55, 24: 0xD4, -24: 0x54, 32767: 0xAA, -32768: 0x2A}),
    ],
)
def test_samples_get_the_standards_codes(format, codes):
    table = sound.law_codes(format)

    assert {value: int(table[value & 0xFFFF]) for value in codes} == codes


@pytest.mark.parametrize(("format", "twice"), [("audio/pcmu", {0x7F: 0xFF}), ("audio/pcma", {})])
def test_every_code_comes_back(format, twice):
    codes = sound.law_codes(format)[sound.law_values(format).view(np.uint16)]

    expected = {code: twice.get(code, code) for code in range(256)}  # minus zero is zero
    assert dict(enumerate(codes.tolist())) == expected


@pytest.mark.parametrize("format", G711)
def test_sample_gets_a_code_that_is_near(format):
    values = np.arange(-32768, 32768)
    found = sound.law_values(format)[sound.law_codes(format)[values & 0xFFFF]].astype(int)

    # Half a step: a 32nd of the value and, near zero, some units.
    assert (
        np.abs(found - values) <= np.abs(values) / 32 + 8 + (np.abs(values) > 32_000) * 700
    ).all()


@pytest.mark.parametrize("format", G711)
def test_telephone_keeps_a_tone(format):
    heard = decoded(encoded(tone(1_000, 24_000), format), format)

    assert abs(decibels(heard)) < 0.5
    assert len(heard) == len(tone(1_000, 24_000))


def test_pcm_is_left_alone():
    assert encoded(b"\1\2\3\4", "audio/pcm") == decoded(b"\1\2\3\4", "audio/pcm") == b"\1\2\3\4"


@given(st.binary(max_size=300), CUTS, st.sampled_from(G711))
def test_decoder_takes_any_pieces(data, cuts, format):
    assert in_pieces(Decoder(format), data, cuts, step=1) == decoded(data, format)
    assert len(decoded(data, format)) == 6 * len(data)
