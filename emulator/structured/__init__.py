"""Values for a JSON schema, taken out of what a caller wrote; no model is asked."""
