"""Structured outputs on the wire: the answer is JSON, and valid by the schema that was sent."""

import json

from tests.support.emulator_clients import MODEL, ask

import openai
import pytest
from pydantic import BaseModel

EVENT = "Alice and Bob are going to a science fair on Friday."


class CalendarEvent(BaseModel):
    name: str
    date: str
    participants: list[str]


def test_chat_parses_into_model(client):
    parsed = client.chat.completions.parse(**ask(EVENT), response_format=CalendarEvent)

    event = parsed.choices[0].message.parsed
    assert (event.date, event.participants) == ("Friday", ["Alice", "Bob"])
    assert "science fair" in event.name


def test_chat_streams_growing_object(client):
    with client.chat.completions.stream(**ask(EVENT), response_format=CalendarEvent) as stream:
        parsed = [event.parsed for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()

    assert final.choices[0].message.parsed.date == "Friday"
    assert len({json.dumps(each) for each in parsed if each}) > 3


def test_responses_parse_into_model(client):
    parsed = client.responses.parse(model=MODEL, input=EVENT, text_format=CalendarEvent)

    assert parsed.output_parsed.participants == ["Alice", "Bob"]
    assert parsed.to_dict()["text"]["format"]["name"] == "CalendarEvent"


def test_responses_stream_into_model(client):
    with client.responses.stream(model=MODEL, input=EVENT, text_format=CalendarEvent) as stream:
        stream.until_done()
        final = stream.get_final_response()

    assert final.output_parsed.date == "Friday"


def test_answer_is_filled_from_corpus(client):
    class Answer(BaseModel):
        answer: str

    question = "When is the observatory closed?"
    parsed = client.responses.parse(model=MODEL, input=question, text_format=Answer)

    assert "closed on Mondays" in parsed.output_parsed.answer


def test_answer_is_filled_from_output_of_tool(client):
    class Report(BaseModel):
        temperature: int
        sky: str

    question = {"role": "user", "content": "What is the weather in Paris?"}
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = [
        question,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": '{"temperature": 14, "sky": "rain"}'},
    ]

    parsed = client.chat.completions.parse(model=MODEL, messages=said, response_format=Report)

    assert parsed.choices[0].message.parsed == Report(temperature=14, sky="rain")


def test_json_mode_gives_an_object(client):
    asked = ask("When is it closed? Answer as JSON.")

    completion = client.chat.completions.create(**asked, response_format={"type": "json_object"})

    assert isinstance(json.loads(completion.choices[0].message.content), dict)


def test_length_cuts_the_object(client):
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(
            **ask(EVENT), response_format=CalendarEvent, max_completion_tokens=5
        )


LOOSE = {"type": "object", "properties": {"a": {"type": "string"}}}
STRICT = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": LOOSE}}
FLAT = {"type": "json_schema", "name": "x", "strict": True, "schema": LOOSE}
IMPOSSIBLE = {"type": "integer", "minimum": 2, "maximum": 1}


def test_chat_refuses_loose_schema_in_strict_mode(client):
    with pytest.raises(openai.BadRequestError, match="additionalProperties") as caught:
        client.chat.completions.create(**ask("x"), response_format=STRICT)

    assert caught.value.param == "response_format"


def test_responses_refuse_loose_schema_in_strict_mode(client):
    with pytest.raises(openai.BadRequestError, match="additionalProperties") as caught:
        client.responses.create(model=MODEL, input="x", text={"format": FLAT})

    assert (caught.value.param, caught.value.code) == ("text.format.schema", "invalid_json_schema")


def test_schema_that_nothing_fits_is_refused(client):
    format = FLAT | {"strict": False, "schema": IMPOSSIBLE}

    with pytest.raises(openai.BadRequestError, match="Invalid schema"):
        client.responses.create(model=MODEL, input="x", text={"format": format})


def test_json_mode_must_be_asked_for(client):
    with pytest.raises(openai.BadRequestError, match="the word 'json'"):
        client.chat.completions.create(**ask("x"), response_format={"type": "json_object"})
    with pytest.raises(openai.BadRequestError, match="the word 'json'"):
        client.responses.create(model=MODEL, input="x", text={"format": {"type": "json_object"}})
