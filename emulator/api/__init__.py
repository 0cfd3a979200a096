"""The families of the API: each module parses a request, has it answered, encodes the answer."""
