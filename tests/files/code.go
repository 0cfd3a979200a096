// The dome turns.
func f(c chan<- int) { c <- 3 }
