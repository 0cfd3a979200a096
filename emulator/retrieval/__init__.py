"""Finding passages: text becomes numbers that can be compared."""
