"""Another server that writes the answers, or embeds the texts, in the emulator's place."""
