"""What a lesson's `main` needs: its frame, the terminal, pictures, error messages, the doctor.

Nothing below imports it. It is imported before packages that may be missing; see start.py.
"""

from console.start import prepare

prepare()
