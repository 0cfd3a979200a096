"""The Realtime API: a session as a machine of events in and out, and what comes in checked."""
