#!/usr/bin/env bash
# Graphviz: references of HTML are read in plain labels between quotes too, and so are \N and \G, not only \n.
#
# Versions: graphviz 2.43.0 (Debian 12).
# Behaviour: label="a&lt;b" shows a<b, although only labels between < and > are called HTML-like; label="\N" shows the
#   name of the node.
# Why it matters: escaping quotes alone, as a string of C, changes names that hold & or \ without any warning.
set -euo pipefail
printf '%s' 'digraph { n [label="a&lt;b"] m [label="\N"] k [label="a&amp;lt;b"] l [label="\\N"] }' |
    dot -Tjson | python3 -c '
import json, sys
texts = {item["name"]: item["_ldraw_"][-1]["text"] for item in json.load(sys.stdin)["objects"]}
print(texts)
assert texts == {"n": "a<b", "m": "m", "k": "a&lt;b", "l": "\\N"}'
