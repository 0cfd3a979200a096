"""What a lesson's `main` needs: its frame, the terminal, pictures, error messages, the doctor."""
