"use strict";
/* What a page knows and what is chosen in it. Everything hangs on `convcalc`; nothing else is global. */
var convcalc = {};

/** What fills the slots of a page, by the name of the slot: mount(element, state, data). Scripts put theirs in here. */
convcalc.slots = {};

/**
 * The state of one network on the page. Layers and blocks have an id: "n12" is nodes[12], "p3" is parts[3].
 * Every change goes through the methods, which tell whoever subscribed: listener(what), where `what` is "selected",
 * "open", "mode", "search", "marks" or "axes" (charts reach less far or further).
 *
 * Where two networks stand side by side (sides.js), `marks` has what became of a layer or block, by id: "edited",
 * "affected", "added", "removed" or "converted", and nothing where it is the same; `peer` is the state of the other
 * side. A slot may be filled once for each network of the page, so that no id of an element may be fixed, and the
 * colours of both mean the same: a scale reaches to the largest on either side. Alone there are no marks and no peer.
 */
convcalc.State = class {
  constructor(network) {
    this.network = network;
    this.selected = null;
    this.open = new Set(network.open ?? []);
    this.mode = network.mode ?? "macs";
    this.search = "";
    this.marks = new Map();
    this.peer = null;
    this.listeners = [];
  }

  subscribe(listener) {
    this.listeners.push(listener);
  }

  tell(what) {
    for (const listener of this.listeners) listener(what);
  }

  /** Choose a layer or block, and open what is around it, so that it can be seen. */
  select(id) {
    if (id === this.selected) return;
    this.selected = id;
    if (id !== null && this.reveal(id)) this.tell("open");
    this.tell("selected");
  }

  toggle(part) {
    if (!this.open.delete(part)) this.open.add(part);
    this.tell("open");
  }

  colour(mode) {
    this.mode = mode;
    this.tell("mode");
  }

  find(text) {
    this.search = text;
    this.tell("search");
  }

  /** Open the parts around a layer or block; whether any was closed. */
  reveal(id) {
    const closed = convcalc.around(this.network, id).filter((part) => !this.open.has(part));
    for (const part of closed) this.open.add(part);
    return closed.length > 0;
  }
};

/** The part directly around each node, as an index of parts; -1 where there is none. Worked out once a network. */
convcalc.parents = function (network) {
  if (!network.parentOf) {
    const parents = new Array(network.nodes.length).fill(-1);
    network.parts.forEach((part, index) => parents.fill(index, part.first, part.last)); // inner ones come later
    network.parentOf = parents;
  }
  return network.parentOf;
};

/** The parts around a layer or block, by index, the innermost first. */
convcalc.around = function (network, id) {
  const index = Number(id.slice(1));
  let at = id[0] === "n" ? convcalc.parents(network)[index] : network.parts[index].parent ?? -1;
  const parts = [];
  for (; at !== -1; at = network.parts[at].parent ?? -1) parts.push(at);
  return parts;
};

/** What lint finds at a layer or block, or at a layer inside of a block; in a picture alone that is not known. */
convcalc.findingsAt = function (network, id) {
  const part = id[0] === "p" ? network.parts[Number(id.slice(1))] : null;
  const isInside = (at) => part && at[0] === "n" && Number(at.slice(1)) >= part.first && Number(at.slice(1)) < part.last;
  return (network.findings ?? []).filter((finding) => finding.at.some((at) => at === id || isInside(at)));
};

/** Findings by their severity, the gravest first: [["error", [...]], ["info", [...]]]. */
convcalc.bySeverity = function (findings) {
  const of = (severity) => [severity, findings.filter((finding) => finding.severity === severity)];
  return ["error", "warning", "info"].map(of).filter(([, alike]) => alike.length);
};

/** "3 warnings, 1 info"; nothing where there are none. */
convcalc.countedFindings = function (findings) {
  const text = ([severity, { length }]) => convcalc.counted(length, severity, severity === "info" ? severity : undefined);
  return convcalc.bySeverity(findings).map(text).join(", ");
};

/** The layer or block of an id. */
convcalc.item = function (network, id) {
  return (id[0] === "n" ? network.nodes : network.parts)[Number(id.slice(1))];
};
