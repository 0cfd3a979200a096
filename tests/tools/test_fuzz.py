"""The fuzzer: a minute of it, in its short form, and that it would notice."""

import json
import random

from tests.support.property_examples import examples
from tools import fuzz

import pytest


def test_emulator_stays_well():
    report = fuzz.fuzz(1, list(fuzz.KINDS), seconds=45, cases=examples(400))

    assert report.findings == []
    assert set(report.cases) == set(fuzz.KINDS)


def test_same_seed_gives_the_same_cases():
    body = fuzz.BODIES["POST /responses"]

    def case():
        rng = random.Random("1 5")
        return fuzz.as_json(fuzz.changed(body, rng), rng)

    assert case() == case()
    assert json.loads(json.dumps(body)) == body != fuzz.changed(body, random.Random(1))


@pytest.mark.parametrize("answer", ["500", "507", "timeout", "broken", "traceback: KeyError()"])
def test_what_must_not_happen_is_a_finding(answer):
    report = fuzz.Report()
    report.note("http", answer, 0.1, "the case")
    report.note("http", "400", 0.1, "another")

    (finding,) = report.findings
    assert answer in finding and "the case" in finding


def test_slow_answer_is_a_finding_and_502_of_a_broken_writer_is_none():
    report = fuzz.Report()
    report.note("upstream", "502", 0.1, "")
    report.note("http", "200", 2.5, "slow")

    assert len(report.findings) == 1
    assert report.slowest_s == 2.5


def test_embeddings_of_a_long_text_may_take_longer():
    report = fuzz.Report()
    report.note("http", "200", 9.0, ("/embeddings", b"long"))
    assert report.findings == []

    report.note("http", "200", 11.0, ("/embeddings", b"long"))
    assert len(report.findings) == 1


def test_memory_counts_after_the_first_tenth():
    steady = fuzz.Report(memory=[300.0, 320.0, 350.0, *[355.0] * 17])
    growing = fuzz.Report(memory=[300.0 + 5 * n for n in range(20)])

    assert (steady.growth_mb, fuzz.Report().growth_mb) == (5.0, 0.0)
    assert growing.growth_mb == 85.0
