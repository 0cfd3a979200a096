"""RAG by hand: passages in the prompt answer a question, wherever in the prompt they stand."""

from tests.support.emulator_clients import MODEL

import pytest

RULES = "Answer only from these passages. If they don't hold the answer, say so."
# Each contradicts the handbook, which the emulator may quote by itself.
PASSAGES = [
    "Dogs must stay at home; only parrots may come into the garden of the Blue Tower.",
    "The Blue Tower opens at six in the morning and closes at noon.",
    "Taxis at the Blue Tower can be called until 03:15.",
]
CONTEXT = "\n\n".join(PASSAGES)
NUMBERED = "\n".join(f"[{number}] {text}" for number, text in enumerate(PASSAGES, 1))
ANSWERED = {
    "May I bring my dog?": "only parrots may come",
    "How late can I call a taxi?": "until 03:15",
    "When does it open?": "opens at six in the morning",
}


def by_response(client, question, instructions=None, input=None):
    asked = {"instructions": instructions} if instructions else {}
    return client.responses.create(model=MODEL, input=input or question, **asked).output_text


def by_chat(client, *messages):
    said = [{"role": role, "content": content} for role, content in messages]
    return client.chat.completions.create(model=MODEL, messages=said).choices[0].message.content


IN_INSTRUCTIONS = {
    "instructions": lambda client, q: by_response(client, q, f"{RULES}\n\n{CONTEXT}"),
    "a developer's message": lambda client, q: by_response(
        client,
        q,
        input=[
            {"role": "developer", "content": f"{RULES}\n\n{CONTEXT}"},
            {"role": "user", "content": q},
        ],
    ),
    "a system message": lambda client, q: by_chat(
        client, ("system", f"{RULES}\n\n{CONTEXT}"), ("user", q)
    ),
}
IN_QUESTION = {
    "before the question": lambda client, q: by_response(
        client, f"{RULES}\n\n{CONTEXT}\n\nQuestion: {q}"
    ),
    "after the question": lambda client, q: by_response(client, f"{q}\n\nContext:\n{CONTEXT}"),
    "between marks": lambda client, q: by_chat(
        client, ("user", f"<context>\n{CONTEXT}\n</context>\n\n{q}")
    ),
    "numbered": lambda client, q: by_chat(
        client,
        ("system", "You are a helpful assistant. Use the numbered sources."),
        ("user", f"Sources:\n{NUMBERED}\n\nQuestion: {q}\nAnswer:"),
    ),
    "in an earlier turn": lambda client, q: by_chat(
        client,
        ("user", f"Here are my notes:\n{CONTEXT}"),
        ("assistant", "Thank you, I have read them."),
        ("user", q),
    ),
}


@pytest.mark.parametrize("question", ANSWERED)
@pytest.mark.parametrize("how", IN_INSTRUCTIONS)
def test_passages_in_instructions_answer(client, how, question):
    assert ANSWERED[question] in IN_INSTRUCTIONS[how](client, question)


@pytest.mark.parametrize("question", ANSWERED)
@pytest.mark.parametrize("how", IN_QUESTION)
def test_passages_beside_the_question_answer(client, how, question):
    assert ANSWERED[question] in IN_QUESTION[how](client, question)
