"""What `course.py check`, `hint`, `list`, `reset`, `show`, `trace` and `progress` do."""

from datetime import date
from pathlib import Path

from common import course_command
from common.settings import CourseError
from console.terminal import Terminal
from grading import judge
from grading.exercise import Exercise, exercises, exercises_folder
from grading.judge import Verdict, new_seeds
from grading.ladder import ladder
from grading.learner_progress import LearnerProgress, load, save, write
from grading.scenes import scene_of
from grading.screen import (
    file_of,
    name_of,
    show_failure,
    show_hint,
    show_list,
    show_pass,
    show_skills,
    show_start,
    show_task,
)
from setup.problem import did_you_mean

LAST_RUN = "last_run.txt"


def exercise_of(word: str) -> Exercise:
    """The exercise of an id or of a file; raises CourseError if there is none."""
    name = Path(word).name.removesuffix(".py").lower()
    files = {each.path.stem: each for each in exercises().values()}
    found = exercises().get(word.upper()) or files.get(name)
    if found is None:
        known = [each for each in (*exercises(), *files) if each[:1].lower() == name[:1]]
        near = did_you_mean(name, known)
        why = f"the exercises are {', '.join(exercises())}"
        raise CourseError(f"there is no exercise {word}", why, near or course_command("list"))
    return found


def chosen(word: str | None, progress: LearnerProgress) -> Exercise:
    """The exercise that was named, or the next one."""
    if word is not None:
        return exercise_of(word)
    coming = progress.next()
    if coming is None:
        raise CourseError("all exercises are passed", attempt=course_command("progress"))
    return coming


def check(terminal: Terminal, word: str | None, seed: int | None) -> int:
    """Check one exercise; 0 for a pass."""
    exercise = chosen(word, load())
    show_start(terminal, exercise)
    return 0 if graded(terminal, exercise, seed) else 1


def check_all(terminal: Terminal) -> int:
    """Check all exercises that differ from their originals, and list the outcome."""
    tried = [each for each in exercises().values() if _is_begun(each)]
    if not tried:
        raise CourseError(
            "you haven't begun an exercise",
            "all files are still the originals",
            course_command("learn"),
        )
    progress = load()
    for exercise in tried:
        verdict = judged(exercise, new_seeds(), progress)
        outcome = "[green]passed[/]" if verdict.is_pass else "[red]not yet[/]"
        terminal.say(f"  {name_of(exercise):60} {outcome}")
    keep(exercise, verdict, progress)
    return 0 if all(progress.has_passed(each) for each in tried) else 1


def _is_begun(exercise: Exercise) -> bool:
    return _text(exercise) != exercise.original


def _text(exercise: Exercise) -> str:
    """What the learner's file holds; raises CourseError if it can't be read."""
    try:
        return exercise.path.read_text("utf-8", errors="replace")
    except OSError as error:
        fact = f"{file_of(exercise)} can't be read: {error.strerror}"
        raise CourseError(fact, attempt=course_command("reset", exercise.id)) from None


def judged(exercise: Exercise, seeds: list[int], progress: LearnerProgress) -> Verdict:
    """Run it up to the first failure, and note the outcome."""
    _text(exercise)
    record = progress.of(exercise.id)
    record.checks += 1
    verdict = judge.check(scene_of(exercise.id), exercise.path, seeds)
    # One seed alone is for looking at a failure again; it could be known.
    if verdict.is_pass and len(seeds) > 1:
        progress.note_pass(exercise, date.today())
    return verdict


def keep(exercise: Exercise, verdict: Verdict, progress: LearnerProgress) -> None:
    """Keep the run, which can be looked at, and the progress; raises CourseError."""
    lines = [f"{name_of(exercise)}, seed {verdict.seed}"]
    lines += ladder(verdict.scene.trace, verdict.ending)
    save(progress)
    write(exercises_folder() / LAST_RUN, "\n".join(lines) + "\n")


def graded(terminal: Terminal, exercise: Exercise, seed: int | None = None) -> bool:
    """Check an exercise, and show the outcome, also where it can't be kept."""
    progress = load()
    verdict = judged(exercise, new_seeds() if seed is None else [seed], progress)
    try:
        keep(exercise, verdict, progress)
    finally:
        is_pass = _shown(terminal, exercise, verdict, progress, seed)
    return is_pass


def _shown(
    terminal: Terminal,
    exercise: Exercise,
    verdict: Verdict,
    progress: LearnerProgress,
    seed: int | None,
) -> bool:
    if verdict.failure is not None:
        show_failure(terminal, exercise, verdict, verdict.failure)
        return False
    if seed is not None:
        terminal.note(f"The run with the seed {seed} passed. Check it with new ones:")
        terminal.command(course_command("check", exercise.id))
        return True
    show_pass(terminal, exercise, verdict)
    coming = progress.next(behind=exercise)
    if coming is not None:
        show_task(terminal, coming)
    elif all(progress.has_passed(each) for each in exercises().values()):
        show_skills(terminal, progress)
    return True


def hint(terminal: Terminal, word: str | None) -> int:
    """Show the next hint, and the last one again after that."""
    progress = load()
    exercise = chosen(word, progress)
    record = progress.of(exercise.id)
    record.hints = min(record.hints + 1, len(exercise.hints))
    show_hint(terminal, exercise, record.hints)
    save(progress)
    return 0


def show(terminal: Terminal, word: str, *, gives_up: bool) -> int:
    """Unpack our solutions, if the exercise is passed or the learner gives up."""
    exercise, progress = exercise_of(word), load()
    if not progress.has_passed(exercise) and not gives_up:
        raise CourseError(
            f"{exercise.id} has not passed yet",
            "you see our solutions after you pass, or if you give up, which `progress` then says",
            course_command("show", exercise.id, "--give-up"),
        )
    if not progress.has_passed(exercise):
        progress.of(exercise.id).gave_up = True
        save(progress)
    terminal.note("Our solutions, each in a different style:")
    for number, text in enumerate(exercise.solutions.values(), 1):
        # Beside the exercise, as a solution may import or read what lies there.
        path = exercise.path.with_name(f"{exercise.path.stem}.ours{number}.py")
        path.write_text(text, "utf-8")
        terminal.command(str(path.relative_to(exercises_folder().parent)))
    terminal.note(f"The usual mistake: {exercise.trap}")
    return 0


def reset(terminal: Terminal, word: str) -> int:
    """Put the original back; the learner's file is kept beside it."""
    exercise = exercise_of(word)
    path = exercise.path
    kept: Path | None = None
    if path.exists() and path.read_bytes() != exercise.original.encode():
        kept = _free_name(path)
        path.replace(kept)
    path.parent.mkdir(exist_ok=True)
    path.write_text(exercise.original, "utf-8")
    terminal.note(f"{file_of(exercise)} is the original again.")
    if kept is not None:
        terminal.note(f"Your file is kept as {kept.relative_to(exercises_folder().parent)}.")
    return 0


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.stem}.old{number or ''}.py") for number in range(1000))
    return next(name for name in names if not name.exists())


def trace(terminal: Terminal) -> int:
    """Show what the program did in the last run that was checked."""
    try:
        text = (exercises_folder() / LAST_RUN).read_text("utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    lines = text.splitlines()
    if not lines:
        raise CourseError("nothing was checked yet", attempt=course_command("check"))
    terminal.heading(lines[0], "Requests go to the right, answers come from the left.")
    for line in lines[1:]:
        terminal.wire(line)
    return 0


def list_all(terminal: Terminal) -> int:
    show_list(terminal, load())
    return 0


def skills(terminal: Terminal) -> int:
    show_skills(terminal, load())
    return 0
