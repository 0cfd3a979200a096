"""Grades the exercises by the traffic that the learner's program makes, never by what it prints.

    check     a program is run three times; each time the texts, ids and faults are drawn anew
    scene     what one run meets: how the server answers, which requests fail (scenes/)
    trace     what passed: requests, answers, events, each with its time
    failure   the first wrong fact in it, shown to the learner

The server is the emulator, in a thread of this process. A scene writes its answers, in place of
the emulator's own, and the emulator sends them by whichever API the program calls. So a pass
doesn't depend on style: any client library will do, synchronous or not, with helpers or raw events.
"""
