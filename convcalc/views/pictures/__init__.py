"""Pictures of networks: what is drawn by scripts, which run in a page and in an engine of our own alike."""
