"""From imported layers to the text of a spec."""
