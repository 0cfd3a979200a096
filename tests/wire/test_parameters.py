"""Every parameter of every method of the SDK that is served: no request is changed in silence.

A parameter that is sent is *served* (the handler reads what it was set to), or *inert* (the
answer's header names it), or *refused* (400, by its name). A fourth case would be a parameter that
is taken and forgotten. `NotedValues` finds it: it stands in place of the checked values that a
handler gets, and notes which of them are read.
"""

import inspect
import typing
from collections.abc import Callable, Iterator
from functools import reduce
from types import NoneType
from typing import Any

from emulator import params
from emulator.api import response_items, tool_params
from emulator.errors import ApiError
from tests.support.city_tools import CHAT_TOOLS, FLAT_TOOLS
from tests.support.emulator_clients import MODEL
from tests.support.files_in_stores import HOUR, upload

import openai
import pytest
from openai.types.chat.chat_completion_content_part_param import ChatCompletionContentPartParam
from openai.types.chat.chat_completion_tool_union_param import ChatCompletionToolUnionParam
from openai.types.responses.response_create_params import ToolChoice
from openai.types.responses.response_includable import ResponseIncludable
from openai.types.responses.response_input_content_param import ResponseInputContentParam
from openai.types.responses.response_input_item_param import ResponseInputItemParam
from openai.types.responses.tool_param import ToolParam

# The SDK's own, and those of a helper that never leave it.
OF_THE_SDK = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
SAID = [{"role": "user", "content": "Say hello as JSON."}]
NOTE = [{"type": "message", "role": "user", "content": "Hello!"}]
CACHE = {"mode": "explicit", "ttl": "30m"}
MODERATION = {"model": "omni-moderation-latest"}
STATIC = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}
CHUNKING = {"type": "static", "static": STATIC}
SCORED = {"ranker": "auto", "score_threshold": 0.5}
YEAR = {"type": "eq", "key": "year", "value": 2026}
LEXICON = {"type": "json_object"}

SAMPLES: dict[str, dict[str, Any]] = {
    "chat.completions.create": {
        "messages": SAID,
        "model": MODEL,
        "audio": {"voice": "alloy", "format": "wav"},
        "frequency_penalty": 0.5,
        "function_call": {"name": "f"},
        "functions": [{"name": "f"}],
        "logit_bias": {"1": 1},
        "logprobs": True,
        "max_completion_tokens": 50,
        "max_tokens": 50,
        "metadata": {"a": "b"},
        "modalities": ["text"],
        "moderation": MODERATION,
        "n": 2,
        "parallel_tool_calls": False,
        "prediction": {"type": "content", "content": "Hello"},
        "presence_penalty": 0.5,
        "prompt_cache_key": "k",
        "prompt_cache_options": CACHE,
        "prompt_cache_retention": "24h",
        "reasoning_effort": "none",
        "response_format": LEXICON,
        "safety_identifier": "s",
        "seed": 7,
        "service_tier": "flex",
        "stop": ["."],
        "store": True,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "tool_choice": "auto",
        "tools": CHAT_TOOLS,
        "top_logprobs": 2,
        "top_p": 0.5,
        "user": "u",
        "verbosity": "low",
        "web_search_options": {"search_context_size": "low"},
    },
    "responses.create": {
        "access_programs": {"cyber": "standard"},
        "background": True,
        "background_options": {"completion_window": "2h"},
        "context_management": [{"type": "compaction", "compact_threshold": 1000}],
        "conversation": "conv_1",
        "image": {"context_compression": "enabled"},
        "include": ["reasoning.encrypted_content"],
        "input": "Say hello as JSON.",
        "instructions": "Be kind.",
        "max_output_tokens": 50,
        "max_tool_calls": 2,
        "metadata": {"a": "b"},
        "model": MODEL,
        "moderation": MODERATION,
        "parallel_tool_calls": False,
        "previous_response_id": "resp_1",
        "prompt": {"id": "pmpt_1"},
        "prompt_cache_key": "k",
        "prompt_cache_options": CACHE,
        "prompt_cache_retention": "in_memory",
        "reasoning": {"effort": "none"},
        "safety_identifier": "s",
        "service_tier": "flex",
        "store": False,
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "temperature": 0.5,
        "text": {"verbosity": "low"},
        "tool_choice": "auto",
        "tools": FLAT_TOOLS,
        "top_logprobs": 2,
        "top_p": 0.5,
        "truncation": "auto",
        "user": "u",
    },
    "responses.retrieve": {
        "response_id": "resp_1",
        "include": ["reasoning.encrypted_content"],
        "include_obfuscation": False,
        "starting_after": 1,
        "stream": True,
    },
    "responses.input_items.list": {
        "response_id": "resp_1",
        "include": ["file_search_call.results"],
    },
    "responses.compact": {
        "model": MODEL,
        "image": {"context_compression": "enabled"},
        "input": "Hello!",
        "instructions": "Be kind.",
        "previous_response_id": "resp_1",
        "prompt_cache_key": "k",
        "prompt_cache_options": CACHE,
        "prompt_cache_retention": "24h",
        "service_tier": "flex",
    },
    "responses.input_tokens.count": {
        "conversation": "conv_1",
        "input": "Hello!",
        "instructions": "Be kind.",
        "model": MODEL,
        "parallel_tool_calls": False,
        "personality": "friendly",
        "previous_response_id": "resp_1",
        "reasoning": {"effort": "low"},
        "text": {"verbosity": "low"},
        "tool_choice": "auto",
        "tools": FLAT_TOOLS,
        "truncation": "auto",
    },
    "conversations.create": {"items": NOTE, "metadata": {"a": "b"}},
    "conversations.update": {"conversation_id": "conv_1", "metadata": {"a": "b"}},
    "conversations.items.create": {
        "conversation_id": "conv_1",
        "items": NOTE,
        "include": ["file_search_call.results"],
    },
    "conversations.items.list": {
        "conversation_id": "conv_1",
        "include": ["file_search_call.results"],
    },
    "embeddings.create": {
        "input": "Hello!",
        "model": "text-embedding-3-small",
        "dimensions": 64,
        "encoding_format": "float",
        "user": "u",
    },
    "uploads.create": {
        "bytes": 5,
        "filename": "a.txt",
        "mime_type": "text/plain",
        "purpose": "assistants",
        "expires_after": HOUR,
    },
    "vector_stores.create": {
        "chunking_strategy": CHUNKING,
        "description": "All of it.",
        "expires_after": {"anchor": "last_active_at", "days": 1},
        "file_ids": ["file-1"],
        "metadata": {"a": "b"},
        "name": "handbook",
    },
    "vector_stores.update": {
        "vector_store_id": "vs_1",
        "expires_after": {"anchor": "last_active_at", "days": 1},
        "metadata": {"a": "b"},
        "name": "handbook",
    },
    "vector_stores.search": {
        "vector_store_id": "vs_1",
        "query": "dogs",
        "filters": YEAR,
        "max_num_results": 3,
        "ranking_options": SCORED,
        "rewrite_query": True,
    },
    "vector_stores.files.create": {
        "vector_store_id": "vs_1",
        "file_id": "file-1",
        "attributes": {"year": 2026},
        "chunking_strategy": CHUNKING,
    },
    "vector_stores.files.update": {
        "file_id": "file-1",
        "vector_store_id": "vs_1",
        "attributes": {"year": 2026},
    },
    "vector_stores.file_batches.create": {
        "vector_store_id": "vs_1",
        "attributes": {"year": 2026},
        "chunking_strategy": CHUNKING,
        "file_ids": ["file-1"],
        "files": [{"file_id": "file-1"}],
    },
    "audio.speech.create": {
        "input": "Hello!",
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "instructions": "Be kind.",
        "response_format": "wav",
        "speed": 1.5,
        "stream_format": "audio",
    },
}
PLACES = {"response_id", "conversation_id", "vector_store_id"}
"""Parts of the path: always sent, and never in a body."""
NEEDS = {
    "tool_choice": ["tools"],
    "parallel_tool_calls": ["tools"],
    "stream_options": ["stream"],
    "metadata": ["store"],
    "include_obfuscation": ["stream"],
    "starting_after": ["stream"],
    "attributes": ["file_ids"],
    "chunking_strategy": ["file_ids"],
}
"""What else has to be sent, where the method has it."""
QUIET = {
    "chat.completions.create": ["reasoning_effort"],
    "responses.create": ["reasoning", "input"],
    "responses.input_tokens.count": ["input"],
    "vector_stores.file_batches.create": ["file_ids"],
}
"""What is sent beside every parameter, so that nothing else stops it."""
INSTEAD_OF = {"files": "file_ids", "audio": "reasoning_effort"}
"""What excludes a parameter."""
SPOKEN = {"model": "gpt-audio-1.5", "modalities": ["text", "audio"]}


class NotedValues(dict[str, Any]):
    """Checked values of a request; `unread` are the names that nobody has looked up yet."""

    unread: set[str]

    def __init__(self, values: dict[str, Any], unread: set[str]) -> None:
        super().__init__(values)
        self.unread = unread

    def __getitem__(self, name: str) -> Any:
        self.unread.discard(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.unread.discard(name)
        return super().get(name, default)

    def __or__(self, more: Any) -> "NotedValues":
        return NotedValues(super().__or__(more), self.unread)

    def __ror__(self, less: Any) -> Any:
        """They become part of an answer, all of them."""
        self.unread.clear()
        return dict(less) | dict(self)

    def items(self) -> Any:
        self.unread.clear()
        return super().items()


@pytest.fixture
def noted(monkeypatch) -> list[NotedValues]:
    """What handlers have got since the test began."""
    values: list[NotedValues] = []
    parse = params.parse

    def parse_and_note(body: Any, table: Any) -> tuple[NotedValues, list[str]]:
        parsed, inert = parse(body, table)
        sent = {name for name in body if body[name] is not None}
        values.append(NotedValues(parsed, sent))
        return values[-1], inert

    monkeypatch.setattr(params, "parse", parse_and_note)
    return values


@pytest.fixture
def there(lenient) -> Callable[[Any], Any]:
    """A function that puts real ids where a sample names `resp_1`, `conv_1`, `vs_1`, `file-1`."""
    made: dict[str, str] = {}

    def make(name: str) -> str:
        asked = {"model": MODEL, "input": "Hello!", "background": True}
        if name == "resp_1":
            return str([*lenient.responses.create(**asked, stream=True)][-1].response.id)
        if name == "conv_1":
            return str(lenient.conversations.create().id)
        if name == "file-1":
            return str(upload(lenient).id)
        return str(lenient.vector_stores.create().id)

    def put(value: Any) -> Any:
        if value in ("resp_1", "conv_1", "file-1", "vs_1"):
            made[value] = made.get(value) or make(value)
            return made[value]
        if isinstance(value, list):
            return [put(each) for each in value]
        if isinstance(value, dict):
            return {name: put(each) for name, each in value.items()}
        return value

    return put


def method_of(client: openai.OpenAI, path: str) -> Any:
    return reduce(getattr, path.split("."), client)


def required(method: Any) -> set[str]:
    return {
        name
        for name, each in inspect.signature(method).parameters.items()
        if each.default is inspect.Parameter.empty
    }


def request_of(path: str, name: str, method: Any) -> dict[str, Any]:
    """A request with the parameter, and what has to be beside it."""
    samples = SAMPLES[path]
    beside = [*required(method), *QUIET.get(path, []), *NEEDS.get(name, []), name]
    without = INSTEAD_OF.get(name)
    needed = [each for each in beside if each in samples and each != without]
    always = {"model", "messages"} if path == "chat.completions.create" else {"model"}
    asked = {each: samples[each] for each in [*needed, *(always & samples.keys())]}
    return asked | (SPOKEN if name == "audio" else {})


def answered(method: Any, asked: dict[str, Any]) -> tuple[tuple[str, str] | None, set[str]]:
    """Code and parameter of the refusal, if it was one; and what the answer calls inert."""
    try:
        answer = method(**asked)
    except openai.BadRequestError as error:
        return (str(error.code), str(error.param).partition(".")[0]), set()
    answer.http_response.read()
    return None, set(answer.headers.get("x-openai-emulator-inert", "").split(", "))


CASES = [
    (path, name) for path, samples in SAMPLES.items() for name in samples if name not in PLACES
]


@pytest.mark.parametrize(("path", "name"), CASES, ids=[f"{path}-{name}" for path, name in CASES])
def test_parameter_is_served_or_inert_or_refused(lenient, noted, there, path, name):
    method = method_of(lenient.with_raw_response, path)
    asked = there(request_of(path, name, method_of(lenient, path)))
    if path == "vector_stores.files.update":
        lenient.vector_stores.files.create(**{each: asked[each] for each in asked if "id" in each})
    noted.clear()

    refused, inert = answered(method, asked)

    unread = noted[-1].unread if noted and not refused else set()
    assert refused in (None, ("unsupported_parameter", name))
    assert name not in unread - inert


@pytest.mark.parametrize("path", SAMPLES)
def test_every_parameter_of_the_method_has_a_sample(client, path):
    named = set(inspect.signature(method_of(client, path)).parameters) - OF_THE_SDK
    pages = {"after", "before", "limit", "order"} if path.endswith(".list") else set()

    assert named - pages == set(SAMPLES[path])


@pytest.mark.parametrize(
    "path",
    [
        "/responses/resp_1/input_items",
        "/conversations/conv_1/items",
        "/chat/completions",
        "/files",
        "/vector_stores",
        "/vector_stores/vs_1/files",
    ],
)
def test_unknown_parameter_of_a_list_is_refused(lenient, there, path):
    whole = "/".join(there(part) for part in path.split("/"))

    with pytest.raises(openai.BadRequestError) as caught:
        lenient.get(whole, cast_to=object, options={"params": {"frobnicate": "1"}})

    assert (caught.value.code, caught.value.param) == ("unknown_parameter", "frobnicate")


def kinds(hint: Any) -> Iterator[str]:
    """The words that a type of the SDK allows, or the `type`s of its objects."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        yield from inner
    elif inner:
        is_union = origin not in (typing.Annotated, typing.Required)
        for each in inner if is_union else inner[:1]:
            yield from kinds(each)
    elif hint is not NoneType:
        fields = typing.get_type_hints(hint, include_extras=True)
        yield from kinds(fields["type"]) if "type" in fields else ()


def is_typo(check: params.Check, word: str) -> bool:
    try:
        check("p", word)
    except ApiError as error:
        return error.code == "invalid_value"
    return False


MODES = {"auto", "none", "required"}


@pytest.mark.parametrize(
    ("check", "hint"),
    [
        (tool_params.TOOL, ToolParam),
        (tool_params.CHAT_TOOL, ChatCompletionToolUnionParam),
        (tool_params.CHOICE, ToolChoice),
        (response_items.INCLUDABLE, ResponseIncludable),
        (
            params.known(tuple(response_items._KINDS), response_items.OTHER_ITEMS),
            ResponseInputItemParam,
        ),
        (
            params.known(response_items.TEXT_KINDS, response_items.OTHER_PARTS),
            ResponseInputContentParam,
        ),
        (
            params.known(("text", "refusal"), response_items.OTHER_CHAT_PARTS),
            ChatCompletionContentPartParam,
        ),
    ],
    ids=["tools", "chat tools", "choices", "include", "items", "parts", "chat parts"],
)
def test_words_of_the_sdk_are_no_typos(check, hint):
    assert [word for word in set(kinds(hint)) - MODES if is_typo(check, word)] == []
