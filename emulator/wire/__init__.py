"""What crosses the wire, without I/O: framing of event streams, ids, tokens."""
