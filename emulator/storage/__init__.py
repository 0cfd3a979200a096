"""Files and vector stores: what is uploaded, what is searched in it, and the threads that index."""
