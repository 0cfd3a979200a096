# The dome turns.
def f(*a) = a.map { |x| x << 3 }
