"""What the learner sees of exercises: the list, a verdict, a hint, the closing page."""

from common import course_command
from console.terminal import Terminal
from grading.child import Ending, lines_of
from grading.exercise import Exercise, exercises, exercises_folder
from grading.failure import Failure, excerpt_lines
from grading.judge import SEEDS, Verdict
from grading.learner_progress import LearnerProgress

MOST_PRINTED = 5


def name_of(exercise: Exercise) -> str:
    return f"{exercise.id}  {exercise.title}"


def file_of(exercise: Exercise) -> str:
    return str(exercise.path.relative_to(exercises_folder().parent))


def show_task(terminal: Terminal, exercise: Exercise) -> None:
    """Where the exercise is, and how long it should take."""
    terminal.heading(name_of(exercise), f"About {exercise.minutes} minutes. Open this file:")
    terminal.command(file_of(exercise))


def show_start(terminal: Terminal, exercise: Exercise) -> None:
    terminal.say(f"[bold]{name_of(exercise)}[/]")
    terminal.command(file_of(exercise))
    terminal.note(f"It runs up to {SEEDS} times, with different texts each time.")
    terminal.say()


def show_pass(terminal: Terminal, exercise: Exercise, verdict: Verdict) -> None:
    terminal.say(f"[bold green]{exercise.id} passed[/], {SEEDS} runs of {SEEDS}.\n")
    terminal.note(exercise.after)
    for note in verdict.scene.notes(verdict.ending):
        terminal.note(note)
    terminal.say()
    terminal.note("Compare your program with ours:")
    terminal.command(course_command("show", exercise.id))


def show_failure(
    terminal: Terminal, exercise: Exercise, verdict: Verdict, failure: Failure
) -> None:
    """The first wrong fact, why it matters, and what to type."""
    terminal.say(f"[bold red]{exercise.id} has not passed yet.[/]\n")
    terminal.paragraph(failure.fact)
    terminal.say()
    for line in excerpt_lines(failure.excerpt) if failure.excerpt else ():
        terminal.line(line)
    if failure.excerpt:
        terminal.say()
    terminal.note(failure.why)
    show_output(terminal, verdict.ending)
    terminal.say()
    terminal.note("A hint, the same run again, and what your program sent in it:")
    terminal.command(course_command("hint", exercise.id))
    terminal.command(course_command("check", exercise.id, "--seed", str(verdict.seed)))
    terminal.command(course_command("trace"))


def show_output(terminal: Terminal, ending: Ending) -> None:
    """The last lines that the program printed."""
    lines = lines_of(ending.text, MOST_PRINTED)
    if lines:
        terminal.say()
        terminal.note("The last lines that your program printed:")
        for line in lines:
            terminal.line(f"  {line}")


def show_list(terminal: Terminal, progress: LearnerProgress) -> None:
    """All exercises, which are passed, and what comes next."""
    coming = progress.next()
    rows = [
        [each.id, each.title, f"{each.minutes} min", _kind(each), _mark(progress, each, coming)]
        for each in exercises().values()
    ]
    terminal.table(["id", "what you write", "time", "", ""], rows, folded=1)
    every = exercises().values()
    core = [each for each in every if each.is_core]
    done = sum(progress.has_passed(each) for each in core)
    left = sum(each.minutes for each in core if not progress.has_passed(each))
    terminal.say()
    terminal.note(f"{done} of {len(core)} core exercises passed, about {left} minutes are left.")
    changed = [each.id for each in every if progress.has_changed(each)]
    if changed:
        words = "has" if len(changed) == 1 else "have"
        terminal.note(f"{', '.join(changed)} {words} changed since you passed. Check again.")
    if coming:
        terminal.note("Next:")
        terminal.command(file_of(coming))
        terminal.command(course_command("check", coming.id))


def _mark(progress: LearnerProgress, exercise: Exercise, coming: Exercise | None) -> str:
    if progress.has_changed(exercise):
        return "changed"
    if progress.has_passed(exercise):
        return "passed"
    return "next" if exercise is coming else ""


def _kind(exercise: Exercise) -> str:
    return "" if exercise.is_core else "optional"


def show_hint(terminal: Terminal, exercise: Exercise, number: int) -> None:
    """Hint `number`, counted from 1; one of several lines is code."""
    terminal.say(f"[bold]{exercise.id}, hint {number} of {len(exercise.hints)}[/]\n")
    hint = exercise.hints[number - 1]
    if "\n" in hint:
        for line in hint.splitlines():
            terminal.line(f"  {line}")
    else:
        terminal.note(hint)
    if number < len(exercise.hints):
        terminal.say()
        terminal.note("Ask again for the next hint.")


def show_skills(terminal: Terminal, progress: LearnerProgress) -> None:
    """The closing page: what the learner can do now, each with the exercise that shows it."""
    passed = [each for each in exercises().values() if progress.has_passed(each)]
    if not passed:
        terminal.note("No exercise is passed yet. Begin here:")
        terminal.command(course_command("learn"))
        return
    terminal.heading("What you can do now")
    for each in passed:
        helped = " (with our solution)" if progress.of(each.id).gave_up else ""
        terminal.say(f"  {each.id}  you can {each.skill}{helped}", markup=False)
    left = [each for each in exercises().values() if each.is_core and each not in passed]
    terminal.say()
    if left:
        terminal.note(f"{len(left)} core exercises are left: {', '.join(e.id for e in left)}.")
    else:
        terminal.note(
            "All core exercises are passed. Write a program of your own; examples/ helps."
        )
