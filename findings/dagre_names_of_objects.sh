#!/usr/bin/env bash
# dagre: a graph with a node called "constructor" or "toString" cannot be laid out.
#
# Versions: @dagrejs/dagre 3.1.3, @dagrejs/graphlib 4.0.6 (Node 20.20.2).
# Behaviour: names of nodes are keys of plain objects, which have such names of their own: setNode takes them, and an
#   edge or the layout throws a TypeError that names no node.
# Why it matters: names of layers are what people and exporters write. Ids that are made up, as n0 and n1, always work.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" @dagrejs/dagre@3.1.3

cat > "$folder/names.mjs" <<'JAVASCRIPT'
import assert from "node:assert";
import dagre from "@dagrejs/dagre";

const layout = (from, to) => {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({});
  graph.setDefaultEdgeLabel(() => ({}));
  for (const name of [from, to]) graph.setNode(name, { width: 10, height: 10 });
  graph.setEdge(from, to);
  dagre.layout(graph);
  return graph;
};

console.log(dagre.version);
assert.equal(layout("a", "b").node("b").y, 65);
for (const name of ["constructor", "toString"]) {
  assert.throws(() => layout(name, "b"), (error) => {
    console.log(`${name}:`, String(error));
    return error instanceof TypeError && !error.message.includes(name);
  });
}
JAVASCRIPT
node "$folder/names.mjs"
