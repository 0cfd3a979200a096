"""The encoder: the numbers of the original network, and what they are worth."""

import json
import random
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

from emulator.retrieval import encoder
from emulator.retrieval.embedding import table, token_ids
from emulator.retrieval.encoder import (
    DIMENSIONS,
    HEADS,
    LAYERS,
    MOST_PIECES,
    WEIGHTS,
    SumCache,
    encode,
)
from tests.support import lessons, plain_pairs
from tests.support.embedding_pairs import TRIPLES
from tests.support.property_examples import examples
from tools.build_embedding_table import bert
from tools.build_sentence_encoder import pressed
from tools.read_handbook import handbook_texts

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ORIGINAL = json.loads((lessons.COURSE / "tests/fixtures/sentence_vectors.json").read_text("utf-8"))
ATTENTION = ("attention.self.query", "attention.self.key", "attention.self.value")
PARTS = {
    "attend": ATTENTION,
    "mix": ("attention.output.dense",),
    "widen": ("intermediate.dense",),
    "narrow": ("output.dense",),
}


@pytest.fixture
def kept(monkeypatch):
    """The sums that are kept in the file, by run."""
    monkeypatch.setattr(encoder, "_remembered", remembered := SumCache())
    encoder.remember_handbook.__wrapped__()
    return remembered.find(remembered.runs())


@pytest.fixture(scope="module")
def restored():
    """The weights by their original names, as tools/build_embedding_table.py reads them."""
    known = encoder.weights()
    found = {
        "embeddings.word_embeddings.weight": known.words * known.words_scale[:, None],
        "embeddings.position_embeddings.weight": known.places,
        "embeddings.token_type_embeddings.weight": np.zeros((1, DIMENSIONS), np.float32),
    }
    for part, names in PARTS.items():
        for layer in range(LAYERS):
            for kind, numbers in getattr(known, part)._asdict().items():
                for name, each in zip(names, np.split(numbers[layer], len(names)), strict=True):
                    found[f"encoder.layer.{layer}.{name}.{kind}"] = each
    layers = (
        f"encoder.layer.{n}.{at}" for n in range(LAYERS) for at in ("attention.output", "output")
    )
    for name, (gain, offset) in zip(["embeddings", *layers], known.norms, strict=True):
        found |= {f"{name}.LayerNorm.weight": gain, f"{name}.LayerNorm.bias": offset}
    return found


@pytest.mark.parametrize("text", ORIGINAL)
def test_vector_is_the_one_of_the_original_weights(text):
    """`sentence_vectors.json` was made by the network with its weights of 32 bits."""
    wanted = np.array(ORIGINAL[text])

    assert encode([text])[0] @ wanted / np.linalg.norm(wanted) >= 0.999


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.text(max_size=120), min_size=1, max_size=5))
def test_batch_is_what_the_plain_network_makes(restored, texts):
    """It's compared with the same network, written without batches and in other words."""
    first, last = (table().ids[mark] for mark in ("[CLS]", "[SEP]"))
    for text, vector in zip(texts, encode(texts), strict=True):
        ids = [first, *token_ids(text)[: MOST_PIECES - 2], last]
        plain = bert(restored, np.array([ids])).mean(axis=1)[0]
        assert vector @ plain / np.linalg.norm(plain) > 0.9999


def test_file_is_what_the_tool_makes(restored):
    with np.load(WEIGHTS) as file:
        for name, made in pressed(restored).items():
            assert np.allclose(file[name], made, rtol=1e-6), name


WORDS = st.lists(st.sampled_from("the dome opens at nine unless it rains 🦉 天文 é".split()))


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.one_of(WORDS.map(" ".join), st.text()), max_size=5))
def test_any_texts_become_unit_vectors(texts):
    found = encode(texts)

    assert (found.shape, found.dtype) == ((len(texts), DIMENSIONS), np.float32)
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    for row, text in zip(found, texts, strict=True):
        assert np.allclose(row, encode([text])[0], atol=1e-5)


def test_long_text_is_read_to_its_end():
    opening = "The observatory opens at nine. " * 60
    night, bread = (encode([opening + tail * 60])[0] for tail in ("Stars at night. ", "Bread. "))

    assert night @ bread < 0.99
    assert night @ encode(["Stars at night."])[0] > bread @ encode(["Stars at night."])[0]


def test_text_of_two_runs_is_their_mean():
    text = "moon " * (MOST_PIECES - 2) + "bread " * 100
    runs = [
        encoder.summed([run]) for run in ((token_ids("moon") * 254), (token_ids("bread") * 100))
    ]
    total = np.sum(runs, axis=0)[0]

    assert encode([text])[0] == pytest.approx(total / np.linalg.norm(total), abs=1e-5)


def test_runs_are_remembered_up_to_a_bound(monkeypatch):
    read, room = [], SumCache()
    room.add(dict.fromkeys([(1,), (2,), (3,), (4,)], np.ones(DIMENSIONS, np.float32)))
    monkeypatch.setattr(
        encoder,
        "summed",
        lambda runs, _: read.extend(runs) or np.ones((len(runs), DIMENSIONS), np.float32),
    )
    monkeypatch.setattr(encoder, "_remembered", remembered := SumCache(room.bytes))

    for text in ("moon", "sun", "moon", "stars", "comet", "rain", "moon", "sun"):
        encode([text])
    counts = {text: read.count(tuple(token_ids(text))) for text in ("moon", "sun", "rain")}
    assert (counts, len(remembered.runs())) == ({"moon": 1, "sun": 2, "rain": 1}, 4)


RUNS = st.lists(st.lists(st.integers(0, 99), max_size=254).map(tuple), unique=True)


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(RUNS, max_size=9), st.integers(0, 60_000))
def test_cache_never_exceeds_its_bytes(batches, most):
    cache, row = SumCache(most), np.ones(DIMENSIONS, np.float32)
    for batch in batches:
        cache.add(dict.fromkeys(batch, row))
        last_first = list(reversed(batch))
        kept = [run in cache.find([run]) for run in last_first]
        assert kept == sorted(kept, reverse=True), "the newest are kept"
        assert cache.bytes <= most
    cache.clear()
    assert (cache.bytes, cache.runs()) == (0, [])


def test_cache_takes_the_memory_that_it_counts():
    numbers, rows = list(range(1000, 2000)), np.ones((300, DIMENSIONS), np.float32)
    tracemalloc.start()
    cache, before = SumCache(), tracemalloc.get_traced_memory()[0]
    for start in range(300):
        cache.add({tuple(numbers[start : start + 254]): rows[start]})
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert taken / cache.bytes == pytest.approx(1, abs=0.15)


def test_threads_get_the_same(monkeypatch):
    texts = [f"Telescope number {n} is closed." for n in range(20)]
    expected = encode(texts)
    # A cache of its own: without what is known of the handbook, later tests read it for a minute.
    monkeypatch.setattr(encoder, "_remembered", SumCache())

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(encode, [texts] * 8))
    assert all(np.allclose(each, expected, atol=1e-5) for each in found)


def test_least_reader_gets_the_core_first():
    cores, order = encoder.Cores(1), []

    def read(name, pieces):
        with cores.hold(encoder.Reader(), pieces):
            order.append(name)

    with ThreadPoolExecutor(3) as pool, cores.hold(encoder.Reader(), 50) as look_up:
        others = [pool.submit(read, "book", 900), pool.submit(read, "question", 10)]
        while "question" not in order:
            look_up()
        assert order == ["question"]
    assert [each.result() for each in others] == [None, None]
    assert order == ["question", "book"]


def test_batch_ends_when_its_reader_has_left():
    reader = encoder.Reader(has_left=True)

    with pytest.raises(encoder.ReaderLeft):
        encoder.summed([(2000,) * 100], reader)
    assert encoder.summed([(2000,) * 100]).shape == (1, DIMENSIONS)


# Where these two fail: `python -m tools.read_handbook`.
def test_kept_sums_of_the_handbook_are_what_the_network_makes(kept):
    runs = random.sample(sorted(kept), 8)

    for sums, run in zip(encoder.summed(runs), runs, strict=True):
        assert sums @ kept[run] / np.linalg.norm(sums) / np.linalg.norm(kept[run]) > 0.99999


def test_all_of_the_handbook_is_kept(kept):
    assert {run for text in handbook_texts() for run in encoder.runs_of(text)} == kept.keys()


def test_case_and_accents_are_not_read():
    assert np.array_equal(encode(["CAFÉ in the Garden"]), encode(["cafe in the garden"]))


def test_order_of_words_counts():
    dog, man = encode(["The dog bites the man.", "The man bites the dog."])

    assert dog @ man < 0.99


PROGRAM = """
import emulator.app, emulator.retrieval.index
from emulator.retrieval import encoder
print(encoder.weights.cache_info().currsize)
"""
MEMORY = """
import emulator.app, emulator.retrieval.index
from emulator.retrieval.encoder import encode
encode([f"moon {n} " * 120 for n in range(8)])
status = open("/proc/self/status").read()
print(status.partition("VmHWM:")[2].split()[0])
"""


def test_weights_are_not_read_before_they_are_needed():
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)

    assert int(found.stdout) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="it reads the peak of memory as Linux gives it")
def test_emulator_with_encoder_takes_at_most_200_megabytes():
    found = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, check=True)

    assert int(found.stdout) * 1024 < 200e6


def test_file_has_the_size_that_is_promised():
    assert encoder.weights().attend.weight.shape == (LAYERS, 3 * DIMENSIONS, DIMENSIONS)
    assert DIMENSIONS % HEADS == 0
    assert 20e6 < WEIGHTS.stat().st_size < 23e6


# ------------------------------------------------------------------------- worth


def test_related_sentence_beats_unrelated_one():
    texts, related, unrelated = map(encode, zip(*plain_pairs.TRIPLES, strict=True))

    assert ((texts * related).sum(axis=1) > (texts * unrelated).sum(axis=1)).sum() >= 99


def test_related_sentence_beats_shared_word():
    """Most unrelated texts share a word in another sense: 89 of 100 are right, by the table 69."""
    texts, related, unrelated = map(encode, zip(*TRIPLES, strict=True))

    assert ((texts * related).sum(axis=1) > (texts * unrelated).sum(axis=1)).sum() >= 87
