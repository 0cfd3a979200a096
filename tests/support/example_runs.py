"""The programs of examples/, run unmodified as processes; all they know is in the environment."""

import re
import subprocess
import sys
from contextlib import contextmanager

from tests.support import lessons
from tests.support.fork_server import Popen

EXAMPLES = lessons.COURSE / "examples"
CALLERS = lessons.COURSE / "data" / "callers"


def start_example(name, *arguments, base_url, is_forked=True, **options):
    """An example that runs against this server, with pipes to its three streams."""
    variables = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "offline"}
    pipe = subprocess.PIPE
    streams = {"stdin": pipe, "stdout": pipe, "stderr": pipe} | options.pop("streams", {})
    return (Popen if is_forked else subprocess.Popen)(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
        env=lessons.environment(**variables, **options.pop("variables", {})),
        encoding="utf-8",
        **streams,
        **options,
    )


def run_example(name, *arguments, base_url, typed="", **options):
    """An example's exit code and what it printed; `typed` is its standard input."""
    with start_example(name, *arguments, base_url=base_url, **options) as process:
        out, err = process.communicate(typed, timeout=60)
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@contextmanager
def serve_example(name, base_url):
    """An example that is a web server, on a free port; its address."""
    variables = {"PORT": "0"}
    with start_example(name, base_url=base_url, variables=variables) as process:
        try:
            read = []
            for line in process.stderr:
                read.append(line)
                if found := re.search(r"running on (http://\S+)", line):
                    break
            else:
                raise AssertionError("".join(read))
            yield found[1]
        finally:
            process.terminate()
            process.communicate()
