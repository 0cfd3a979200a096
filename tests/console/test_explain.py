"""What a failure is explained as: always three lines, and never for a mistake of the course."""

from common.settings import CourseError
from console.explain import ErrorContext, explain


def test_own_bug_is_not_explained_away():
    assert explain(ZeroDivisionError("x"), ErrorContext()) is None
    assert isinstance(explain(OSError(28, "No space left on device"), ErrorContext()), CourseError)
