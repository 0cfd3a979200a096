"""Makes what the suites run in, under `.venv/conformance`: environments, OpenAI's sources, npm's.

Each is made in a folder of its own and stamped last with a hash of what it holds. A folder whose
stamp fits is taken as it is; any other is removed and made anew.

Packages are installed by uv, which takes seconds where pip takes minutes. If uv is missing or
fails, pip does it: pip knows settings that uv does not read, such as an index in pip.conf.

The environment of the Realtime clients takes 0.8 GB. It lies in the user's cache folder, where all
copies of the course share it.
"""

import hashlib
import os
import shutil
import sys
import tarfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from setup.environment import Environment
from setup.lock import lock
from setup.pip import PIP_INSTALL
from setup.problem import Problem, again, say
from setup.processes import run
from setup.symptoms import failure

VENV = Environment()
COURSE = VENV.course
HERE = Path(__file__).resolve().parent
FOLDER = VENV.folder / "conformance"
SDK_VERSION = version("openai")
STAMP = "conformance.stamp"
NPM = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
NPM += ["--cache", str(FOLDER / "npm-cache")]


def sdk() -> tuple[Path, Path]:
    """The Python that runs the tests of the openai package, and the folder that holds them."""
    files = [COURSE / "requirements.txt", HERE / "requirements-sdk.txt"]
    same = f"openai=={SDK_VERSION}"
    return environment("sdk", files, same), made("sdist", same.encode(), _fetch_sources)


def clients() -> tuple[Path, Path]:
    """The Python that has the clients, and the folder where npm put Node's."""
    python = environment("clients", [HERE / "requirements-clients.txt"])
    wanted = (HERE / "clients" / "package.json").read_bytes()

    def install(folder: Path) -> None:
        (folder / "package.json").write_bytes(wanted)
        # Node brings certificates of its own; behind a company's proxy only the system's are right.
        os.environ.setdefault("NODE_USE_SYSTEM_CA", "1")
        code, output = run([str(python.with_name("npm")), "--prefix", str(folder), *NPM])
        if code:
            errors = [line for line in output.splitlines() if line.startswith("npm error")]
            attempt = f"connect, or set HTTPS_PROXY to your proxy, then {again()}"
            raise Problem("npm failed", "; ".join(errors[:2]), attempt)

    return python, made("node", wanted, install)


def realtime_clients() -> Path:
    """The Python that has the Realtime clients, shared by all copies of the course."""
    name = f"realtime-clients-{sys.version_info.major}.{sys.version_info.minor}"
    return environment(name, [HERE / "requirements-realtime.txt"], root=cache_folder(os.environ))


def cache_folder(surroundings: Mapping[str, str], system: str = sys.platform) -> Path:
    """Where the user's programs keep what can be made again, as each system has it.

    On Linux that is the XDG Base Directory Specification, by which a relative path is ignored.
    """
    home = Path.home()
    if system == "win32":
        caches = Path(surroundings.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif system == "darwin":
        caches = home / "Library" / "Caches"
    else:
        named = Path(surroundings.get("XDG_CACHE_HOME") or "")
        caches = named if named.is_absolute() else home / ".cache"
    return caches / "openai-course-conformance"


def environment(name: str, files: list[Path], *more: str, root: Path | None = None) -> Path:
    """The Python of an environment that holds what these files, and these words, ask for."""
    facts = [sys.version, *more, *(file.read_text(encoding="utf-8") for file in files)]

    def install(folder: Path) -> None:
        options = [*(word for file in files for word in ("-r", str(file))), *more]
        if not _install_by_uv(folder, options):
            _run("venv", [sys.executable, "-I", "-m", "venv", "--clear", str(folder)])
            _run("pip", [str(_python(folder)), "-I", *PIP_INSTALL, *options])

    return _python(made(name, "\n".join(facts).encode(), install, root))


def _install_by_uv(folder: Path, options: list[str]) -> bool:
    """Make an environment in this empty folder, and install. Returns whether all that went well."""
    if find_spec("uv") is None:
        return False
    uv = [sys.executable, "-I", "-m", "uv"]
    python = ["--python", str(_python(folder))]
    steps = [
        [*uv, "venv", "--clear", "--python", sys.executable, str(folder)],
        [*uv, "pip", "install", "--system-certs", *python, *options],
    ]
    return all(run(step)[0] == 0 for step in steps)


def made(name: str, facts: bytes, make: Callable[[Path], None], root: Path | None = None) -> Path:
    """The folder of that name, made by `make` unless one is there that was made of these facts."""
    folder = (root or FOLDER) / name
    # An environment cannot be moved, so its place is one of the facts.
    stamp = hashlib.sha256(facts + os.fsencode(folder.resolve())).hexdigest()
    if not _is_stamped(folder, stamp):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with lock(folder):
            if not _is_stamped(folder, stamp):
                say(f"conformance: making {folder if root else folder.relative_to(COURSE)}")
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                make(folder)
                (folder / STAMP).write_text(stamp)
    return folder


def _is_stamped(folder: Path, stamp: str) -> bool:
    file = folder / STAMP
    return file.is_file() and file.read_text() == stamp


def _fetch_sources(folder: Path) -> None:
    """Put the package's sources, which hold its tests, into the folder."""
    pip = [sys.executable, "-I", "-m", "pip", "download", "--no-deps", "--no-binary", "openai"]
    _run("pip", [*pip, "-d", str(folder), f"openai=={SDK_VERSION}"])
    packed = next(folder.glob("*.tar.gz"))
    with tarfile.open(packed) as archive:
        # Python 3.11 has the filter since 3.11.4 only, and 3.12 complains without one.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
    packed.unlink()
    for child in next(folder.glob("openai-*")).iterdir():
        child.rename(folder / child.name)


def _python(folder: Path) -> Path:
    return folder / VENV.python.relative_to(VENV.folder)


def _run(what: str, argv: list[str]) -> None:
    """Run a step to its end; a failure shows the last lines of what it said, and three of ours."""
    code, output = run(argv)
    if code:
        say("\n".join(output.splitlines()[-8:]))
        raise failure(what, output)
