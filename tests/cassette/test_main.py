"""`python -m cassette`."""

import json

from cassette.__main__ import parse_rules


def test_rules_come_as_json():
    given = {"background": ["gauge"], "streams": {"sound": "pcm"}}

    found = parse_rules(json.dumps(given))

    assert (found.background, found.streams) == (("gauge",), {"sound": "pcm"})
