"""Files that hold several kinds which are written alike, each a class with its page of the manual."""
