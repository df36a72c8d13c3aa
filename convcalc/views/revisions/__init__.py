"""Files against a revision as text, in each output format: a summary over all of them, then each that changed."""
