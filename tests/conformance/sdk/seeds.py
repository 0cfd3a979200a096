"""What the openai package's tests take for granted: objects with the ids that their texts name.

Each is made by a real request and then renamed in the emulator's store.
"""

from emulator.store import Store

from openai import OpenAI

MODEL = "gpt-6-luna"


def background_response(client: OpenAI) -> str:
    """A response that was written in the background, which has ended and kept its events."""
    stream = client.responses.create(model=MODEL, input="Hello", background=True, stream=True)
    ids = [event.response.id for event in stream if event.type == "response.created"]
    return ids[0]


def response(client: OpenAI) -> str:
    return client.responses.create(model=MODEL, input="Hello").id


def completion(client: OpenAI) -> str:
    """A completion whose one message is an assistant's: the package's type knows no other."""
    messages = [{"role": "assistant", "content": "Hello"}]
    return client.chat.completions.create(model=MODEL, messages=messages, store=True).id


def conversation(client: OpenAI) -> str:
    """A conversation of one message, whose id the tests name, too."""
    message = {"id": "msg_abc", "type": "message", "role": "user", "content": "Hello"}
    return client.conversations.create(items=[message]).id


SEEDS = {
    "resp_677efb5139a88190b512bc3fef8e535d": ("response", background_response),
    "resp_123": ("response", response),
    "response_id": ("response", response),
    "completion_id": ("completion", completion),
    "conv_123": ("conversation", conversation),
}
# A model of one's own comes of fine-tuning, which the emulator does not serve.
OWN_MODEL = {
    "id": "ft:gpt-4o-mini:acemeco:suffix:abc123",
    "object": "model",
    "created": 1_700_000_000,
    "owned_by": "acemeco",
}


def plant(store: Store, client: OpenAI, ids: set[object]) -> None:
    """Make anew whatever of these ids is ours to make."""
    for id in ids & SEEDS.keys():
        kind, make = SEEDS[id]
        store.delete(kind, id)
        store.rename(make(client), id)
    if OWN_MODEL["id"] in ids:
        store.delete("model", OWN_MODEL["id"])
        store.save("model", OWN_MODEL)
