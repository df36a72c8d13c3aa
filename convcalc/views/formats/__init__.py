"""How text from outside enters each format: one file a format, and no other way in.

What steers a terminal or a log, or hides, can be seen in all of them (`convcalc.visible`); what is special in a format
is written there as the format has it.
"""
