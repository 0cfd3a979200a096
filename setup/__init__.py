"""Sets up the course in .venv, then starts what was typed after `course.py`.

    too_old         the error for a Python that is too old
    commands        what can be typed, and what it starts
    environment     .venv: where it is, and whether it is current
    make_venv       makes .venv, installs into it, and stamps it
    pip             runs pip
    progress        what pip does, in a line for the learner
    extras          the packages that make lesson 3 better
    install_extras  installs them one by one
    problem         an error in three lines: what, why, what to try
    symptoms        turns the output of a failed command into such an error
    processes       runs another program, and ends it on Ctrl-C
    lock            lets one course.py set up at a time
    launch          hands over to .venv's Python
    launched        what that Python runs first
    requirements    which packages of requirements.txt are missing
    dotenv_problems what is often wrong with .env
    shadows         files that hide a module of the same name

All of it uses only the standard library, as it runs before anything is installed. If everything is
set up already it has to be quick, so a module that is seldom needed is imported where it is used.
"""

import sys
from pathlib import Path

# Any Python may run this file and too_old.py, to find out whether it is too old.
# So both stay simple: no syntax and no module that is younger than Python 3.6.
OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 15)
GET_PYTHON = "install Python 3.12 from https://www.python.org/downloads"

COURSE = Path(__file__).absolute().parent.parent
WINDOWS = sys.platform == "win32"
