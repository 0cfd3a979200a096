"""The ledger of what was heard: never more than came, nothing before it came, exact to a sample."""

from collections import Counter

from audio.playback import RATE_HZ, Cut, Ledger, in_ms, ticks

import pytest
from hypothesis import given
from hypothesis import strategies as st

SECOND = bytes(2 * RATE_HZ)


def received(*deltas):
    ledger = Ledger()
    for item_id, pcm in deltas:
        assert ledger.receive(item_id, pcm)
    return ledger


def test_cut_says_what_was_heard():
    ledger = received(("a", SECOND), ("a", SECOND))

    ledger.take(29_767)

    assert ledger.cut() == Cut("a", 0, heard=29_767, received=48_000)


def test_cut_speaks_in_milliseconds():
    cut = Cut("a", 0, heard=29_767, received=48_000)

    assert (cut.audio_end_ms, cut.received_ms, cut.dropped_ms) == (1240, 2000, 760)


def test_item_of_next_sample_sounds():
    ledger = received(("a", SECOND), ("b", SECOND))
    assert ledger.sounding == "a"

    ledger.take(RATE_HZ)

    assert ledger.sounding == "b"
    assert ledger.cut() == Cut("b", 0, heard=0, received=RATE_HZ)


def test_item_heard_to_its_end_is_not_cut():
    ledger = received(("a", SECOND))
    ledger.finish("a")

    ledger.take(RATE_HZ)

    assert ledger.sounding is None
    assert ledger.cut() is None


def test_finished_item_is_cut_while_it_sounds():
    ledger = received(("a", SECOND))
    ledger.finish("a")

    ledger.take(RATE_HZ - 1)

    assert ledger.cut() == Cut("a", 0, heard=RATE_HZ - 1, received=RATE_HZ)


def test_item_is_over_when_all_of_it_came_and_was_heard():
    ledger = received(("a", bytes(200)))
    ledger.take(100)
    assert not ledger.is_over("a")

    ledger.finish("a")

    assert ledger.is_over("a")
    assert not ledger.is_over("b")


def test_second_cut_finds_nothing():
    ledger = received(("a", SECOND))

    assert ledger.cut()
    assert ledger.cut() is None
    assert ledger.take(RATE_HZ) == []


def test_cut_names_items_that_waited():
    ledger = received(("a", SECOND), ("b", SECOND), ("c", SECOND), ("b", SECOND))

    ledger.take(1)

    waited = (Cut("b", 0, heard=0, received=2 * RATE_HZ), Cut("c", 0, heard=0, received=RATE_HZ))
    assert ledger.cut() == Cut("a", 0, heard=1, received=RATE_HZ, waiting=waited)


def test_cut_of_answers_that_came_by_turns():
    ledger = received(("b", SECOND), ("a", SECOND), ("b", SECOND))

    ledger.take(RATE_HZ + 24)

    assert ledger.cut() == Cut(
        "a", 0, 24, RATE_HZ, waiting=(Cut("b", 0, heard=RATE_HZ, received=2 * RATE_HZ),)
    )


def test_content_parts_are_counted_apart():
    ledger = received(("a", SECOND))
    ledger.receive("a", SECOND, content_index=1)

    ledger.take(RATE_HZ + 24)

    assert ledger.heard_ms("a") == 1001
    assert ledger.cut() == Cut("a", 1, heard=24, received=RATE_HZ)


def test_r1_truncation_never_passes_what_came():
    ledger = received(("a", SECOND), ("a", bytes(9598)))

    ledger.take(10 * RATE_HZ)
    cut = ledger.cut()

    assert cut.audio_end_ms == cut.received_ms == 1199


def test_r1_new_item_is_counted_from_nothing():
    ledger = received(("a", SECOND))
    ledger.finish("a")
    ledger.take(RATE_HZ)
    ledger.receive("b", SECOND)

    ledger.take(2400)

    assert ledger.cut().audio_end_ms == 100


@pytest.mark.parametrize("pcm", [None, b"", b"\1"])
def test_r2_nothing_is_sent_before_sound_came(pcm):
    ledger = Ledger() if pcm is None else received(("a", pcm))

    assert ledger.sounding is None
    assert ledger.cut() is None


def test_r2_nothing_heard_is_legal_once_sound_came():
    assert received(("a", b"\0\0")).cut() == Cut("a", 0, heard=0, received=1)


def test_r3_what_waits_is_not_heard():
    ledger = received(*(("a", SECOND) for _ in range(10)))

    ledger.take(2400)

    assert (ledger.heard_ms("a"), ledger.received_ms("a")) == (100, 10_000)


def test_r4_late_deltas_of_item_are_refused():
    ledger = received(("a", SECOND))
    ledger.cut()

    assert not ledger.receive("a", SECOND)
    assert ledger.receive("b", b"\1\2")
    assert ledger.take(RATE_HZ) == [("b", b"\1\2")]


def test_r4_late_items_of_response_are_refused():
    ledger = Ledger()
    ledger.receive("a", SECOND, response_id="one")
    ledger.cut()

    assert not ledger.receive("b", SECOND, response_id="one")
    assert ledger.receive("c", SECOND, response_id="two")


@given(st.binary(max_size=40), st.lists(st.integers(0, 40)))
def test_r16_sound_may_be_split_anywhere(pcm, places):
    ledger = Ledger()
    bounds = [0, *sorted(min(place, len(pcm)) for place in places), len(pcm)]
    for start, end in zip(bounds, bounds[1:], strict=False):
        ledger.receive("a", pcm[start:end])

    heard = b"".join(sound for _, sound in ledger.take(40))

    assert heard == pcm[: len(pcm) // 2 * 2]


def test_r16_half_samples_of_two_items_stay_apart():
    ledger = received(("a", b"\1"), ("b", b"\3\4\5"), ("a", b"\2"), ("b", b"\6"))

    assert ledger.take(9) == [("b", b"\3\4"), ("a", b"\1\2"), ("b", b"\5\6")]


def test_r20_gap_is_not_heard():
    ledger = received(("a", bytes(4800)))

    assert ledger.take(9600) == [("a", bytes(4800))]
    ledger.receive("a", bytes(4800))
    ledger.take(1200)

    assert ledger.heard_ms("a") == 150


def test_r20_item_still_sounds_in_a_gap():
    ledger = received(("a", bytes(4800)))

    ledger.take(9600)

    assert ledger.sounding == "a"
    assert ledger.cut() == Cut("a", 0, heard=2400, received=2400)


@given(st.integers(0, 10**12))
def test_moment_of_sample_is_that_sample(sample):
    assert ticks(sample / RATE_HZ) == sample


@given(st.integers(0, 10**9))
def test_milliseconds_are_rounded_down(samples):
    assert in_ms(samples) * 24 <= samples < in_ms(samples) * 24 + 24


# ------------------------------------------------------------ any order of events

items = st.sampled_from("abcd")
events = st.one_of(
    st.tuples(st.just("receive"), items, st.integers(0, 9)),
    st.tuples(st.just("take"), st.integers(0, 9)),
    st.tuples(st.just("finish"), items),
    st.tuples(st.just("cut")),
)


class HeardTally:
    """The same, slowly: a list with an entry for each sample that waits."""

    def __init__(self):
        self.waiting, self.over, self.late = [], set(), set()
        self.bytes, self.heard, self.dropped = Counter(), Counter(), Counter()
        self.latest = None

    def receive(self, item, count):
        if item in self.late:
            return False
        before = self.bytes[item] // 2
        self.bytes[item] += count
        samples = self.bytes[item] // 2 - before
        self.waiting += [item] * samples
        self.latest = item if samples else self.latest
        return True

    def take(self, samples):
        for _ in range(min(samples, len(self.waiting))):
            self.heard[self.waiting.pop(0)] += 1

    def finish(self, item):
        # Before anything of an item has come, there is nothing that could be finished.
        if item in self.bytes:
            self.over.add(item)

    @property
    def sounding(self):
        if self.waiting:
            return self.waiting[0]
        return None if self.latest in self.over else self.latest

    def cut(self):
        item = self.sounding
        self.late |= {item, *self.waiting} - {None}
        self.dropped += Counter(self.waiting)
        self.waiting, self.latest = [], None
        return item


@given(st.lists(events, max_size=40))
def test_ledger_agrees_with_a_tally(script):
    ledger, tally = Ledger(), HeardTally()
    for name, *arguments in script:
        if name == "receive":
            item, count = arguments
            assert ledger.receive(item, bytes(count)) == tally.receive(item, count)
        elif name == "cut":
            cut, item = ledger.cut(), tally.cut()
            assert (cut.item_id if cut else None) == item
            if cut:
                assert cut.heard == tally.heard[item] <= cut.received == tally.bytes[item] // 2
        else:
            getattr(ledger, name)(*arguments)
            getattr(tally, name)(*arguments)
        assert ledger.sounding == tally.sounding
        for item in "abcd":
            came = tally.bytes[item] // 2
            assert ledger.received_ms(item) == in_ms(came)
            assert ledger.heard_ms(item) == in_ms(tally.heard[item])
            assert came == tally.heard[item] + tally.waiting.count(item) + tally.dropped[item]


@given(st.lists(events, max_size=40))
def test_what_is_heard_is_what_came(script):
    """Each item's sound comes out as it went in, from its start, without a hole."""
    ledger = Ledger()
    came, heard = Counter(), Counter()
    for name, *arguments in script:
        if name == "receive":
            item, count = arguments
            pcm = bytes((came[item] + place) % 251 for place in range(count))
            came[item] += count if ledger.receive(item, pcm) else 0
        elif name == "take":
            for item, pcm in ledger.take(*arguments):
                assert pcm == bytes((heard[item] + place) % 251 for place in range(len(pcm)))
                heard[item] += len(pcm)
        else:
            getattr(ledger, name)(*arguments)
    assert heard <= came
