#!/usr/bin/env bash
# ECharts as SVG text: a name with a control character makes a picture that is no XML, without an error.
#
# Versions: echarts 6.1.0, zrender 6.1.0 (Node 20.20.2, Python 3.11).
# Behaviour: with {renderer: "svg", ssr: true}, renderToSVGString() escapes <, >, & and quotes in texts; the character
#   U+0001 in a series' name stays as it is, which XML has no place for, and no parser takes the result.
# Why it matters: a browser shows nothing where such a picture is an image. Names have to be made visible before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" echarts@6.1.0

cat > "$folder/draw.mjs" <<'JAVASCRIPT'
import * as echarts from "echarts";

const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: 300, height: 200 });
const series = [{ type: "line", name: JSON.parse(process.argv[2]), data: [[1, 2], [2, 3]] }];
chart.setOption({ animation: false, legend: {}, xAxis: {}, yAxis: {}, series });
process.stdout.write(chart.renderToSVGString());
chart.dispose(); // or Node never ends
JAVASCRIPT

cat > "$folder/read.py" <<'PYTHON'
import json
import subprocess
import sys
from xml.etree import ElementTree


def draw(name):
    command = ["node", sys.argv[1], json.dumps(name)]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


ElementTree.fromstring(draw("<a> \"'&"))
print("a name with markup is text")
try:
    ElementTree.fromstring(draw("a\u0001b"))
except ElementTree.ParseError as error:
    print("a control character:", error)
else:
    raise AssertionError
PYTHON
python3 "$folder/read.py" "$folder/draw.mjs"
