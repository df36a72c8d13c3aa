"use strict";
/* What can be seen of a network while some of its parts are open, and how that is joined. No picture, no page. */
(function () {
  /**
   * For every part what stands for it: its own id where it is closed and all around it are open, the id of the closed
   * part around it, or null where it is open and what is inside of it can be seen.
   */
  function standIns(network, open) {
    const ids = [];
    network.parts.forEach((part, index) => {
      const around = part.parent == null ? null : ids[part.parent]; // parts come before those inside of them
      ids.push(around ?? (open.has(index) ? null : `p${index}`));
    });
    return ids;
  }

  /** For every layer the id of what is seen of it: its own, or that of a closed part. */
  convcalc.seen = function (network, open) {
    const ids = standIns(network, open);
    return convcalc.parents(network).map((part, index) => (part === -1 ? null : ids[part]) ?? `n${index}`);
  };

  /** The edges between what is seen, without repetition, in the order of the layers that they lead to. */
  function edges(network, seen) {
    const joined = new Map();
    network.nodes.forEach((node, index) => {
      for (const source of node.inputs) {
        const [from, to] = [seen[source], seen[index]];
        if (from === to) continue;
        const key = `${from} ${to}`;
        if (!joined.has(key)) joined.set(key, { from, to, shapes: new Set() });
        joined.get(key).shapes.add(network.nodes[source].shape);
      }
    });
    return [...joined.values()].map(({ from, to, shapes }) => ({ from, to, shapes: [...shapes] }));
  }

  /**
   * What is seen while the parts of the set `open` are open:
   * nodes [{id, parent, output}] in the order they run, clusters [{id, parent}] (open parts, the outer ones first) and
   * edges [{from, to, shapes}]. `parent` is the id of the cluster directly around, or null; `output` says whether
   * an output of the network is in it; `shapes` are the different shapes of the tensors that flow there.
   */
  convcalc.visible = function (network, open) {
    const seen = convcalc.seen(network, open);
    const parents = convcalc.parents(network);
    const outputs = new Set(network.outputs.map((index) => seen[index]));
    const id = (part) => (part == null || part === -1 ? null : `p${part}`);
    const nodes = [...new Set(seen)].map((node) => {
      const index = Number(node.slice(1));
      const parent = node[0] === "n" ? parents[index] : network.parts[index].parent;
      return { id: node, parent: id(parent), output: outputs.has(node) };
    });
    const ids = standIns(network, open);
    const clusters = network.parts
      .map((part, index) => ({ id: `p${index}`, parent: id(part.parent) }))
      .filter((cluster, index) => ids[index] === null);
    return { nodes, clusters, edges: edges(network, seen) };
  };

  /** The places of the parts that are open where `depth` levels of them are. */
  convcalc.openTo = function (network, depth) {
    const depths = [];
    network.parts.forEach((part) => depths.push(part.parent == null ? 0 : depths[part.parent] + 1));
    return new Set(depths.flatMap((at, index) => (at < depth ? [index] : [])));
  };
})();
