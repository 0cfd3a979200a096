"""What C libraries print is hidden for a while, and what Python prints is not."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from emulator.voice.quiet_libraries import without_noise
from tests.support import lessons

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

START = "import os, sys\nfrom emulator.voice.quiet_libraries import without_noise\n"
NOISE = "os.write(2, b'noise\\n')\n"


def printed(program, **options):
    """What a program prints on its standard error, and on its standard output."""
    command = [sys.executable, "-c", START + program]
    done = subprocess.run(command, cwd=lessons.COURSE, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stderr, done.stdout


def test_noise_of_a_library_is_not_shown_and_ours_is(capfd):
    with without_noise():
        os.write(2, b"ALSA lib pcm.c: Unknown PCM")
        with without_noise():
            os.write(2, b"jack server is not running")
        os.write(2, b"Expression 'ret' failed")
    os.write(2, b"ours")

    assert capfd.readouterr().err == "ours"


def test_what_python_prints_is_shown_in_the_meantime():
    program = f"with without_noise():\n    {NOISE}    print('ours', file=sys.stderr)\n"
    program += "print('after', file=sys.stderr)\n" + NOISE

    assert printed(program)[0] == "ours\nafter\nnoise\n"


def test_standard_error_that_was_replaced_meanwhile_stays():
    program = "import io\nwith without_noise():\n    sys.stderr = other = io.StringIO()\n"

    assert printed(program + "print(sys.stderr is other)\n")[1] == "True\n"


@pytest.mark.parametrize("closing", ["os.close(2)", "os.close(2); sys.stderr = None"])
def test_closed_standard_error_is_no_problem(closing):
    program = f"{closing}\nwith without_noise():\n    print('done')\n"

    assert printed(program)[1] == "done\n"


@given(st.integers(1, 8), st.integers(1, 20))
@settings(max_examples=10, deadline=None)
def test_many_threads_may_be_quiet_at_once(threads, times):
    before = os.fstat(2)

    def work(_):
        for _ in range(times):
            with without_noise():
                assert os.fstat(2) == os.stat(os.devnull)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))

    assert os.fstat(2) == before
