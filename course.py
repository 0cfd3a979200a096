#!/usr/bin/env python3
"""Starts the course: `python3 course.py`; on Windows `py course.py`. `--help` lists the commands.

The work is done in the folder setup/. This file is small and plain, because any Python 3 must be
able to read it, even one that is too old and can only say so.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def load_setup() -> None:
    """Import setup/ from beside this file, whatever else is called `setup` or is on the path."""
    from importlib.util import module_from_spec, spec_from_file_location

    # A learner's file in this folder may be named like a module of Python, say random.py.
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != HERE]
    spec = spec_from_file_location("setup", os.path.join(HERE, "setup", "__init__.py"))
    assert spec and spec.loader
    sys.modules["setup"] = module = module_from_spec(spec)
    spec.loader.exec_module(module)


def start() -> int:
    """Do what was typed, if this Python can. Returns the exit code."""
    load_setup()
    from setup.too_old import complaint

    if complaint():
        sys.stderr.write(complaint())
        return 1
    from setup.commands import main

    return main(sys.argv[1:])


def stop() -> int:
    """Say that Ctrl-C ended this; another one changes nothing. Returns the exit code."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stderr.write("stopped\n")
    sys.stderr.flush()
    return 130


def main() -> int:
    """Start; Ctrl-C ends it with one word, however early it comes."""
    try:
        # Python cannot raise an exception in some places, such as the end of an import. There a
        # Ctrl-C would be shown and then forgotten, but Python gives it to this hook.
        sys.unraisablehook = lambda lost: (
            os._exit(stop()) if lost.exc_type is KeyboardInterrupt else sys.__unraisablehook__(lost)
        )
        return start()
    except KeyboardInterrupt:
        return stop()


if __name__ == "__main__":
    sys.exit(main())
