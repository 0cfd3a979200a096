"""From an `Answer` to the wire: chat completions, and the events of the Responses API."""
