# The dome turns.


def f(*args, **kwargs):
    return __name__
