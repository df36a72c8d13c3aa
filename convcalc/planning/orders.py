"""The order of layers that needs the least memory, or the best that was met and how far from it that can be.

A set of layers that have run is a state: it says what is alive, whatever the order was. The search goes through states
by the most that was alive on the way there, the least first; the first time all layers have run, nothing needs less.
Where a layer, or a chain of layers that wait for each other, ends with no more alive than before and needs no more
than the search is at, it runs at once: later it would free no less, and nothing is worse off for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

import msgspec

from convcalc import steps
from convcalc.network import Network
from convcalc.planning.graph import Phase, phases
from convcalc.planning.lifetimes import Piece

MOST_MOVES = 200_000
"""Layers that are tried behind what has run, at the most, of one network."""
_MOVE_STEPS = 3
"""Steps that it takes to try one, and some more where many can run."""
_WIDTH = 8
"""States that are kept at once where a good order is looked for, and not the best."""


class State(msgspec.Struct, frozen=True):
    """The layers that have run, as bits, what is alive, the most that was, those that can run, and the way there."""

    done: int
    alive: int
    most: int
    ready: tuple[int, ...]
    before: State | None = None
    ran: int = -1


class Budget(msgspec.Struct):
    """How many layers the search may still try."""

    left: int = MOST_MOVES

    def spend(self, state: State) -> None:
        """Take what it costs to try a layer behind a state; what is not there is owed."""
        self.left -= 1
        if not steps.afford(_MOVE_STEPS + len(state.ready) // 8):
            self.left = 0


def search(network: Network, pieces: Sequence[Piece]) -> tuple[list[int], int]:
    """An order of the layers, and bytes below which no order comes; at most half of the steps that are left."""
    if not network.layers:
        return [], 0
    parts = phases(network, pieces)
    entering = sum(piece.size for piece in pieces if network.nodes[piece.tensors[0]].is_input)
    least = max((entering, *(part.least for part in parts)))
    asked = {index for part in parts for index in part.layers}
    order = [index for index in range(network.input_count, len(network.nodes)) if index not in asked]
    budget = Budget()
    with steps.part():
        for part in parts:
            ran, bound = _ordered(part, least, budget)
            least = max(least, bound)
            order += (part.layers[here] for here in ran)
    return order, least


def _ordered(part: Phase, least: int, budget: Budget) -> tuple[Sequence[int], int]:
    """An order of a phase, and bytes below which none comes; which of those that need at most `least` is the same."""
    written = range(len(part.layers))
    best: Sequence[int] = written
    upper = most_alive(part, written)
    if upper <= least:
        return written, least
    likely = _likely(part, least, budget)
    if likely is not None and likely.most < upper:
        upper, best = likely.most, _way(likely)
    if upper <= least:
        return best, least
    state, bound = _least_needing(part, least, upper, budget)
    return (best if state is None else _way(state)), bound


def most_alive(part: Phase, order: Sequence[int]) -> int:
    """The most that is alive while the layers of a phase run in that order."""
    done, alive, most = 0, part.alive, 0
    for here in order:
        most = max(most, alive + part.brings[here])
        alive += _change(part, here, done)
        done |= 1 << here
    return most


def _change(part: Phase, here: int, done: int) -> int:
    """How much more is alive behind a layer than before it, if that is what has run."""
    left = ~(done | 1 << here)
    change = part.brings[here]
    for users, size in part.ends[here]:
        if not users & left:
            change -= size
    return change


def _start(part: Phase, least: int) -> State:
    ready = tuple(here for here, before in enumerate(part.before) if not before)
    return State(0, part.alive, least, ready)


def _next(part: Phase, state: State, here: int, budget: Budget) -> State:
    """The state behind one more layer; those that it lets run come last."""
    budget.spend(state)
    done = state.done | 1 << here
    ready = [other for other in state.ready if other != here]
    ready += (other for other in part.after[here] if not part.before[other] & ~done)
    most = max(state.most, state.alive + part.brings[here])
    return State(done, state.alive + _change(part, here, state.done), most, tuple(ready), state, here)


def _way(state: State) -> list[int]:
    """The layers in the order in which they ran."""
    ran = []
    while state.before is not None:
        ran.append(state.ran)
        state = state.before
    return ran[::-1]


def _settled(part: Phase, state: State, budget: Budget) -> State:
    """The state behind all that may as well run at once."""
    while (further := _harmless(part, state, budget)) is not None:
        state = further
    return state


def _harmless(part: Phase, state: State, budget: Budget) -> State | None:
    """Behind a layer, or a chain of which each waits for the one before, with no more alive and no new most."""
    for first in state.ready:
        further, here, count = state, first, len(state.ready) - 1
        while True:
            further = _next(part, further, here, budget)
            if further.most > state.most:
                break
            if further.alive <= state.alive:
                return further
            let_run = further.ready[count:]
            if not let_run:
                break
            here, count = min(let_run), len(further.ready) - 1
    return None


def _least_needing(part: Phase, least: int, upper: int, budget: Budget) -> tuple[State | None, int]:
    """The state behind the best order, None where none needs less than `upper`; and bytes below which none comes."""
    everything = (1 << len(part.layers)) - 1
    start = _settled(part, _start(part, least), budget)
    waiting = [(start.most, -start.done.bit_count(), 0, start)]
    known = {start.done: start.most}
    tie = 0
    while waiting:
        most, _, _, state = heappop(waiting)
        if state.done == everything:
            return state, most
        if most > known[state.done]:
            continue
        if budget.left <= 0:
            return None, most
        for here in state.ready:
            if state.alive + part.brings[here] >= upper:
                continue
            further = _settled(part, _next(part, state, here, budget), budget)
            if further.most < known.get(further.done, upper):
                known[further.done] = further.most
                tie += 1
                heappush(waiting, (further.most, -further.done.bit_count(), tie, further))
    return None, upper


def _likely(part: Phase, least: int, budget: Budget) -> State | None:
    """A good order: of the states with as many layers run, those with the least alive so far go on."""
    states = [_settled(part, _start(part, least), budget)]
    ended: State | None = None
    while states:
        further: dict[int, State] = {}
        for state in states:
            if not state.ready:
                ended = state if ended is None or state.most < ended.most else ended
                continue
            if budget.left <= 0:
                return ended
            for here in state.ready:
                new = _settled(part, _next(part, state, here, budget), budget)
                if new.done not in further or new.most < further[new.done].most:
                    further[new.done] = new
        states = sorted(further.values(), key=lambda state: (state.most, state.alive, -state.done.bit_count()))[:_WIDTH]
    return ended
