"""The frame of a lesson: what it reads from the script, and how it ends."""

from console.lesson import cost_of


def test_cost_is_told_where_it_is_known():
    assert cost_of("gpt-6-luna", 1_000_000, 1_000_000).startswith("about $0.6000")
    assert "not known here" in cost_of("llama3", 1, 1)
