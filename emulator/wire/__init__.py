"""The wire format, without I/O: framing of event streams, ids, tokens."""
