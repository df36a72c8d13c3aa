"""The spec language, feature by feature: small specs, and what they mean worked out by hand.

Most specs start from two channels of 4x4 positions, so that a 1x1 convolution to c channels without a bias has
2·c parameters and 32·c MACs.
"""

from __future__ import annotations

import operator
from fractions import Fraction
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import convcalc
from convcalc.language import Source, SpecError
from convcalc.language.document import loads
from convcalc.language.expressions import LONGEST, MOST_BITS, Expression, ExpressionError

PW = "pw: {parameters: {c: required}, layers: [conv: {name: mix, out_channels: c, kernel_size: 1, bias: false}]}"


def network_of(text: str, **given: Any) -> convcalc.Network:
    return loads(Source("<test>", dedent(text)), **given)


def report_of(text: str, **given: Any) -> convcalc.Report:
    return convcalc.analyze(network_of(text, **given))


def shown(report: convcalc.Report) -> list[str]:
    """A line a layer: name, what enters, the shape, params and MACs."""
    return [
        f"{row.name} <- {' '.join(row.inputs)}: {'x'.join(map(str, row.output_shape))} {row.params} {row.macs}"
        for row in report.layers
    ]


def outputs(network: convcalc.Network) -> list[str]:
    return [network.nodes[index].name for index in network.outputs]


NETWORKS = {
    "sequence": (
        """
        input: [2, 4, 4]
        layers: [conv: {out_channels: 3, kernel_size: 1, bias: false}, relu, conv: {out_channels: 1, kernel_size: 3}]
        """,
        ["conv1 <- input: 3x4x4 6 96", "relu1 <- conv1: 3x4x4 0 0", "conv2 <- relu1: 1x2x2 28 108"],
    ),
    "no layers": ("{input: [2, 4, 4], layers: []}", []),
    "automatic names count within their kind, named layers among them": (
        """
        input: [2, 4, 4]
        layers: [relu, relu: {name: r}, relu, sigmoid, relu]
        """,
        [
            "relu1 <- input: 2x4x4 0 0",
            "r <- relu1: 2x4x4 0 0",
            "relu3 <- r: 2x4x4 0 0",
            "sigmoid1 <- relu3: 2x4x4 0 0",
            "relu4 <- sigmoid1: 2x4x4 0 0",
        ],
    ),
    "from by name, from a list, input and previous": (
        """
        input: [2, 4, 4]
        layers:
          - conv: {name: a, out_channels: 3, kernel_size: 1, bias: false}
          - conv: {name: b, from: input, out_channels: 5, kernel_size: 1, bias: false}
          - concat: {name: c, from: [a, previous, input]}
          - relu: {from: a}
          - add: {from: [previous, previous, a]}
        """,
        [
            "a <- input: 3x4x4 6 96",
            "b <- input: 5x4x4 10 160",
            "c <- a b input: 10x4x4 0 0",
            "relu1 <- a: 3x4x4 0 0",
            "add1 <- relu1 relu1 a: 3x4x4 0 0",
        ],
    ),
    "branches start where the merge stands, the empty one is the identity": (
        """
        input: [2, 4, 4]
        layers:
          - relu
          - concat:
              branches:
                - []
                - - conv: {out_channels: 3, kernel_size: 1, bias: false}
                  - conv: {out_channels: 4, kernel_size: 1, bias: false}
                - - sigmoid
        """,
        [
            "relu1 <- input: 2x4x4 0 0",
            "conv1 <- relu1: 3x4x4 6 96",
            "conv2 <- conv1: 4x4x4 12 192",
            "sigmoid1 <- relu1: 2x4x4 0 0",
            "concat1 <- relu1 conv2 sigmoid1: 8x4x4 0 0",
        ],
    ),
    "branches within branches": (
        """
        input: [2, 4, 4]
        layers:
          - add: {name: outer, branches: [[], [relu, concat: {name: inner, branches: [[sigmoid], [tanh]]},
                  conv: {out_channels: 2, kernel_size: 1, bias: false}]]}
        """,
        [
            "relu1 <- input: 2x4x4 0 0",
            "sigmoid1 <- relu1: 2x4x4 0 0",
            "tanh1 <- relu1: 2x4x4 0 0",
            "inner <- sigmoid1 tanh1: 4x4x4 0 0",
            "conv1 <- inner: 2x4x4 8 128",
            "outer <- input conv1: 2x4x4 0 0",
        ],
    ),
    "from says where branches start": (
        "{input: [2, 4, 4], layers: [relu: {name: r}, sigmoid, add: {from: r, branches: [[], [tanh]]}]}",
        [
            "r <- input: 2x4x4 0 0",
            "sigmoid1 <- r: 2x4x4 0 0",
            "tanh1 <- r: 2x4x4 0 0",
            "add1 <- r tanh1: 2x4x4 0 0",
        ],
    ),
    "a name given in a branch holds behind the merge": (
        "{input: [2, 4, 4], layers: [add: {branches: [[relu: {name: r}], [sigmoid]]}, tanh: {from: r}]}",
        [
            "r <- input: 2x4x4 0 0",
            "sigmoid1 <- input: 2x4x4 0 0",
            "add1 <- r sigmoid1: 2x4x4 0 0",
            "tanh1 <- r: 2x4x4 0 0",
        ],
    ),
    "a repeated merge with branches": (
        """
        input: [2, 4, 4]
        layers:
          - add:
              name: residual
              repeat: 2
              branches: [[], [conv: {name: c, out_channels: in_channels, kernel_size: 1, bias: index == 1}]]
        """,
        [
            "residual.0.c <- input: 2x4x4 4 64",
            "residual.0 <- input residual.0.c: 2x4x4 0 0",
            "residual.1.c <- residual.0: 2x4x4 6 64",
            "residual.1 <- residual.0 residual.1.c: 2x4x4 0 0",
        ],
    ),
    "a dense block: each repetition adds what it made": (
        """
        input: [2, 4, 4]
        layers: [concat: {repeat: 2, branches: [[], [conv: {out_channels: 3, kernel_size: 1, bias: false}]]}, relu]
        """,
        [
            "concat1.0.conv1 <- input: 3x4x4 6 96",
            "concat1.0 <- input concat1.0.conv1: 5x4x4 0 0",
            "concat1.1.conv1 <- concat1.0: 3x4x4 15 240",
            "concat1.1 <- concat1.0 concat1.1.conv1: 8x4x4 0 0",
            "relu1 <- concat1.1: 8x4x4 0 0",
        ],
    ),
    "blocks with parameters": (
        """
        input: [2, 4, 4]
        blocks:
          unit:
            about: a convolution and its activation
            parameters: {channels: required, kernel: 1, wide: 2 * channels, all: wide + in_channels}
            layers:
              - conv: {out_channels: all, kernel_size: kernel, bias: false}
              - relu
        layers:
          - unit: {name: a, channels: 3}
          - unit: {channels: 1, kernel: 3, wide: 4}
          - relu: {from: a}
        """,
        [
            "a.conv1 <- input: 8x4x4 16 256",  # 2·3 + 2
            "a.relu1 <- a.conv1: 8x4x4 0 0",
            "unit2.conv1 <- a.relu1: 12x2x2 864 3456",  # 4 + 8
            "unit2.relu1 <- unit2.conv1: 12x2x2 0 0",
            "relu1 <- a.relu1: 8x4x4 0 0",
        ],
    ),
    "a block with one required parameter takes it bare, a block without any stands as a word": (
        f"""
        input: [2, 4, 4]
        blocks: {{{PW}, act: {{layers: [relu]}}}}
        layers: [pw: 3, act]
        """,
        ["pw1.mix <- input: 3x4x4 6 96", "act1.relu1 <- pw1.mix: 3x4x4 0 0"],
    ),
    "in a block `input` is what enters the block, `previous` the layer before": (
        f"""
        input: [2, 4, 4]
        blocks: {{{PW}, skip: {{layers: [sigmoid, tanh, add: {{from: [previous, input]}}]}}}}
        layers: [relu, skip]
        """,
        [
            "relu1 <- input: 2x4x4 0 0",
            "skip1.sigmoid1 <- relu1: 2x4x4 0 0",
            "skip1.tanh1 <- skip1.sigmoid1: 2x4x4 0 0",
            "skip1.add1 <- skip1.tanh1 relu1: 2x4x4 0 0",
        ],
    ),
    "blocks within blocks, defined in any order": (
        f"""
        input: [2, 4, 4]
        blocks:
          outer: {{parameters: {{c: required}}, layers: [pw: {{name: first, c: c}}, pw: 2 * c]}}
          {PW}
        layers: [outer: 3]
        """,
        ["outer1.first.mix <- input: 3x4x4 6 96", "outer1.pw2.mix <- outer1.first.mix: 6x4x4 18 288"],
    ),
    "a block sees the variables of the spec": (
        """
        input: [2, 4, 4]
        variables: {w: 3}
        blocks: {b: {parameters: {c: w + 1}, layers: [conv: {out_channels: c * w, kernel_size: 1, bias: false}]}}
        layers: [b]
        """,
        ["b1.conv1 <- input: 12x4x4 24 384"],
    ),
    "a block sees the variables, not the parameters of the block around it": (
        """
        input: [2, 4, 4]
        variables: {w: 5}
        blocks:
          inner: {layers: [conv: {out_channels: w, kernel_size: 1, bias: false}]}
          outer: {parameters: {w: required}, layers: [inner]}
        layers: [outer: 3]
        """,
        ["outer1.inner1.conv1 <- input: 5x4x4 10 160"],
    ),
    "a parameter hides a variable of its name": (
        """
        input: [2, 4, 4]
        variables: {w: 5}
        blocks: {b: {parameters: {w: 3}, layers: [conv: {out_channels: w, kernel_size: 1, bias: false}]}}
        layers: [b, b: {w: 2 * w}]
        """,
        ["b1.conv1 <- input: 3x4x4 6 96", "b2.conv1 <- b1.conv1: 10x4x4 30 480"],
    ),
    "a block of the spec hides the shipped one of its name": (
        """
        input: [2, 4, 4]
        blocks: {squeeze_excite: {layers: [relu]}}
        layers: [squeeze_excite]
        """,
        ["squeeze_excite1.relu1 <- input: 2x4x4 0 0"],
    ),
    "a list is an argument": (
        """
        input: [2, 4, 4]
        blocks: {b: {parameters: {k: [1, 1]}, layers: [conv: {out_channels: 1, kernel_size: k, bias: false}]}}
        layers: [b: {k: [3, 1]}]
        """,
        ["b1.conv1 <- input: 1x2x4 6 48"],
    ),
    "a word is an argument": (
        """
        input: [2, 4, 4]
        blocks: {b: {parameters: {p: valid}, layers: [conv: {out_channels: 1, kernel_size: 3, padding: p}]}}
        layers: [b: {p: same}, b]
        """,
        ["b1.conv1 <- input: 1x4x4 19 288", "b2.conv1 <- b1.conv1: 1x2x2 10 36"],
    ),
    "a kind repeated": (
        """
        input: [2, 4, 4]
        layers: [conv: {name: c, repeat: 3, out_channels: 2 * in_channels + index, kernel_size: 1, bias: false}, relu]
        """,
        [
            "c.0 <- input: 4x4x4 8 128",
            "c.1 <- c.0: 9x4x4 36 576",
            "c.2 <- c.1: 20x4x4 180 2880",
            "relu1 <- c.2: 20x4x4 0 0",
        ],
    ),
    "a block repeated, the first with a stride": (
        """
        input: [2, 4, 4]
        blocks:
          unit: {parameters: {step: 1}, layers: [conv: {out_channels: 2, kernel_size: 1, stride: step, bias: false}]}
        layers: [unit: {name: stage, repeat: 2, step: 2 if index == 0 else 1}, relu: {from: stage}]
        """,
        [
            "stage.0.conv1 <- input: 2x2x2 4 16",
            "stage.1.conv1 <- stage.0.conv1: 2x2x2 4 16",
            "relu1 <- stage.1.conv1: 2x2x2 0 0",
        ],
    ),
    "repeat: 0 leaves the layer out, repeat: 1 is still a repeat": (
        "{input: [2, 4, 4], layers: [relu: {name: r, repeat: 0}, tanh: {name: t, repeat: 1}, sigmoid: {from: r}]}",
        ["t.0 <- input: 2x4x4 0 0", "sigmoid1 <- input: 2x4x4 0 0"],
    ),
    "repeat by expression": (
        "{input: [2, 4, 4], variables: {depths: [1, 2]}, layers: [relu: {repeat: 'depths[1]'}]}",
        ["relu1.0 <- input: 2x4x4 0 0", "relu1.1 <- relu1.0: 2x4x4 0 0"],
    ),
    "a repeated layer starts each time from the one before, unless from says otherwise": (
        """
        input: [2, 4, 4]
        layers: [relu: {name: r}, tanh: {repeat: 2, from: r}, add: {repeat: 2, from: [previous, r]}]
        """,
        [
            "r <- input: 2x4x4 0 0",
            "tanh1.0 <- r: 2x4x4 0 0",
            "tanh1.1 <- r: 2x4x4 0 0",
            "add1.0 <- tanh1.1 r: 2x4x4 0 0",
            "add1.1 <- add1.0 r: 2x4x4 0 0",
        ],
    ),
    "when false, it is as if the layer were not written, and its name stands for the layer before": (
        """
        input: [2, 4, 4]
        layers:
          - relu: {name: a}
          - tanh: {name: b, when: in_channels == 3}
          - sigmoid: {name: c, from: input, when: false}
          - add: {from: [a, b, c, previous]}
          - max_pool: {kernel_size: 2, when: in_channels == 2 and not (rank == 1 or 3 < 2)}
        """,
        ["a <- input: 2x4x4 0 0", "add1 <- a a a a: 2x4x4 0 0", "max_pool1 <- add1: 2x2x2 0 0"],
    ),
    "in_channels is what enters the layer in every field, input_channels what enters the block": (
        """
        input: [2, 4, 4]
        blocks:
          b:
            layers:
              - conv: {out_channels: 5, kernel_size: 1, bias: false}
              - relu: {when: input_channels == 2 and in_channels == 5}
              - tanh: {when: in_channels == 2}
              - sigmoid: {repeat: in_channels - 2 * input_channels}
              - conv: {out_channels: in_channels + 10 * input_channels, kernel_size: 1, bias: false}
        layers: [b]
        """,
        [
            "b1.conv1 <- input: 5x4x4 10 160",
            "b1.relu1 <- b1.conv1: 5x4x4 0 0",
            "b1.sigmoid1.0 <- b1.relu1: 5x4x4 0 0",
            "b1.conv2 <- b1.sigmoid1.0: 25x4x4 125 2000",
        ],
    ),
    "when in a repeat knows the index": (
        "{input: [2, 4, 4], layers: [relu: {name: r, repeat: 3, when: index != 1}]}",
        ["r.0 <- input: 2x4x4 0 0", "r.2 <- r.0: 2x4x4 0 0"],
    ),
    "a branch whose layers are all left out is the identity": (
        "{input: [2, 4, 4], layers: [add: {branches: [[relu], [tanh: {when: false}]]}]}",
        ["relu1 <- input: 2x4x4 0 0", "add1 <- relu1 input: 2x4x4 0 0"],
    ),
    "a merge left out takes its branches with it": (
        "{input: [2, 4, 4], layers: [relu, add: {when: false, branches: [[], [tanh]]}, sigmoid]}",
        ["relu1 <- input: 2x4x4 0 0", "sigmoid1 <- relu1: 2x4x4 0 0"],
    ),
    "a shared convolution: parameters once, MACs each time, fields taken over": (
        """
        input: [2, 4, 4]
        layers:
          - conv: {name: a, out_channels: 2, kernel_size: 3, padding: 1, bias: false}
          - conv: {share: a}
          - conv: {share: a, stride: 2}
        """,
        ["a <- input: 2x4x4 36 576", "conv2 <- a: 2x4x4 0 576", "conv3 <- conv2: 2x2x2 0 144"],
    ),
    "a share of a share": (
        """
        input: [2, 4, 4]
        layers: [linear: {name: a, out_features: 4, bias: false}, linear: {name: b, share: a}, linear: {share: b}]
        """,
        ["a <- input: 2x4x4 16 128", "b <- a: 2x4x4 0 128", "linear3 <- b: 2x4x4 0 128"],
    ),
    "norms share parameters and buffers": (
        "{input: [2, 4, 4], layers: [batch_norm: {name: a}, batch_norm: {share: a}]}",
        ["a <- input: 2x4x4 4 0", "batch_norm2 <- a: 2x4x4 0 0"],
    ),
    "a shared block": (
        f"""
        input: [2, 4, 4]
        blocks: {{{PW}}}
        layers: [pw: {{name: a, c: 2}}, pw: {{share: a, c: 2}}]
        """,
        ["a.mix <- input: 2x4x4 4 64", "pw2.mix <- a.mix: 2x4x4 0 64"],
    ),
    "a shared block takes over what is not written": (
        f"""
        input: [2, 4, 4]
        blocks: {{{PW}}}
        layers: [pw: {{name: a, c: 2}}, pw: {{share: a}}]
        """,
        ["a.mix <- input: 2x4x4 4 64", "pw2.mix <- a.mix: 2x4x4 0 64"],
    ),
    "a repeated layer that shares": (
        """
        input: [2, 4, 4]
        layers:
          - conv: {name: a, out_channels: 2, kernel_size: 1, bias: false}
          - conv: {name: b, share: a, repeat: 2}
        """,
        ["a <- input: 2x4x4 4 64", "b.0 <- a: 2x4x4 0 64", "b.1 <- b.0: 2x4x4 0 64"],
    ),
    "one of a repeated layer shared": (
        """
        input: [2, 4, 4]
        layers:
          - conv: {name: a, repeat: 2, out_channels: 2, kernel_size: 1, bias: false}
          - conv: {share: a.1}
        """,
        ["a.0 <- input: 2x4x4 4 64", "a.1 <- a.0: 2x4x4 4 64", "conv2 <- a.1: 2x4x4 0 64"],
    ),
    "a shared block with a repeat within": (
        f"""
        input: [2, 4, 4]
        blocks: {{{PW}, two: {{layers: [pw: {{name: in, c: 2, repeat: 2}}]}}}}
        layers: [two: {{name: a}}, two: {{name: b, share: a}}]
        """,
        [
            "a.in.0.mix <- input: 2x4x4 4 64",
            "a.in.1.mix <- a.in.0.mix: 2x4x4 4 64",
            "b.in.0.mix <- a.in.1.mix: 2x4x4 0 64",
            "b.in.1.mix <- b.in.0.mix: 2x4x4 0 64",
        ],
    ),
    "a shared block with a repeated merge within": (
        """
        input: [2, 4, 4]
        blocks:
          two:
            layers: [add: {name: r, repeat: 2, branches: [[], [linear: {name: l, out_features: 4, bias: false}]]}]
        layers: [two: {name: a}, two: {name: b, share: a}]
        """,
        [
            "a.r.0.l <- input: 2x4x4 16 128",
            "a.r.0 <- input a.r.0.l: 2x4x4 0 0",
            "a.r.1.l <- a.r.0: 2x4x4 16 128",
            "a.r.1 <- a.r.0 a.r.1.l: 2x4x4 0 0",
            "b.r.0.l <- a.r.1: 2x4x4 0 128",
            "b.r.0 <- a.r.1 b.r.0.l: 2x4x4 0 0",
            "b.r.1.l <- b.r.0: 2x4x4 0 128",
            "b.r.1 <- b.r.0 b.r.1.l: 2x4x4 0 0",
        ],
    ),
    "a module that is called twice (576 parameters of 3x3, 8 to 8 channels)": (
        """
        input: [8, 16, 16]
        layers:
          - conv: {name: a, out_channels: 8, kernel_size: 3, padding: 1, bias: false}
          - conv: {share: a}
        """,
        ["a <- input: 8x16x16 576 147456", "conv2 <- a: 8x16x16 0 147456"],
    ),
    "several inputs": (
        """
        inputs: {image: [3, 4, 4], depth: [1, 4, 4]}
        layers: [relu: {from: depth}, concat: {from: [image, previous]}]
        """,
        ["relu1 <- depth: 1x4x4 0 0", "concat1 <- image relu1: 4x4x4 0 0"],
    ),
    "one input of another name is where the layers start": (
        "{inputs: {image: [3, 4, 4]}, layers: [relu, add: {from: [image, previous]}, tanh: {from: input}]}",
        ["relu1 <- image: 3x4x4 0 0", "add1 <- image relu1: 3x4x4 0 0", "tanh1 <- image: 3x4x4 0 0"],
    ),
    "of several inputs the one called `input` is where the layers start": (
        "{inputs: {image: [3, 4, 4], input: [1, 2, 2]}, layers: [relu]}",
        ["relu1 <- input: 1x2x2 0 0"],
    ),
    "dotted names from outside": (
        """
        input: [2, 4, 4]
        blocks: {enc: {parameters: {c: 2}, layers: [conv: {out_channels: c, kernel_size: 1, bias: false}, relu]}}
        layers:
          - enc: {name: enc1, c: 3}
          - enc: {name: stage, repeat: 2}
          - concat: {from: [enc1.conv1, enc1, stage.0.conv1, stage.0, stage.1.relu1, stage]}
        """,
        [
            "enc1.conv1 <- input: 3x4x4 6 96",
            "enc1.relu1 <- enc1.conv1: 3x4x4 0 0",
            "stage.0.conv1 <- enc1.relu1: 2x4x4 6 96",
            "stage.0.relu1 <- stage.0.conv1: 2x4x4 0 0",
            "stage.1.conv1 <- stage.0.relu1: 2x4x4 4 64",
            "stage.1.relu1 <- stage.1.conv1: 2x4x4 0 0",
            "concat1 <- enc1.conv1 enc1.relu1 stage.0.conv1 stage.0.relu1 stage.1.relu1 stage.1.relu1: 14x4x4 0 0",
        ],
    ),
    "the same names in two blocks do not meet": (
        """
        input: [2, 4, 4]
        blocks: {b: {layers: [relu: {name: r}, tanh: {from: r}]}}
        layers: [sigmoid: {name: r}, b: {name: x}, b: {name: y}, add: {from: [r, x.r, y.r]}]
        """,
        [
            "r <- input: 2x4x4 0 0",
            "x.r <- r: 2x4x4 0 0",
            "x.tanh1 <- x.r: 2x4x4 0 0",
            "y.r <- x.tanh1: 2x4x4 0 0",
            "y.tanh1 <- y.r: 2x4x4 0 0",
            "add1 <- r x.r y.r: 2x4x4 0 0",
        ],
    ),
    "one value for a kind with one field, bare": (
        "{input: [2, 4, 4], layers: [max_pool: 2, flatten, linear: 5, dropout: 0.5]}",
        [
            "max_pool1 <- input: 2x2x2 0 0",
            "flatten1 <- max_pool1: 8 0 0",
            "linear1 <- flatten1: 5 45 40",
            "dropout1 <- linear1: 5 0 0",
        ],
    ),
    "an expression, bare": (
        "{input: [2, 4, 4], variables: {n: 4}, layers: [linear: n + 1]}",
        ["linear1 <- input: 2x4x5 25 160"],
    ),
    "a layer with nothing behind its colon": (
        "input: [2, 4, 4]\nlayers:\n  - relu:\n  - tanh: {}\n",
        ["relu1 <- input: 2x4x4 0 0", "tanh1 <- relu1: 2x4x4 0 0"],
    ),
    "anchors, aliases, merge keys": (
        """
        input: &shape [2, 4, 4]
        variables: {size: &size 1}
        layers:
          - conv: &base {out_channels: &c 3, kernel_size: *size, bias: false}
          - conv: *base
          - conv: {<<: *base, out_channels: 4}
          - conv: {out_channels: 2, <<: [{kernel_size: 1, stride: 2}, *base, {kernel_size: 3}], padding: 0}
          - &act relu
          - *act
          - conv:
              <<: *base
              out_channels: *c
        """,
        [
            "conv1 <- input: 3x4x4 6 96",
            "conv2 <- conv1: 3x4x4 9 144",
            "conv3 <- conv2: 4x4x4 12 192",
            "conv4 <- conv3: 2x2x2 8 32",
            "relu1 <- conv4: 2x2x2 0 0",
            "relu2 <- relu1: 2x2x2 0 0",
            "conv5 <- relu2: 3x2x2 6 24",
        ],
    ),
    "an alias for all layers of a branch": (
        "{input: [2, 4, 4], layers: [add: {branches: [&b [relu], [tanh]]}, add: {branches: [*b, []]}]}",
        [
            "relu1 <- input: 2x4x4 0 0",
            "tanh1 <- input: 2x4x4 0 0",
            "add1 <- relu1 tanh1: 2x4x4 0 0",
            "relu2 <- add1: 2x4x4 0 0",
            "add2 <- relu2 add1: 2x4x4 0 0",
        ],
    ),
    "comments, quotes, folded text, and a document's marks": (
        """
        %YAML 1.2
        ---
        # a comment
        name: "quoted: name"   # another
        source: >-
          folded
          text
        'input': [2, 4, 4]
        "layers":
          - "conv": {'out_channels': '1 + 2', "kernel_size": "1", bias: "false"} # {not: a field}
          - 'relu'
        ...
        """,
        ["conv1 <- input: 3x4x4 6 96", "relu1 <- conv1: 3x4x4 0 0"],
    ),
    "names of any script": (
        """
        input: [2, 4, 4]
        variables: {宽: 4}
        layers: [conv: {name: 卷积 🙂, out_channels: 宽, kernel_size: 1, bias: false}, relu: {from: 卷积 🙂}]
        """,
        ["卷积 🙂 <- input: 4x4x4 8 128", "relu1 <- 卷积 🙂: 4x4x4 0 0"],
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    text, expected = NETWORKS[name]
    assert shown(report_of(text)) == expected


def test_shared_weights_of_the_literature() -> None:
    report = report_of(NETWORKS["a module that is called twice (576 parameters of 3x3, 8 to 8 channels)"][0])
    assert (report.totals.params, report.totals.macs) == (576, 294_912)


def test_tied_autoencoder_counts_its_weight_once() -> None:
    report = report_of(
        """
        input: [16]
        layers: [linear: {name: a, out_features: 16}, relu, linear: {share: a}]
        """
    )
    assert (report.totals.params, report.totals.macs) == (16 * 16 + 16, 2 * 256)


def test_shared_norm_counts_its_buffers_once() -> None:
    report = report_of("{input: [2, 4, 4], layers: [batch_norm: {name: a}, batch_norm: {share: a}]}")
    assert [row.buffers for row in report.layers] == [report.totals.buffers, 0]


UNSHARED = {
    "another block": (
        """
        input: [2, 4, 4]
        blocks:
          a: {layers: [linear: {name: x, out_features: 4}]}
          b: {layers: [linear: {name: y, out_features: 4}]}
        layers: [a: {name: one}, b: {share: one}]
        """
    ),
    "previous": "{input: [4], layers: [linear: 4, linear: {share: previous}]}",
    "input": "{input: [4], layers: [linear: 4, linear: {share: input}]}",
    "another kind": "{input: [4], layers: [relu: {name: r}, linear: {share: r, out_features: 4}]}",
    "another shape": "{input: [4], layers: [linear: {name: a, out_features: 5}, linear: {share: a}]}",
    "a kind by a block": "{input: [4, 4], layers: [linear: {name: a, out_features: 4}, pointwise_conv: {share: a}]}",
}


@pytest.mark.parametrize("name", UNSHARED)
def test_weights_that_cannot_be_shared_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="share"):
        network_of(UNSHARED[name])


@pytest.mark.parametrize("sharer", ["pw: {share: a, c: 2}", "pw: {share: a, c: 2, repeat: 2}"])
def test_a_repeated_block_is_shared_or_refused_but_never_counted_twice(sharer: str) -> None:
    text = f"{{input: [2, 4, 4], blocks: {{{PW}}}, layers: [pw: {{name: a, c: 2, repeat: 2}}, {sharer}]}}"
    try:
        assert report_of(text).totals.params == 8
    except SpecError as error:
        assert "share" in str(error)  # noqa: PT017  # either is right


OUTPUTS = {
    "the last layer": ("", ["c"]),
    "one": ("outputs: a", ["a"]),
    "a list": ("outputs: [a, c]", ["a", "c"]),
    "a block": ("outputs: [d, d.relu1, input]", ["d.tanh1", "d.relu1", "input"]),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs(name: str) -> None:
    written, expected = OUTPUTS[name]
    network = network_of(
        f"""
        input: [2, 4, 4]
        blocks: {{b: {{layers: [relu, tanh]}}}}
        layers: [relu: {{name: a}}, b: {{name: d}}, tanh: {{name: c}}]
        {written}
        """
    )
    assert outputs(network) == expected


def test_without_layers_the_input_leaves() -> None:
    assert outputs(network_of("{input: [2, 4, 4], layers: []}")) == ["input"]


def test_name_and_source() -> None:
    network = network_of("{name: net, source: a paper, input: [1], layers: []}")
    assert (network.name, network.source) == ("net", "a paper")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("1e3", "1e3"),
        ("no", "no"),
        ("2024-01-01", "2024-01-01"),
        ("'quoted'", "quoted"),
        ('"\\u00e9"', "é"),
        ("&n net", "net"),
        ("", "<test>".strip("<>")),
    ],
)
def test_a_name_is_text_however_it_looks(written: str, name: str) -> None:
    assert network_of(f"name: {written}\ninput: [1]\nlayers: []\n").name == name


VARIABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "a number": ("a: 3", {"a": 3}),
    "a decimal, exact": ("a: 0.1, b: a + 0.2, c: b == 0.3", {"a": Fraction(1, 10), "b": Fraction(3, 10), "c": True}),
    "a whole decimal": ("a: 1.1 * 10, b: 4.0", {"a": 11, "b": 4}),
    "lists": ("a: [1, 2, a0], b: 'x'", {"a": (1, 2, 7), "b": "x"}),
    "list of lists": ("a: [[1, 2], [3, 4]]", {"a": ((1, 2), (3, 4))}),
    "list arithmetic, in quotes for YAML's sake": ("a: '[1] * 2 + [3]', b: 'a[2]'", {"a": (1, 1, 3), "b": 3}),
    "a word in quotes is a text, whatever it names": ("a: 2, b: 'a'", {"a": 2, "b": "a"}),
    "booleans": ("a: true, b: not a, c: False", {"a": True, "b": False, "c": False}),
    "null": ("a: null, b: ~, c: a == null", {"a": None, "b": None, "c": True}),
    "words": ("a: same, b: a == 'same'", {"a": "same", "b": True}),
    "over earlier ones": ("a: 2, b: a * a, c: b * b", {"a": 2, "b": 4, "c": 16}),
    "YAML 1.2 scalars": (
        "a: no, b: on, c: 1e3, d: 0x10, e: 0o17, f: +4, g: -4, h: .5, i: 1.5e+1",
        {"a": "no", "b": "on", "c": 1000, "d": 16, "e": 15, "f": 4, "g": -4, "h": Fraction(1, 2), "i": 15},
    ),
    "YAML 1.1 scalars that are none any more": ("a: y, b: off, c: Yes", {"a": "y", "b": "off", "c": "Yes"}),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables(name: str) -> None:
    written, expected = VARIABLES[name]
    result = network_of(f"{{input: [1], variables: {{a0: 7, {written}}}, layers: []}}").variables
    assert result == {"a0": 7, **expected}
    assert [type(value) for value in result.values()] == [int, *(type(value) for value in expected.values())]


OVERRIDABLE = """
    input: [2, size, size]
    variables: {size: 4, width: 3, wide: 2 * width, flags: [true, false]}
    layers: [linear: {out_features: wide, bias: 'flags[0]'}]
"""


@pytest.mark.parametrize(
    ("variables", "inputs", "expected"),
    [
        ({}, {}, "linear1 <- input: 2x4x6 30 192"),
        ({"width": "5"}, {}, "linear1 <- input: 2x4x10 50 320"),
        ({"width": "0.5"}, {}, "linear1 <- input: 2x4x1 5 32"),
        ({"size": "2 + 1"}, {}, "linear1 <- input: 2x3x6 24 108"),
        ({"width": "size"}, {}, "linear1 <- input: 2x4x8 40 256"),
        ({"wide": "7", "flags": "[false]"}, {}, "linear1 <- input: 2x4x7 28 224"),
        ({}, {"input": (1, 2, 5)}, "linear1 <- input: 1x2x6 36 60"),
        ({"size": "2"}, {"input": (1, 1, 9)}, "linear1 <- input: 1x1x6 60 54"),
    ],
)
def test_other_variables_and_inputs(
    variables: dict[str, str], inputs: dict[str, tuple[int, ...]], expected: str
) -> None:
    report = report_of(OVERRIDABLE, variables=variables, inputs=inputs)
    assert shown(report) == [expected]
    assert report.network.overridden is bool(variables or inputs)


def test_overriding_what_is_not_there() -> None:
    with pytest.raises(SpecError) as caught:
        network_of(OVERRIDABLE, variables={"widht": "3", "w w": "1"}, inputs={"inptu": (3,)})
    assert [(problem.code, problem.path, problem.help) for problem in caught.value.diagnostics][0::2] == [
        ("CC013", "--set", "did you mean `width`?"),
        ("CC013", "--input", "did you mean `input`?"),
    ]


@pytest.mark.parametrize("text", ["", "# nothing", " ", "---", "3 # three", "3\n4: 5", "*a", "{a: 1}"])
def test_a_value_from_outside_is_taken_or_refused_but_never_lost(text: str) -> None:
    try:
        report = report_of("{input: [2], variables: {w: 1}, layers: [linear: w]}", variables={"w": text})
    except SpecError as error:
        assert error.diagnostics[0].path in {"--set", "<test>"}  # noqa: PT017  # either is right
    else:
        assert shown(report) == ["linear1 <- input: 3 9 6"]


def test_python_may_give_lists_and_numbers() -> None:
    spec = "{input: [2], variables: {w: 1}, layers: [linear: w]}"
    assert shown(report_of(spec, inputs={"input": [4]}, variables={"w": 3})) == ["linear1 <- input: 3 15 12"]
    with pytest.raises(SpecError, match="input"):
        network_of(spec, inputs={"input": (0,)})


@pytest.mark.parametrize(
    "name", ["lambda", "if", "in", "true", "null", "rank", "in_channels", "index", "a b", "a.b", "1"]
)
def test_names_that_no_expression_could_read_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="cannot be the name of a variable"):
        network_of(f"{{input: [2], variables: {{{name}: 3}}, layers: []}}")
    with pytest.raises(SpecError, match="cannot be the name of a parameter"):
        network_of(f"{{input: [2], blocks: {{b: {{parameters: {{{name}: 3}}, layers: []}}}}, layers: []}}")


# ---- padding -------------------------------------------------------------------------------------------------

PADDINGS = [  # input, kernel, stride, padding, output: (size + before + after - kernel) // stride + 1
    ([1, 7], 3, 1, "0", [5]),
    ([1, 7], 3, 1, "1", [7]),
    ([1, 7], 3, 1, "[2]", [9]),
    ([1, 7], 3, 1, "[[2, 1]]", [8]),
    ([1, 7], 4, 1, "same", [7]),
    ([1, 7], 3, 2, "same", [4]),
    ([1, 7], 4, 2, "same_lower", [4]),
    ([1, 7], 3, 2, "valid", [3]),
    ([1, 7], 3, 1, "causal", [7]),
    ([1, 7], 3, 2, "causal", [4]),
    ([1, 7, 9], 3, 1, "1", [7, 9]),
    ([1, 7, 9], 3, 1, "[0, 1]", [5, 9]),
    ([1, 7, 9], 3, 1, "[[0, 1], [2, 0]]", [6, 9]),
    ([1, 7, 9], 3, 1, "[[0, 1], 1]", [6, 9]),
    ([1, 7, 9], 3, 1, "[1 + 1, in_channels]", [9, 9]),
    ([1, 7, 9], [3, 5], [2, 3], "same", [4, 3]),
    ([1, 7, 9], [3, 5], 1, "valid", [5, 5]),
    ([1, 7, 9, 5], [1, 2, 3], 1, "[0, 1, 2]", [7, 10, 7]),
    ([1, 7, 9, 5], 3, 2, "[[1, 0], [0, 0], [2, 2]]", [3, 4, 4]),
    ([1, 7, 9, 5], 3, 2, "same_lower", [4, 5, 3]),
]


@pytest.mark.parametrize(("entering", "kernel", "stride", "padding", "leaving"), PADDINGS)
def test_paddings(entering: list[int], kernel: Any, stride: Any, padding: str, leaving: list[int]) -> None:
    spec = f"""
        input: {entering}
        layers: [conv: {{out_channels: 6, kernel_size: {kernel}, stride: {stride}, padding: {padding}}}]
    """
    assert list(report_of(spec).layers[0].output_shape) == [6, *leaving]


@pytest.mark.parametrize("padding", ["causal", "[1]", "[1, 1, 1]", "[[1, 1]]", "[1, [1, 1, 1]]", "-1", "half", "0.5"])
def test_paddings_that_mean_nothing_in_two_dimensions(padding: str) -> None:
    with pytest.raises(SpecError, match="padding"):
        network_of(f"{{input: [1, 7, 9], layers: [conv: {{out_channels: 1, kernel_size: 3, padding: {padding}}}]}}")


# ---- the same network, written in another way ------------------------------------------------------------------

FLOW = """
    {name: n, input: [2, 8, 8], variables: {w: 4}, blocks: {b: {parameters: {c: required, k: 3}, layers: [{conv:
    {out_channels: c, kernel_size: k, padding: same}}, relu]}}, layers: [{b: {name: x, c: w}}, {add: {branches: [[],
    [{b: {c: w, k: 1}}]]}}, {max_pool: 2}], outputs: [x, max_pool1]}
"""
BLOCK = """
    name: n
    input:
      - 2
      - 8
      - 8
    variables:
      w: 4
    blocks:
      b:
        parameters:
          c: required
          k: 3
        layers:
        - conv:
            out_channels: c
            kernel_size: k
            padding: same
        - relu
    layers:
      - b:
          name: x
          c: w
      - add:
          branches:
            - []
            -
              - b:
                  c: w
                  k: 1
      - max_pool: 2
    outputs:
      - x
      - max_pool1
"""
JSON = """
    {"name": "n", "input": [2, 8, 8], "variables": {"w": 4}, "blocks": {"b": {"parameters": {"c": "required", "k": 3},
     "layers": [{"conv": {"out_channels": "c", "kernel_size": "k", "padding": "same"}}, "relu"]}}, "layers": [{"b":
     {"name": "x", "c": 4}}, {"add": {"branches": [[], [{"b": {"c": 4, "k": 1}}]]}}, {"max_pool": 2}],
     "outputs": ["x", "max_pool1"]}
"""


@pytest.mark.parametrize("other", [BLOCK, JSON, FLOW.replace("\n", "\r\n"), "\ufeff" + dedent(FLOW)])
def test_the_style_of_writing_does_not_matter(other: str) -> None:
    wanted, result = report_of(FLOW), report_of(other.lstrip("\ufeff"))
    assert shown(result) == shown(wanted)
    assert outputs(result.network) == outputs(wanted.network) == ["x.relu1", "max_pool1"]
    assert len(wanted.layers) == 6


# ---- expressions ------------------------------------------------------------------------------------------------

EXPRESSIONS: dict[str, Any] = {
    "1 + 2 * 3": 7,
    "(1 + 2) * 3": 9,
    "2 - 3 - 4": -5,
    "2 ** 3 ** 2": 512,
    "-2 ** 2": -4,
    "+3": 3,
    "7 // 2": 3,
    "-7 // 2": -4,
    "7 / 2": Fraction(7, 2),
    "6 / 2": 3,
    "7 % 4": 3,
    "-7 % 4": 1,
    "0.1 + 0.2 == 0.3": True,
    "0.1 + 0.2": Fraction(3, 10),
    "1.1 * 10": 11,
    "1e3": 1000,
    "1.5e-1": Fraction(3, 20),
    "a": 3,
    "a * b": Fraction(15, 2),
    "3 if a > 2 else 4": 3,
    "3 if a > 2 and b > 3 or false else 4": 4,
    "not a == 3": False,
    "1 < a <= 3 < 4": True,
    "1 < a > 3": False,
    "a != 3": False,
    "a >= 3 and a <= 3": True,
    "a in [1, 3]": True,
    "a not in [1, 3]": False,
    "none == null": True,
    "word == 'same'": True,
    "'sam' in word": True,
    "list[1]": 20,
    "list[-1]": 30,
    "list[a - 2]": 20,
    "[1, 2] + [3]": (1, 2, 3),
    "[1] * 3": (1, 1, 1),
    "2 * [a]": (3, 3),
    "(1, 2)": (1, 2),
    "[]": (),
    "list == [10, 20, 30]": True,
    "true": True,
    "null": None,
    "abs(-3)": 3,
    "ceil(2.1)": 3,
    "ceil(-2.1)": -2,
    "ceil(2)": 2,
    "floor(2.9)": 2,
    "floor(-2.1)": -3,
    "len(list)": 3,
    "max(1, 2.5, 2)": Fraction(5, 2),
    "max(list)": 30,
    "min(1, 2)": 1,
    "min(list)": 10,
    "round(2.5)": 2,
    "round(3.5)": 4,
    "round(2.51)": 3,
    "sum(list)": 60,
    "sum([0.1] * 10)": 1,
    "round_to(32 * 0.75, 8)": 24,
    "round_to(35, 8)": 32,
    "round_to(36, 8)": 40,
    "round_to(10, 8)": 16,  # 8 is below 90 % of 10
    "round_to(1, 8)": 8,
    "round_to(80 / 9, 8)": 8,  # 90 % of it
    "round_to(12, 8)": 16,  # the half rounds up
    "taps(3)": 9,
    "taps([3, 5])": 15,
    "on_axis(3, 0, 1)": (3, 1),
    "on_axis([3, 5], 1, 0)": (0, 5),
    "on_axis(word, 1, 0)": "same",
    "{}1".format("-" * 90): 1,
}
VALUES = {"a": 3, "b": Fraction(5, 2), "none": None, "word": "same", "list": (10, 20, 30), "rank": 2}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text: str) -> None:
    result = Expression(text).evaluate(VALUES)
    assert result == EXPRESSIONS[text]
    assert type(result) is type(EXPRESSIONS[text])


REFUSED = [
    *("1 +", "(1", "1:30", "2024-01-01", "", " ", "a b", "1__0", "a = 3", "a; b", "\x00"),
    *("a.b", "lambda: 1", "[x for x in list]", "f'{a}'", "(a := 3)", "list[0:1]", "{1: 2}", "{1}", "...", "b'x'", "1j"),
    *("a & 1", "a << 2", "~a", "a is 3", "a @ a", "*a", "await a"),
    *("__import__('os')", "eval('1')", "a(1)", "open('x')", "max(1, key=2)", "(max)(1)(2)", "[max][0](1)"),
    *("word + word", "word * 2", "word + 1", "true + 1", "null + 1", "list + 1", "list * list", "list * 1.5", "-list"),
    *("-word", "-true", "not 3", "3 and true", "1 if 2 else 3", "1 < word", "list < 1", "3 in 4", "null < 1"),
    *("1 / 0", "1 // 0", "1 % 0", "0 ** -1", "2 ** -1", "2 ** 0.5", "2 ** true", "a[0]", "list[3]", "list[-4]"),
    *("list[1.5]", "list[true]", "list['a']", "max()", "max([])", "min(word, 1)", "ceil()", "ceil(1, 2)", "ceil(word)"),
    *("ceil(null)", "abs(list)", "len(3)", "sum(3)", "sum(word)", "round('a')", "round_to(3)", "round_to(3, 0)"),
    *("round_to(3, -8)", "round_to(1.5, 0.5)", "taps(word)", "taps(null)"),
    *("2 ** 257", "2 ** 255 * 2 ** 255", "9 ** 99 ** 99", "[1] * 10001", "[1] * 10 ** 60", "1e41", "1e999999999"),
    *("9" * 400, "0.1 ** 200", "1" + "+1" * LONGEST, "(" * 300 + "1" + ")" * 300, "-" * (LONGEST - 1) + "1"),
    *("not " * 240 + "3", "unknown", "0x", "010", "0b", "1_", "max"),
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:30])
def test_expressions_that_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(text).evaluate(VALUES)
    assert str(caught.value)


def test_names_of_any_script_beside_decimals() -> None:
    assert Expression("宽 * 0.5").evaluate({"宽": 4}) == 2
    assert Expression("é + é * 1.25").evaluate({"é": 4}) == 9


def test_a_decimal_on_another_line() -> None:
    spec = "input: [1]\nlayers:\n  - linear:\n      out_features: |\n        (4 *\n          0.5)\n"
    assert report_of(spec).layers[0].output_shape == (2,)


def test_an_expression_that_is_short_enough_is_never_too_deep() -> None:
    """Whatever fits the longest expression either has a value or is refused with words."""
    for text in ("-" * (LONGEST - 1) + "1", "+" * 500 + "1", "1" + "+1" * 499, "not " * 249 + "true"):
        try:
            assert Expression(text).evaluate({}) in {1, -1, 500, False}
        except ExpressionError as error:
            assert str(error)  # noqa: PT017  # either is right


SIZES_NOT_WHOLE = [
    "2.5",
    "width * 0.5",
    "width / 2",
    "in_channels / 4",
    "1e-1",
    "true",
    "null",
    "'a'",
    "same",
    "[1, 2]",
]


@pytest.mark.parametrize("size", SIZES_NOT_WHOLE)
def test_a_size_that_is_not_whole_is_an_error_and_never_rounded(size: str) -> None:
    with pytest.raises(SpecError, match="out_channels"):
        network_of(
            f"""
            input: [2, 4, 4]
            variables: {{width: 3}}
            layers: [conv: {{out_channels: {size}, kernel_size: 1}}]
            """
        )


def test_what_is_accepted_does_not_hang_on_the_layers_before() -> None:
    """True equals 1 in Python; a flag and a number are two things here."""
    layer = "conv: {out_channels: 2, kernel_size: 1, bias: %s}"
    for first in ("true", "one == 1"):
        with pytest.raises(SpecError, match="expected true or false, found 1"):
            network_of(f"{{input: [2, 4, 4], variables: {{one: 1}}, layers: [{layer % first}, {layer % 'one'}]}}")


NUMBERS = st.one_of(
    st.integers(0, 50).map(lambda value: (str(value), Fraction(value))),
    st.decimals(0, 50, places=2).map(lambda value: (str(value), Fraction(value))),
    st.sampled_from([("a", Fraction(3)), ("b", Fraction(5, 2))]),
)
SIGNS: dict[str, Any] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
COMPARISONS: dict[str, Any] = {"<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne}


@st.composite
def _grown(draw: st.DrawFn, inner: st.SearchStrategy[tuple[str, Fraction]]) -> tuple[str, Fraction]:
    """An expression in brackets, of smaller ones, with its value."""
    left, x = draw(inner)
    right, y = draw(inner)
    form = draw(st.sampled_from(["binary", "binary", "negative", "choice", "function"]))
    values: dict[str, Any] = {"abs": abs(x), "ceil": -(-x // 1), "floor": x // 1, "max": max(x, y), "min": min(x, y)}
    if form == "negative":
        return f"(-{left})", -x
    if form == "choice":
        sign = draw(st.sampled_from(sorted(COMPARISONS)))
        return f"({left} if {left} {sign} {right} else {right})", x if COMPARISONS[sign](x, y) else y
    if form == "function":
        name = draw(st.sampled_from(sorted(values)))
        return f"{name}({left}{f', {right}' if name in {'max', 'min'} else ''})", Fraction(values[name])
    sign = draw(st.sampled_from(sorted(SIGNS)))
    assume(y != 0 or sign not in {"/", "//", "%"})
    return f"({left} {sign} {right})", Fraction(SIGNS[sign](x, y))


@given(st.recursive(NUMBERS, _grown, max_leaves=8))
def test_generated_expressions_are_worth_what_fractions_say(case: tuple[str, Fraction]) -> None:
    text, value = case
    assume(len(text) <= LONGEST and value.denominator.bit_length() <= MOST_BITS)
    result = Expression(text).evaluate(VALUES)
    assert result == value
    assert isinstance(result, int) == (value.denominator == 1)


@given(st.lists(st.tuples(NUMBERS, st.sampled_from(["+", "-", "*"])), min_size=1, max_size=6), NUMBERS)
def test_generated_expressions_without_brackets_keep_precedence(
    parts: list[tuple[tuple[str, Fraction], str]], last: tuple[str, Fraction]
) -> None:
    text = "".join(f"{number} {sign} " for (number, _), sign in parts) + last[0]
    terms, sign = [Fraction(1)], 1  # of a sum; each sign before a term is in its first factor
    for (_, value), behind in [*parts, (last, "+")]:
        terms[-1] *= value * sign
        sign = 1
        if behind != "*":
            sign = -1 if behind == "-" else 1
            terms.append(Fraction(1))
    assert Expression(text).evaluate(VALUES) == sum(terms[:-1])


# ---- size_of: sizes of what is above ------------------------------------------------------------------------------

SIZES = """
input: [2, 9, 6]
variables: {factor: 2}
blocks:
  pooled:
    layers:
      - global_avg_pool: {keepdim: true}
      - upsample: {name: back, size: size_of(input)}
  fitted:
    parameters: {sizes: required}
    layers: [upsample: {name: to, size: sizes}]
layers:
  - conv: {name: half, out_channels: 3, kernel_size: 3, stride: 2, padding: 1}
  - conv: {name: quarter, out_channels: 3, kernel_size: 3, stride: 2, padding: 1}
  - pooled: {name: context}
  - upsample: {name: up, size: size_of(half)}
  - upsample: {name: whole, size: size_of(input)}
  - upsample: {name: twice, size: "[factor * size_of(half)[0], max(size_of(half))]"}
  - relu: {name: stage, repeat: len(size_of(input))}
  - fitted: {name: fit, sizes: size_of(stage)}
  - relu: {name: last, when: "size_of(fit)[1] == 5"}
"""


@pytest.mark.parametrize("side", [9, 10, 33])
def test_sizes_of_layers_above(side: int) -> None:
    """In a block `input` is the block's; a name is looked up as in `from`; any field may hold it."""
    network = network_of(SIZES, inputs={"input": (2, side, 6)})
    sizes = {node.name: node.shape[1:] for node in network.nodes}
    half = (side + 1) // 2
    assert sizes["context.back"] == sizes["quarter"] == ((half + 1) // 2, 2)
    assert sizes["up"] == sizes["half"] == (half, 3)
    assert sizes["whole"] == (side, 6)
    assert sizes["twice"] == sizes["stage.1"] == sizes["fit.to"] == (2 * half, max(half, 3))
    assert ("last" in sizes) == (max(half, 3) == 5)


@pytest.mark.parametrize(
    ("size", "code", "message"),
    [
        ("size_of(hal)", "CC013", "there is no layer `hal` above; did you mean `half`?"),
        ("size_of(back)", "CC013", "there is no layer `back` above"),
        ("size_of(last)", "CC013", "there is no layer `last` above"),
        ("size_of(factor)", "CC013", "there is no layer `factor` above"),
        ("size_of()", "CC011", "expected size_of(layer), with the name of a layer above or input"),
        ("size_of(2)", "CC011", "expected size_of(layer), with the name of a layer above or input"),
        ("'size_of(half[0])'", "CC013", "`half` has no value here"),
        ("size_of(context.back)", "CC011", "a dot is not for expressions"),
        ("size_of", "CC013", "found `size_of`, which has no value here"),
        ("'size_of(half)[7]'", "CC011", "expected an index from 0 to 1, found 7"),
        ("'size_of(half) * 2'", "CC011", "expected one value for each of the 2 spatial axes, found 4"),
    ],
)
def test_sizes_of_what_is_not_there(size: str, code: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        network_of(SIZES.replace("up, size: size_of(half)", f"up, size: {size}"))
    (problem,) = error.value.diagnostics
    assert problem.code == code
    assert message in problem.message


def test_sizes_are_not_for_what_stands_outside_the_layers() -> None:
    with pytest.raises(SpecError) as error:
        network_of(SIZES.replace("factor: 2", "factor: size_of(input)"))
    assert [problem.message for problem in error.value.diagnostics] == ["factor: size_of is for the fields of layers"]


def test_what_is_as_large_as_what_has_failed_is_passed_over() -> None:
    """One mistake is one message."""
    with pytest.raises(SpecError) as error:
        network_of(SIZES.replace("stride: 2, padding: 1}\n  - conv: {name: q", "groups: 3}\n  - conv: {name: q"))
    assert [problem.code for problem in error.value.diagnostics] == ["CC102"]


def test_of_several_inputs_one_is_named() -> None:
    text = "inputs: {a: [1, 4, 4], b: [1, 7, 5]}\nlayers:\n  - upsample: {from: a, size: size_of(%s)}\n"
    assert network_of(text % "b").nodes[-1].shape == (1, 7, 5)
    with pytest.raises(SpecError, match="there are several inputs"):
        network_of(text % "input")
