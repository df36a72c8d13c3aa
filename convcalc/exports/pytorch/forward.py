"""The body of `forward`: what the tensors are called on the way, and one line for each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convcalc.exports.pytorch.identifiers import identifier
from convcalc.exports.pytorch.items import ModuleItem, Name
from convcalc.exports.pytorch.syntax import (
    Argument,
    Bracketed,
    EnteringTensor,
    Expression,
    Joined,
    Loop,
    Own,
    Placed,
    PythonCall,
    entering,
    flat,
    lines,
    literal,
    written,
)

INDENT = 8
WIDEST_NESTED = 88
"""Characters of a line in which a function is written around what it is of."""
FREE = ("x", "y", "z")


class ForwardBody:
    """Writes the steps of a class; `sources` are the tensors that enter, `leaving` those that leave."""

    def __init__(
        self, items: Sequence[ModuleItem], sources: Sequence[int], leaving: Sequence[int], names: list[str]
    ) -> None:
        self.items, self.leaving = items, leaving
        self.same: dict[int, int] = {}  # tensors that are others under another name
        self.names = dict(zip(sources, names, strict=True))
        self.last_use = self._last_use()
        self.is_narrow = self._widest(sources) <= 2  # as in most blocks, where x and y tell tensors apart
        self.alive = {source for source in sources if source in self.last_use}
        self.steps: list[tuple[str, Expression]] = []
        self.nested = False
        self.inputs = frozenset(names) if len(names) > 1 else frozenset[str]()

    def _canonical(self, tensor: int) -> int:
        return self.same.get(tensor, tensor)

    def _last_use(self) -> dict[int, int]:
        last: dict[int, int] = {}
        for place, item in enumerate(self.items):
            if item.forward == EnteringTensor(0):
                self.same[item.results[0]] = self._canonical(item.sources[0])
                continue
            last |= dict.fromkeys(map(self._canonical, item.sources), place)
        return last | dict.fromkeys(map(self._canonical, self.leaving), len(self.items))

    def _widest(self, sources: Sequence[int]) -> int:
        """How many tensors are there at once, at most."""
        alive, widest = {source for source in sources if source in self.last_use}, 0
        for place, item in enumerate(self.items):
            alive |= {tensor for tensor in item.results if tensor in self.last_use}
            alive = {tensor for tensor in alive if self.last_use[tensor] > place}
            widest = max(widest, len(alive))
        return widest

    def written(self) -> list[str]:
        """The lines of the body."""
        for place, item in enumerate(self.items):
            if item.forward not in ("", EnteringTensor(0)):
                self._step(place, item)
        left = ", ".join(self.names[self._canonical(tensor)] for tensor in self.leaving)
        if self.steps and self.steps[-1][0] == left and "," not in left:
            self.steps[-1] = ("", self.steps[-1][1])
            body = [line for target, made in self.steps[:-1] for line in _statement(target, made)]
            return [*body, *lines("return ", self.steps[-1][1], _unchanged, INDENT)]
        body = [line for target, made in self.steps for line in _statement(target, made)]
        return [*body, f"{' ' * INDENT}return {left}"]

    def _step(self, place: int, item: ModuleItem) -> None:
        sources = [self._canonical(source) for source in item.sources]
        names = [self.names[source] for source in sources]
        held = item.reused or item.attribute

        def render(part: Placed) -> str:
            if isinstance(part, EnteringTensor):
                return names[part.number]
            if isinstance(part, Own):
                return f"self.{held}_{part.part}" if part.part else f"self.{held}"
            return f"self.{part.value.text}" if isinstance(part.value, Name) else literal(part.value)

        dying = [source for source in dict.fromkeys(sources) if self.last_use.get(source) == place]
        expression = _resolved(item.forward, render)
        if self._can_nest(item, dying):
            target, before = self.steps[-1]
            around = _resolved(item.forward, lambda part: "\0" if isinstance(part, EnteringTensor) else render(part))
            nested = _filled(around, before)
            if len(flat(nested, _unchanged)) + len(target) <= WIDEST_NESTED:
                self.steps.pop()
                expression, self.nested = nested, True
            else:
                self.nested = False
        else:
            self.nested = False
        targets = []
        for result in item.results:
            self.names[result] = self._named(item, dying, place)
            if result in self.last_use:
                self.alive.add(result)
            targets.append(self.names[result])
            dying = []
        self.steps.append((", ".join(targets), expression))

    def _can_nest(self, item: ModuleItem, dying: list[int]) -> bool:
        """Whether a function of one tensor may be written around the step before, which made that for it alone."""
        if item.held or item.reused or self.nested or not self.steps or not isinstance(item.forward, PythonCall):
            return False
        used = list(entering(item.forward))
        return (
            isinstance(item.forward.function, str)
            and len(used) == 1
            and len(dying) == len(item.sources) == 1
            and self.steps[-1][0] == self.names[dying[0]]
            and isinstance(self.steps[-1][1], PythonCall)
        )

    def _named(self, item: ModuleItem, dying: list[int], place: int) -> str:
        self.alive = {tensor for tensor in self.alive if self.last_use[tensor] > place}
        alive = {self.names[tensor] for tensor in self.alive}
        reusable = [self.names[source] for source in dying if self.names[source] not in self.inputs]
        if reusable:
            return reusable[0]
        free = [name for name in FREE if name not in alive]
        if self.is_narrow and free:
            return free[0]
        if "x" not in alive and not self.inputs & {"x"}:
            return "x"
        return identifier(item.attribute.replace("[", "_").rstrip("]"), alive)


def _statement(target: str, made: Expression) -> list[str]:
    return lines(f"{target} = " if target else "", made, _unchanged, INDENT)


def _unchanged(part: Placed) -> str:
    raise TypeError(part)


def _resolved(expression: Expression, render: Callable[[Placed], str]) -> Expression:
    """An expression in which all that depends on where it stands is text."""
    if isinstance(expression, PythonCall):
        arguments = tuple(
            Argument(_resolved(argument.value, render), argument.keyword) for argument in written(expression, render)
        )
        return PythonCall(_resolved(expression.function, render), arguments)
    if isinstance(expression, Joined):
        return Joined(tuple(_resolved(part, render) for part in expression.parts))
    if isinstance(expression, Bracketed):
        return Bracketed(tuple(_resolved(item, render) for item in expression.items))
    return expression if isinstance(expression, str | Loop) else render(expression)


def _filled(around: Expression, inner: Expression) -> Expression:
    """An expression with another in the one place that is left open."""
    if around == "\0":
        return inner
    if isinstance(around, PythonCall):
        arguments = tuple(Argument(_filled(argument.value, inner), argument.keyword) for argument in around.arguments)
        return PythonCall(around.function, arguments)
    return around
