"""Files that hold several kinds which are written alike: `KINDS` has them by name."""
