"""From an imported record to the text of the spec that a person would have written."""
