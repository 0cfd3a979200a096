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
    # Python put the folder of this file first, where its modules would hide others. The course's
    # folder goes last until it is known that no file there hides a module.
    course = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:1] = []
    sys.path.append(course)
    from setup.shadows import refuse_shadows

    refuse_shadows(course)
    sys.path[:] = [course, *sys.path[:-1]]
    import signal

    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see launch.py
    if sys.argv[1] == "-m":
        name = sys.argv[2]
        sys.argv[:3] = ["-m"]
        (run_pytest if name == "pytest" else run)(name)
    else:
        import runpy

        del sys.argv[0]
        runpy.run_path(sys.argv[0], run_name="__main__")


def run(name: str) -> None:
    """Run a module as `python -m` does."""
    import runpy

    runpy.run_module(name, run_name="__main__", alter_sys=True)


def run_pytest(name: str) -> None:
    """The same for pytest, whose exit code after Ctrl-C is the one for a wrong command line."""
    import signal

    interrupts: list[int] = []

    def note(number: int, frame: object) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)
    try:
        run(name)
    except SystemExit:
        if interrupts:
            raise KeyboardInterrupt from None
        raise


def stop() -> int:
    """Say that Ctrl-C ended this; another one changes nothing. Returns the exit code."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stderr.write("stopped\n")
    sys.stderr.flush()
    return 130


def stop_if_lost(lost: "sys.UnraisableHookArgs") -> None:
    """Stop for a Ctrl-C that came where Python can't raise it, such as the end of an import."""
    if lost.exc_type is KeyboardInterrupt:
        os._exit(stop())
    sys.__unraisablehook__(lost)


if __name__ == "__main__":
    try:
        sys.unraisablehook = stop_if_lost
        main()
    except KeyboardInterrupt:
        sys.exit(stop())
