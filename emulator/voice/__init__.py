"""Hears, speaks, and tells speech from silence: what a spoken conversation needs."""
