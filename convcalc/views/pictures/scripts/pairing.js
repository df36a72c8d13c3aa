"use strict";
/* Which layer or block of a network is which of another, and what became of each: worked out once for two networks. */

/**
 * Which layer or block is which on the other side, and what became of it: {marks: [Map, Map], peers: [Map, Map]} for
 * the base and the head, by id. `rows` are those of a head (see sides.py). What is the same has no mark.
 */
convcalc.pairing = function (base, head, rows) {
  const networks = [base, head];
  const marks = [new Map(), new Map()];
  const peers = [new Map(), new Map()];
  const inside = (side, id) => {
    if (id[0] === "n") return [id];
    const { first, last } = convcalc.item(networks[side], id);
    return [id, ...Array.from({ length: last - first }, (_, place) => `n${first + place}`)];
  };
  for (const row of rows) {
    const ids = [row.base ?? [], row.head ?? []].map((own, side) => own.flatMap((id) => inside(side, id)));
    ids.forEach((own, side) => {
      const [other] = ids[1 - side];
      for (const id of own) {
        if (row.mark !== "same") marks[side].set(id, row.mark);
        if (other) peers[side].set(id, other);
      }
    });
  }
  pairBlocks(networks, peers);
  networks.forEach((network, side) => markBlocks(network, marks[side]));
  return { marks, peers };

  /** A block is that of its name, or else the one around what its layers are on the other side, if that is mutual. */
  function pairBlocks(networks, peers) {
    const named = networks.map((network) => new Map(network.parts.map((part, place) => [part.name, place])));
    const around = networks.map((network, side) => network.parts.map((part) => partAround(networks, peers, side, part)));
    networks.forEach((network, side) =>
      network.parts.forEach((part, place) => {
        if (peers[side].has(`p${place}`)) return;
        const guess = around[side][place];
        const mutual = guess !== -1 && around[1 - side][guess] === place ? guess : undefined;
        const other = named[1 - side].get(part.name) ?? mutual;
        if (other === undefined) return;
        peers[side].set(`p${place}`, `p${other}`);
        if (!peers[1 - side].has(`p${other}`)) peers[1 - side].set(`p${other}`, `p${place}`);
      }),
    );
  }

  /** The innermost part of the other network with all that the layers of a part are there; -1 where there is none. */
  function partAround(networks, peers, side, part) {
    const other = networks[1 - side];
    let [first, last] = [Infinity, -1];
    for (let place = part.first; place < part.last; place++) {
      const id = peers[side].get(`n${place}`);
      if (!id) continue;
      const item = convcalc.item(other, id);
      first = Math.min(first, id[0] === "p" ? item.first : Number(id.slice(1)));
      last = Math.max(last, id[0] === "p" ? item.last : Number(id.slice(1)) + 1);
    }
    if (last === -1) return -1;
    let at = convcalc.parents(other)[first];
    while (at !== -1 && other.parts[at].last < last) at = other.parts[at].parent ?? -1;
    return at;
  }

  /** A block is what all in it is: added, removed; or else edited where anything in it was, by itself. */
  function markBlocks(network, marks) {
    network.parts.forEach((part, place) => {
      if (marks.has(`p${place}`)) return;
      const kinds = new Set();
      for (let node = part.first; node < part.last; node++) kinds.add(marks.get(`n${node}`) ?? "same");
      if (kinds.size === 1) {
        const [mark] = kinds;
        if (mark !== "same") marks.set(`p${place}`, mark);
      } else if (["edited", "added", "removed"].some((mark) => kinds.has(mark))) marks.set(`p${place}`, "edited");
      else marks.set(`p${place}`, kinds.has("affected") ? "affected" : "converted");
    });
  }
};
