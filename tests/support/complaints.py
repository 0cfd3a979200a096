"""What a lesson's failure looks like on a learner's screen."""

import re

CANARY = "sk-canary-0123456789abcdef"


COMPLAINT = re.compile(r"error: .+\n(  why: .+\n)?  try: .+\n")


def complaint(result):
    """The three lines; anything else on standard error fails the test."""
    assert result.returncode == 1, result
    assert COMPLAINT.fullmatch(result.stderr), result.stderr
    return result.stderr
