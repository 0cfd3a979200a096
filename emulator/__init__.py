"""The OpenAI API on loopback: OpenAI's wire protocol, spoken to unmodified clients, without a key.

    python -m emulator          serve it, and print its base URL
    from emulator.server import Emulator          serve it in a thread, in a test

`emulator/README.md` says what it serves, what is real in it, and what it refuses.
"""

VERSION = "1.0"
