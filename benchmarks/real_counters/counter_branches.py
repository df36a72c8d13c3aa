"""Layers where several tensors meet, and what no chain can say, written by hand as a spec and as a module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from counter_cases import Case, net, spec_text
from counter_ways import Shape

CONV = "conv: {name: first, out_channels: 8, kernel_size: 1}"
MADE = "nn.Conv2d(6, 8, 1)"
MAP: Shape = (6, 7, 5)
TOKENS: Shape = (10, 16)


def _case(
    name: str,
    inputs: Mapping[str, Sequence[int]],
    layers: Sequence[str],
    made: Sequence[str],
    lines: Sequence[str],
    code: dict[str, str] | None = None,
) -> Case:
    """Modules are `self.m1` and on; the lines are those of forward, whose parameters are named as the inputs are."""
    constructor = [f"        self.m{place} = {text}\n" for place, text in enumerate(made, 1)]
    names = ", ".join(inputs) if list(inputs) != ["input"] else "x"
    source = net(constructor, [f"        {line}\n" for line in lines], entering=names)
    return Case(name, spec_text(inputs, layers, code), source)


def branches() -> Iterator[Case]:
    """All of them."""
    yield from _elementwise()
    yield from _products()
    yield from _used_twice()
    yield from _sampled()
    yield from _blocks()


def _elementwise() -> Iterator[Case]:
    ways = {
        "add": {
            "+": "y + x",
            "+=": "y.__iadd__(x)",
            "torch.add": "torch.add(y, x)",
            "x.add": "y.add(x)",
            "x.add_": "y.add_(x)",
        },
        "sub": {"-": "y - x", "torch.sub": "torch.sub(y, x)", "x.sub": "y.sub(x)"},
        "mul": {"*": "y * x", "torch.mul": "torch.mul(y, x)", "x.mul": "y.mul(x)", "x.mul_": "y.mul_(x)"},
        "div": {"/": "y / x", "torch.div": "torch.div(y, x)", "x.div": "y.div(x)"},
        "max": {"torch.maximum": "torch.maximum(y, x)", "torch.max": "torch.max(y, x)"},
        "min": {"torch.minimum": "torch.minimum(y, x)"},
        "concat": {"torch.cat": "torch.cat([y, x], 1)", "torch.concat": "torch.concat([y, x], 1)"},
    }
    for kind, calls in ways.items():
        for place, (call, expression) in enumerate(calls.items()):
            code = {kind: call} if place and call != "+=" else None
            layers = [CONV.replace("8", "6"), f"{kind}: {{from: [first, input]}}"]
            made = [MADE.replace("8", "6")]
            yield _case(
                f"{kind} as {call}", {"input": MAP}, layers, made, ["y = self.m1(x)", f"x = {expression}"], code
            )
    for kind, call, expression in (
        ("mul", "*", "y * x"),
        ("mul", "torch.mul", "torch.mul(y, x)"),
        ("add", "+", "y + x"),
        ("add", "torch.add", "torch.add(y, x)"),
    ):
        layers = [
            "conv: {name: first, out_channels: 6, kernel_size: 1}",
            "global_avg_pool: {name: mean, keepdim: true}",
            f"{kind}: {{from: [mean, input]}}",
        ]
        code = {kind: call} if call.startswith("torch") else None
        made = ["nn.Conv2d(6, 6, 1)", "nn.AdaptiveAvgPool2d(1)"]
        lines = ["y = self.m2(self.m1(x))", f"x = {expression}"]
        yield _case(f"{kind} of a map and a mean as {call}", {"input": MAP}, layers, made, lines, code)
    layers = ["conv: {name: first, out_channels: 6, kernel_size: 1}", "add: {from: [first, input, first]}"]
    yield _case("add of three", {"input": MAP}, layers, ["nn.Conv2d(6, 6, 1)"], ["y = self.m1(x)", "x = y + x + y"])
    layers = ["conv: {name: first, out_channels: 6, kernel_size: 1}", "concat: {from: [first, input, first]}"]
    yield _case(
        "concat of three",
        {"input": MAP},
        layers,
        ["nn.Conv2d(6, 6, 1)"],
        ["y = self.m1(x)", "x = torch.cat([y, x, y], 1)"],
    )
    layers = [CONV, "sigmoid: {name: gate}", "mul: {from: [gate, first]}"]
    yield _case(
        "silu by hand", {"input": MAP}, layers, [MADE, "nn.Sigmoid()"], ["x = self.m1(x)", "x = self.m2(x) * x"]
    )
    layers = [
        "parameter: {name: positions, from: input, sizes: [10, 16]}",
        "add: {from: [input, positions]}",
        "linear: 8",
    ]
    made = ["nn.Parameter(torch.randn(1, 10, 16))", "nn.Linear(16, 8)"]
    yield _case("a position embedding", {"input": TOKENS}, layers, made, ["x = self.m2(x + self.m1)"])
    layers = ["parameter: {name: token, from: input, sizes: [1, 16]}", "concat: {from: [token, input]}", "linear: 8"]
    made = ["nn.Parameter(torch.randn(1, 1, 16))", "nn.Linear(16, 8)"]
    yield _case("a class token", {"input": TOKENS}, layers, made, ["x = self.m2(torch.cat([self.m1, x], 1))"])


def _products() -> Iterator[Case]:
    layers = [
        "linear: {name: query, from: input, out_features: 12}",
        "linear: {name: key, from: input, out_features: 12}",
        "permute: {name: turned, axes: [1, 0]}",
        "matmul: {from: [query, turned]}",
    ]
    made = ["nn.Linear(16, 12)", "nn.Linear(16, 12)"]
    ways = {
        "torch.matmul": "torch.matmul(q, k)",
        "@": "q @ k",
        "torch.bmm": "torch.bmm(q, k)",
        "x.matmul": "q.matmul(k)",
        "x.bmm": "q.bmm(k)",
        "torch.einsum": 'torch.einsum("bij,bjk->bik", q, k)',
    }
    for call, expression in ways.items():
        lines = ["q = self.m1(x)", "k = self.m2(x).permute(0, 2, 1)", f"x = {expression}"]
        code = {"matmul": call} if call != "torch.matmul" else None
        yield _case(f"matmul as {call}", {"input": TOKENS}, layers, made, lines, code)
    softmax_layers = [*layers, "softmax: {axis: 1}"]
    for call, expression in (
        ("nn", "self.m3(x)"),
        ("F.softmax", "F.softmax(x, dim=-1)"),
        ("x.softmax", "x.softmax(dim=-1)"),
    ):
        lines = ["q = self.m1(x)", "k = self.m2(x).permute(0, 2, 1)", "x = q @ k", f"x = {expression}"]
        code = {"matmul": "@"} | ({"softmax": call} if call != "nn" else {})
        softmax = [*made, "nn.Softmax(dim=-1)"] if call == "nn" else made
        yield _case(f"softmax of scores as {call}", {"input": TOKENS}, softmax_layers, softmax, lines, code)
    heads: Shape = (4, 10, 16)
    three = {"query": heads, "key": heads, "value": heads}
    layers = ["linear: {name: projected, from: query, out_features: 16}"]
    layers += ["scaled_dot_product_attention: {from: [projected, key, value]}"]
    attended = "x = F.scaled_dot_product_attention(self.m1(query), key, value)"
    yield _case("attention of heads", three, layers, ["nn.Linear(16, 16)"], [attended])
    layers[1] = "scaled_dot_product_attention: {from: [projected, key, value], is_causal: true}"
    attended = attended.replace("value)", "value, is_causal=True)")
    yield _case("causal attention of heads", three, layers, ["nn.Linear(16, 16)"], [attended])
    layers = [
        "linear: {name: projected, from: query, out_features: 16}",
        "permute: {name: turned, from: key, axes: [0, 2, 1]}",
        "matmul: {name: scores, from: [projected, turned]}",
        "affine: {name: scaled, factor: 0.25}",
        "softmax: {name: weights, axis: 2}",
        "matmul: {from: [weights, value]}",
    ]
    for call in ("@", "torch.matmul"):
        scores, value = ("q @ k", "s @ value") if call == "@" else ("torch.matmul(q, k)", "torch.matmul(s, value)")
        lines = [
            "q, k = self.m1(query), key.transpose(-2, -1)",
            f"s = F.softmax({scores} * 0.25, dim=-1)",
            f"x = {value}",
        ]
        code = {"softmax": "F.softmax"} | ({"matmul": "@"} if call == "@" else {})
        yield _case(f"attention of heads by {call}", three, layers, ["nn.Linear(16, 16)"], lines, code)


def _used_twice() -> Iterator[Case]:
    conv = "conv: {name: first, out_channels: 6, kernel_size: 3, padding: 1}"
    made = ["nn.Conv2d(6, 6, 3, padding=1)"]
    yield _case(
        "a module called twice", {"input": MAP}, [conv, "conv: {share: first}"], made, ["x = self.m1(self.m1(x))"]
    )
    layers = [conv, "relu", "conv: {share: first}", "relu"]
    lines = ["x = self.m2(self.m1(x))", "x = self.m2(self.m1(x))"]
    yield _case("conv and relu called twice", {"input": MAP}, layers, [*made, "nn.ReLU()"], lines)
    layers = [conv, "relu", "batch_norm", "relu"]
    made = [*made, "nn.ReLU(inplace=True)", "nn.BatchNorm2d(6)"]
    yield _case(
        "relu in place, called twice", {"input": MAP}, layers, made, ["x = self.m2(self.m3(self.m2(self.m1(x))))"]
    )


def _sampled() -> Iterator[Case]:
    two = {"picture": (6, 9, 8), "grid": (5, 4, 2)}
    first = "conv: {name: first, from: picture, out_channels: 8, kernel_size: 1}"
    for mode in ("bilinear", "nearest", "bicubic"):
        layers = [first, f"grid_sample: {{from: [first, grid], mode: {mode}}}"]
        line = f"x = F.grid_sample(self.m1(picture), grid, mode={mode!r}, align_corners=False)"
        yield _case(f"grid_sample {mode}", two, layers, [MADE], [line])
    layers = [
        "conv: {name: offset, out_channels: 18, kernel_size: 3, padding: 1}",
        "deform_conv: {from: [input, offset], out_channels: 8, kernel_size: 3, padding: 1}",
    ]
    made = ["nn.Conv2d(6, 18, 3, padding=1)", "torchvision.ops.DeformConv2d(6, 8, 3, padding=1)"]
    yield _case("deform_conv", {"input": MAP}, layers, made, ["x = self.m2(x, self.m1(x))"])
    layers = ["embedding: {num_embeddings: 50, embedding_dim: 16}"]
    yield _case("embedding", {"indices": (12,)}, layers, ["nn.Embedding(50, 16)"], ["x = self.m1(indices)"])
    layers.append("linear: 8")
    made = ["nn.Embedding(50, 16)", "nn.Linear(16, 8)"]
    yield _case("embedding and linear", {"indices": (12,)}, layers, made, ["x = self.m2(self.m1(indices))"])
    layers = [
        CONV,
        "max_pool: {name: largest, kernel_size: 2}",
        "max_pool_indices: {name: places, from: first, kernel_size: 2}",
        "max_unpool: {from: [largest, places], kernel_size: 2, output_size: [7, 5]}",
    ]
    made = [MADE, "nn.MaxPool2d(2, return_indices=True)", "nn.MaxUnpool2d(2)"]
    lines = ["x = self.m1(x)", "y, places = self.m2(x)", "x = self.m3(y, places, output_size=x.shape)"]
    yield _case("max_pool and max_unpool", {"input": MAP}, layers, made, lines)


def _blocks() -> Iterator[Case]:
    for call in ("nn.Conv2d", "nn.Linear"):
        layers = [
            CONV,
            "global_avg_pool: {name: mean}",
            "linear: {name: squeeze, out_features: 4}",
            "relu",
            "linear: {name: expand, out_features: 8}",
            "sigmoid: {name: gate}",
            "mul: {from: [first, gate]}",
        ]
        is_linear = call == "nn.Linear"
        made = [MADE, "nn.AdaptiveAvgPool2d(1)"]
        made += ["nn.Linear(8, 4)", "nn.Linear(4, 8)"] if is_linear else ["nn.Conv2d(8, 4, 1)", "nn.Conv2d(4, 8, 1)"]
        made += ["nn.ReLU()", "nn.Sigmoid()"]
        mean, gate = ("self.m2(x).flatten(1)", "s[:, :, None, None]") if is_linear else ("self.m2(x)", "s")
        lines = ["x = self.m1(x)", f"s = self.m6(self.m4(self.m5(self.m3({mean}))))", f"x = x * {gate}"]
        code = None if is_linear else {"linear": "nn.Conv2d"}
        yield _case(f"squeeze and excitation of {call}", {"input": MAP}, layers, made, lines, code)
    layers = [
        "layer_norm: {name: norm1}",
        "attention: {name: attention, num_heads: 4}",
        "add: {name: first, from: [attention, input]}",
        "layer_norm: {name: norm2}",
        "linear: {name: expand, out_features: 32}",
        "gelu",
        "linear: {name: project, out_features: 16}",
        "add: {from: [project, first]}",
    ]
    made = ["nn.LayerNorm(16)", "nn.MultiheadAttention(16, 4, batch_first=True)", "nn.LayerNorm(16)"]
    made += ["nn.Linear(16, 32)", "nn.GELU()", "nn.Linear(32, 16)"]
    lines = ["y = self.m1(x)", "x = x + self.m2(y, y, y, need_weights=False)[0]"]
    lines += ["x = x + self.m6(self.m5(self.m4(self.m3(x))))"]
    yield _case("a block of a transformer", {"input": TOKENS}, layers, made, lines)
    layers = [
        "layer_norm: {name: norm1, from: input}",
        "linear: {name: expand, out_features: 32}",
        "relu",
        "linear: {name: project, out_features: 16}",
        "layer_norm: {name: norm2}",
    ]
    made = ["nn.LayerNorm(16)", "nn.Linear(16, 32)", "nn.Linear(32, 16)", "nn.LayerNorm(16)"]
    yield _case(
        "tokens through linear layers",
        {"input": TOKENS},
        layers,
        made,
        ["x = self.m4(self.m3(F.relu(self.m2(self.m1(x)))))"],
        {"relu": "F.relu"},
    )
