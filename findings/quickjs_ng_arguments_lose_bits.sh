#!/usr/bin/env bash
# quickjs-ng from Python: an int beyond 32 bits is another number in JavaScript, and a text ends at its first NUL.
#
# Versions: quickjs-ng 0.17.0.2 (Python 3.11, x86-64).
# Behaviour: a function that returns its argument as JSON gets 2**31 as -2147483648, 4089184256 (the MACs of a ResNet-50)
#   as -205783040, and 2**53 + 1 as 1, without an error; from 2**63 on numbers are right, as is every float. On the way
#   back, "a\0b", which is 3 characters long to JavaScript, is "a" in Python; half a surrogate pair raises
#   UnicodeDecodeError, and given as an argument SystemError.
#   Arguments and results that are JSON, in ASCII, are not touched by any of it.
# Why it matters: counts of layers are just such numbers; they would be wrong in a picture and right in the table.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q quickjs-ng==0.17.0.2

"$folder/venv/bin/python" - <<'PYTHON'
import json
from importlib.metadata import version

import quickjs

context = quickjs.Context()
echo = context.eval("(value) => JSON.stringify(value)")
print(version("quickjs-ng"))
for number in (2**31 - 1, 2**31, 4089184256, 2**53 + 1, 2**62, 2**63, float(2**31)):
    print(number, "->", echo(number))
assert echo(2**31 - 1) == str(2**31 - 1)
assert echo(2**31) == "-2147483648"
assert echo(4089184256) == "-205783040"
assert echo(2**53 + 1) == "1"
assert float(echo(2**63)) == 2**63
assert echo(float(4089184256)) == "4089184256"

text = r'"a\u0000b"'
print("length", context.eval(f"{text}.length"), "value", repr(context.eval(text)))
assert context.eval(f"{text}.length") == 3
assert context.eval(text) == "a"
for ask in (lambda: context.eval(r'"\ud83d"'), lambda: echo("\ud83d")):
    try:
        ask()
    except (UnicodeDecodeError, SystemError) as error:
        print(type(error).__name__)
    else:
        raise AssertionError

by_json = context.eval("(text) => JSON.stringify(JSON.parse(text))")
assert json.loads(by_json(json.dumps([2**53 - 1, "a\0b", "\ud83d"]))) == [2**53 - 1, "a\0b", "\ud83d"]
PYTHON
