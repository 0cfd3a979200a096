"""What the SDK makes of an answer that another server writes for the emulator, in four ways."""

from dataclasses import dataclass

from tests.support.city_tools import CHAT_TOOLS
from tests.support.emulator_clients import MODEL, ask

import openai


@dataclass(frozen=True)
class Seen:
    """An answer as its reader has it: text, calls as (name, arguments), refusal, why it ended."""

    text: str = ""
    calls: tuple = ()
    refusal: str = ""
    finish: str = "stop"


@dataclass(frozen=True)
class Failed:
    """The reason that an `upstream_error` gives, without the sentence around it."""

    reason: str


def of_chat(completion):
    [choice] = completion.choices
    message = choice.message
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
    return Seen(message.content or "", tuple(calls), message.refusal or "", choice.finish_reason)


def of_response(response):
    calls = [(i.name, i.arguments) for i in response.output if i.type == "function_call"]
    parts = [part for i in response.output if i.type == "message" for part in i.content]
    refusal = "".join(part.refusal for part in parts if part.type == "refusal")
    finish = "tool_calls" if calls else "stop"
    if response.status == "incomplete":
        finish = {"max_output_tokens": "length"}.get(
            response.incomplete_details.reason, response.incomplete_details.reason
        )
    return Seen(response.output_text, tuple(calls), refusal, finish)


def chat_whole(client):
    return of_chat(client.chat.completions.create(**ask("Hm?"), tools=CHAT_TOOLS))


def chat_streamed(client):
    with client.chat.completions.stream(**ask("Hm?"), tools=CHAT_TOOLS) as stream:
        for _ in stream:
            pass
        # `get_final_completion` would refuse an answer that was cut.
        return of_chat(stream.current_completion_snapshot)


def response_whole(client):
    return of_response(client.responses.create(model=MODEL, input="Hm?"))


def response_streamed(client):
    events = list(client.responses.create(model=MODEL, input="Hm?", stream=True))
    assert events[-1].type in ("response.completed", "response.incomplete")
    return of_response(events[-1].response)


WAYS = (chat_whole, chat_streamed, response_whole, response_streamed)


def seen_by(client, way):
    """What a client sees; an error that isn't an `upstream_error` is raised."""
    try:
        return way(client)
    except openai.APIError as error:
        if not is_upstream_error(error):
            raise
        message = error.body["message"]
        return Failed(message.partition(", ")[2].partition(", ")[2].removesuffix("."))


def is_upstream_error(error):
    """Whether it says what the server behind did: by its status, or as an event of a stream."""
    is_right = type(error) is openai.APIError or error.status_code == 502
    return is_right and error.code == "upstream_error"
