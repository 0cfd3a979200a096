"""What .venv's Python runs first: it starts a lesson or a module, and takes care of Ctrl-C.

    python setup/launched.py FILE ARGS          as `python FILE ARGS`
    python setup/launched.py -m MODULE ARGS     as `python -m MODULE ARGS`

The lessons and pytest handle Ctrl-C themselves, but only once they have imported what they need,
which takes them half a second. Until then it is handled here.
"""

import os
import sys


def main() -> None:
    """Start what the command line names."""
    # Python put the folder of this file first, where its modules would stand before others.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    import runpy
    import signal

    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see launch.py
    if sys.argv[1] == "-m":
        name = sys.argv[2]
        sys.argv[:3] = ["-m"]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        del sys.argv[0]
        runpy.run_path(sys.argv[0], run_name="__main__")


def stop() -> int:
    """Say that Ctrl-C ended this; another one changes nothing. Returns the exit code."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stderr.write("stopped\n")
    sys.stderr.flush()
    return 130


def stop_if_lost(lost: "sys.UnraisableHookArgs") -> None:
    """Stop for a Ctrl-C that Python could not raise where it came, such as the end of an import."""
    if lost.exc_type is KeyboardInterrupt:
        os._exit(stop())
    sys.__unraisablehook__(lost)


if __name__ == "__main__":
    try:
        sys.unraisablehook = stop_if_lost
        main()
    except KeyboardInterrupt:
        sys.exit(stop())
