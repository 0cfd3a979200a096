"""Lesson 3, part 6: a call with the learner's own voice."""

from collections.abc import Callable, Coroutine
from typing import Any

from console.lesson import Lesson


def hold_your_call(lesson: Lesson, call: Callable[..., Coroutine[Any, Any, None]]) -> None:
    """Hold a call with the learner; in a tour, only say how."""
