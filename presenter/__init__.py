"""Shows the lessons to a class, part by part, from recordings: `python3 course.py present`.

course_show.py      what is shown: the parts, their code, their recorded output
pane.py             what a lesson's output looks like on a terminal, line by line
traffic.py          the traffic, in entries that can be read
show_player.py      where the show is, and what each key does; without a terminal or a clock
show_sound.py       what can be heard of a call, in time with the show
live_part.py        a part that is run now, by a lesson in a process of its own
terminal_view.py    draws it on a terminal
terminal_screen.py  that terminal: its keys, and a screen that leaves no trace
html_export.py      writes it as a page for a browser
course_plan.py      the plan of the five hours
plan_clock.py       where the class is in the plan
speaker_notes.py    what the instructor sees in a second terminal
"""
