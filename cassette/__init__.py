"""Records conversations over HTTP and WebSockets, and plays them back with their own timing.

    python -m cassette record FILE --upstream URL
    python -m cassette play FILE [--speed FACTOR]

Each is a server on loopback whose first line is its base URL; it ends when its standard input
closes. Where to find what:

    format.py                 the file: lines, their seals, and `Cassette`, which checks and reads
    scrub.py                  where secrets are removed before anything is written
    record.py                 the recorder, a proxy; http_exchange.py and websocket_exchange.py
                              pass on what it receives, exchange_log.py says what to write of it,
                              and cassette_writer.py writes the file
    play.py                   the player; match.py finds the recorded exchange for a request, and
                              socket_player.py plays a WebSocket
    recorded_conversation.py  what the client must send on a WebSocket and what it may receive now,
                              without I/O; stream_comparison.py compares audio sent in pieces, and
                              message_rules.py says which fields may differ
    asgi.py, bodies.py,       ASGI messages, request bodies as fields of a line, the server on a
    loopback.py               free port
    openai.py                 all that is known about OpenAI's API

Only openai.py knows an API. The rest is generic over HTTP, server-sent events and WebSockets, and
receives such knowledge as an `ApiProfile` (api_profile.py).
"""

FORMAT = 1


class CassetteError(Exception):
    """A cassette that cannot be written, read or played; it names the file and the line."""
