"""From the output of a failed command to the error that a learner reads."""

from setup.symptoms import failure

import pytest


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("[Errno 13] Permission denied: 'x'", "cannot write to the course's folder"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED]", "the package index cannot be trusted"),
        ("Retrying (Retry(total=0, ...\nNo matching", "the package index cannot be reached"),
        ("No matching distribution found for x<2", "no package found that fits: x<2"),
        ("Missing dependencies for SOCKS support.\nERROR: x", "pip cannot use a SOCKS proxy"),
        (
            "OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /a b.pem",
            "there is no certificate file /a b.pem",
        ),
        ("ERROR: Cannot install a and b", "pip failed"),
        ("Killed", "pip failed"),
        ("", "pip failed"),
    ],
)
def test_failure_named_by_symptom(said: str, fact: str) -> None:
    assert failure("pip", said).fact == fact
