"""How many examples a property is tried with: a quarter of them, or all in the long form."""

from hypothesis import HealthCheck, settings

LONG = "long"
"""The profile in which Hypothesis tries all: `python3 course.py test --hypothesis-profile=long`."""
SHORT = "short"
MANY = 100
"""What Hypothesis tries if nothing is said."""


def register() -> None:
    """Make the two profiles, and use the short one; pytest's option comes after that.

    How long it takes to draw examples says only how busy the computer is.
    """
    for name, most in ((LONG, MANY), (SHORT, MANY // 4)):
        checks = [HealthCheck.too_slow]
        settings.register_profile(name, max_examples=most, suppress_health_check=checks)
    settings.load_profile(SHORT)


def is_long() -> bool:
    return settings.get_current_profile_name() == LONG


def examples(many: int) -> int:
    """`many` in the long form, otherwise a quarter. Each run tries others."""
    return many if is_long() else many // 4
