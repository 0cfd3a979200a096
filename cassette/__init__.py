"""Records conversations over HTTP and WebSockets, and plays them back with their own timing.

    python -m cassette record FILE --upstream URL
    python -m cassette play FILE [--speed FACTOR]

Each is a server on loopback whose first line is its base URL; it ends when its standard input
closes. Nothing here knows an API beyond HTTP, event streams and WebSockets: what may differ in the
messages of one is told by rules.
"""

FORMAT = 1


class CassetteError(Exception):
    """A cassette that cannot be written, read or played; it names the file and the line."""
