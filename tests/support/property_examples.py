"""How many examples a property is tried with: a quarter of them, or all in the long form."""

from hypothesis import settings

LONG = "long"
"""The profile in which Hypothesis tries all: `python3 course.py test --hypothesis-profile=long`."""
SHORT = "short"
MANY = 100
"""What Hypothesis tries if nothing is said."""


def register() -> None:
    """Make the two profiles, and use the short one; pytest's option comes after that."""
    settings.register_profile(LONG, max_examples=MANY)
    settings.register_profile(SHORT, max_examples=MANY // 4)
    settings.load_profile(SHORT)


def examples(many: int) -> int:
    """`many` in the long form, otherwise a quarter. Each run tries others."""
    return many if settings.get_current_profile_name() == LONG else many // 4
