"""Speech recognition, text-to-speech and voice activity detection."""
