"""What records show of themselves: ``views/notebook/<record>.py`` is for the class of that name, found by being there.

`line(record)` is what it prints as, `html(record)` what a notebook shows, `document(record)` its JSON, and
`frame(record)` a DataFrame; see `convcalc.presenting`.
"""
