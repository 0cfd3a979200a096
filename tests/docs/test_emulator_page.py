"""The code on the emulator's page is what a reader would paste, and it runs."""

import os
import re

from tests.support import lessons

import pytest
from openai import OpenAI

PAGE = (lessons.COURSE / "emulator" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)


def test_client_in_a_thread_s_emulator():
    (block,) = [each for each in BLOCKS if "fin@3" in each]
    names = {}

    exec(block, names)

    names["client"].close()
    assert names["client"].base_url == f"{names['emulator'].base_url}/"


def test_fixture_gives_a_test_its_server():
    (block,) = [each for each in BLOCKS if "@pytest.fixture" in each]
    names = {}
    exec(block.replace("@pytest.fixture\n", ""), names)

    with pytest.MonkeyPatch.context() as patch:
        fixture = names["openai_server"](patch)
        emulator = next(fixture)
        with OpenAI() as client:
            assert client.models.retrieve("gpt-6-luna").id == "gpt-6-luna"
        assert [each.path for each in emulator.exchanges] == ["/v1/models/gpt-6-luna"]
        assert os.environ["OPENAI_API_KEY"] == "offline"
        with pytest.raises(StopIteration):
            next(fixture)


def test_every_block_is_tried():
    assert len(BLOCKS) == 2
