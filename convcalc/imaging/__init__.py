"""Pictures: files read into the numbers that a network takes, and numbers drawn as pictures. Pillow is an extra."""
