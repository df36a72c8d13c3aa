#!/usr/bin/env bash
# dagre walks a graph by recursion: a chain of 3,000 nodes, as a flat network is, overflows the stack.
#
# Versions: @dagrejs/dagre 3.1.3 (Node 20.20.2, with the stack of 984 KiB that V8 has unless told otherwise).
# Behaviour: of 1,000 nodes in a row the last one is put in its place; of 3,000, layout throws RangeError: Maximum call
#   stack size exceeded. With eight times the stack (node --stack-size=7872) the same chain is laid out.
# Why it matters: a page cannot ask for a larger stack. What is longer has to be folded before it is laid out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" @dagrejs/dagre@3.1.3

cat > "$folder/chain.mjs" <<'JAVASCRIPT'
import dagre from "@dagrejs/dagre";

const count = Number(process.argv[2]);
const graph = new dagre.graphlib.Graph();
graph.setGraph({ ranksep: 10 });
graph.setDefaultEdgeLabel(() => ({}));
for (let index = 0; index < count; index += 1) {
  graph.setNode(String(index), { width: 10, height: 10 });
  if (index) graph.setEdge(String(index - 1), String(index));
}
try {
  dagre.layout(graph);
  console.log(count, "laid out", graph.node(String(count - 1)).y === 5 + 20 * (count - 1));
} catch (error) {
  console.log(count, error.name);
}
JAVASCRIPT
diff <(node "$folder/chain.mjs" 1000; node "$folder/chain.mjs" 3000) - <<'EXPECTED'
1000 laid out true
3000 RangeError
EXPECTED
(ulimit -s unlimited 2> /dev/null || ulimit -s 16384 2> /dev/null || true; node --stack-size=7872 "$folder/chain.mjs" 3000)
