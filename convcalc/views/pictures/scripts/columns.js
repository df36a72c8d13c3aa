"use strict";
/* A level of a graph that is too high to be looked at, put into columns side by side, as a newspaper is. */
(function () {
  const GUTTER = 46; // between columns, where an edge goes up from one to the next
  const HEAD = 26; // above and below columns that an edge leads on from
  const WORTH = 0.75; // of the height, which columns are to be lower than
  const STEP = 29; // by which the height of columns is tried

  /** The heights at which one edge alone leads on, and nothing else is: where a column may end. From above to below. */
  function cuts(boxes, ways) {
    const ids = Object.keys(boxes).sort((a, b) => boxes[a].y - boxes[b].y);
    const place = new Map(ids.map((id, index) => [id, index]));
    const crossing = new Array(ids.length + 1).fill(0);
    const sole = new Array(ids.length + 1).fill(0); // the sum of the numbers of the edges: of one alone, its number
    ways.forEach(({ from, to }, index) => {
      for (const [at, sign] of [[place.get(from) ?? 0, 1], [place.get(to) ?? ids.length, -1]]) {
        crossing[at] += sign;
        sole[at] += sign * index;
      }
    });
    const places = [];
    let [bottom, count, sum] = [-Infinity, 0, 0];
    ids.slice(0, -1).forEach((id, index) => {
      bottom = Math.max(bottom, boxes[id].y + boxes[id].height);
      count += crossing[index];
      sum += sole[index];
      const top = boxes[ids[index + 1]].y;
      if (count === 1 && bottom < top && place.has(ways[sum].from) && place.has(ways[sum].to)) {
        places.push({ bottom, top, edge: sum });
      }
    });
    return places;
  }

  /** The pieces between the cuts, each with its least and largest x. */
  function pieces(boxes, ways, places) {
    const all = Object.values(boxes);
    const bottom = Math.max(...all.map(({ y, height }) => y + height));
    const tops = [Math.min(...all.map(({ y }) => y)), ...places.map(({ top }) => top)];
    const parts = tops.map((top, index) => ({
      top,
      bottom: places[index]?.bottom ?? bottom,
      cut: places[index] ?? null,
      left: Infinity,
      right: -Infinity,
    }));
    const take = (y, left, right) => {
      const part = parts[Math.max(0, parts.findLastIndex((item) => item.top <= y + 0.01))];
      part.left = Math.min(part.left, left);
      part.right = Math.max(part.right, right);
    };
    for (const { x, y, width } of all) take(y, x, x + width);
    for (const { points, at, wide } of ways) {
      for (const { x, y } of points) take(y, x, x);
      if (wide) take(at.y, at.x - wide / 2, at.x + wide / 2);
    }
    return parts;
  }

  /** Pieces put together to columns that are no higher than a limit, where pieces are not. */
  function filled(parts, limit) {
    const columns = [];
    for (const part of parts) {
      const last = columns[columns.length - 1];
      if (last && part.bottom - last.top <= limit) {
        const [left, right] = [Math.min(last.left, part.left), Math.max(last.right, part.right)];
        columns[columns.length - 1] = { ...part, top: last.top, left, right };
      } else columns.push(part);
    }
    return columns;
  }

  const widthOf = (columns) => columns.reduce((sum, { left, right }) => sum + right - left, (columns.length - 1) * GUTTER);
  const heightOf = (columns) => Math.max(...columns.map(({ top, bottom }) => bottom - top));

  /**
   * As few columns as are no higher than the room, or as many as it has the width for, of about the same height; all in
   * one where little is won.
   */
  function arranged(parts, room) {
    const single = filled(parts, Infinity);
    const height = heightOf(single);
    let best = single;
    for (let limit = room.height; limit < height && best === single; limit = Math.max(limit + STEP, limit * 1.02)) {
      const columns = filled(parts, limit);
      if (columns.length > 1 && widthOf(columns) <= room.width) best = columns;
    }
    for (let limit = heightOf(best); limit > STEP && best !== single; limit -= STEP) {
      const columns = filled(parts, limit);
      if (columns.length > best.length) break;
      if (widthOf(columns) <= room.width && heightOf(columns) < heightOf(best)) best = columns;
    }
    return heightOf(best) <= height * WORTH ? best : single;
  }

  /** The way from the foot of a column to the head of the next: down, up through the gutter, and in from above. */
  function across(way, [from, to], { foot, gutter, head }) {
    const [start, end] = [from.x + from.width / 2, to.x + to.width / 2];
    const corners = [[start, from.y + from.height], [start, foot], [gutter, foot], [gutter, head], [end, head], [end, to.y]];
    const at = { x: gutter + Math.max(10 + way.wide / 2, (end - gutter) / 2), y: head };
    return { ...way, points: corners.map(([x, y]) => ({ x, y })), bent: true, at };
  }

  /**
   * A level {boxes, ways} as it is, or put into columns where it is higher than `room.height` and single edges lead on
   * somewhere; the columns together are no wider than `room.width`.
   */
  convcalc.columned = function ({ boxes, ways }, room) {
    const columns = arranged(pieces(boxes, ways, cuts(boxes, ways)), room);
    if (columns.length === 1) return { boxes, ways };
    const start = columns[0].top + HEAD;
    let x = columns[0].left;
    const shifts = columns.map(({ top, bottom, left, right }) => {
      const [dx, dy] = [x - left, start - top];
      x += right - left + GUTTER;
      return { dx, dy, foot: bottom + dy + HEAD / 2, gutter: x - GUTTER / 2, head: start - HEAD / 2 };
    });
    const column = (y) => shifts[Math.max(0, columns.findLastIndex(({ top }) => top <= y + 0.01))];
    const moved = (item, { dx, dy }) => ({ ...item, x: item.x + dx, y: item.y + dy });
    const placed = Object.fromEntries(Object.entries(boxes).map(([id, item]) => [id, moved(item, column(item.y))]));
    const cut = new Map(columns.slice(0, -1).map((item, index) => [item.cut.edge, shifts[index]]));
    const led = ways.map((way, index) => {
      if (cut.has(index)) return across(way, [placed[way.from], placed[way.to]], cut.get(index));
      const shift = column(way.points[way.from === "top" ? way.points.length - 1 : 0].y);
      return { ...way, points: way.points.map((point) => moved(point, shift)), at: moved(way.at, shift) };
    });
    return { boxes: placed, ways: led };
  };
})();
