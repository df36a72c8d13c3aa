"""What a spec can make long is counted in steps: it ends with a message at its place, whatever else is in it."""

from __future__ import annotations

import pytest
from work import counted

from convcalc import Diagnostic, SpecError, steps
from convcalc.language import Source, loads
from convcalc.language.build import DEEPEST_BLOCKS
from convcalc.language.expressions import DEEPEST, Expression
from convcalc.language.suggestions import close


def mistakes(text: str, most: int = steps.MOST_STEPS, *, variables: dict[str, str] | None = None) -> list[Diagnostic]:
    """What is wrong with a spec when it is read in so many steps."""
    with steps.run(most):
        try:
            loads(Source("net.yaml", text), variables=variables)
        except SpecError as error:
            return error.diagnostics
    return []


FEW = 200_000
"""Steps in which the rest of each spec below can be read."""
EMPTY = ", ".join(["[]"] * 500)
LISTS = "".join(f"  a{number}: '[1] * 9999'\n" for number in range(100))
LONG = "x" * 100_000
VARIABLES = ", ".join(f"v{number}: {number}" for number in range(1000))
BLOCKS = ", ".join(f"b{number}: {{layers: [relu]}}" for number in range(1000))
OVER = {
    "wide branches, repeated": (f"input: [1, 1]\nlayers:\n- add: {{repeat: 99999, branches: [{EMPTY}]}}\n", 3, 17),
    "a long `from`, repeated": (
        f"input: [4]\nlayers:\n- relu: {{name: a}}\n- add: {{repeat: 50000, from: [{'a, ' * 1000}a]}}\n",
        *(4, 17),
    ),
    "long list variables": (f"input: [1]\nlayers: [relu]\nvariables:\n{LISTS}", None, 8),
    "a long sum in each layer": (
        "input: [4]\nvariables: {a: '[1/3] * 9999'}\nlayers:\n- linear: {out_features: sum(a), repeat: 2000}\n",
        *(4, 42),
    ),
    "a long name, repeated": (f"input: [4]\nlayers:\n- relu: {{repeat: 50000, name: {LONG}}}\n", 3, 18),
    "a long name that is worked out": (
        f"input: [4]\nvariables: {{a: {LONG}}}\nlayers:\n- relu: {{repeat: 50000, name: '{{a}}{{index}}'}}\n",
        *(4, 18),
    ),
    "many variables for many blocks": (
        f"input: [4]\nvariables: {{{VARIABLES}}}\nblocks: {{{BLOCKS}}}\nlayers: [b1]\n",
        *(3, None),
    ),
    "aliases that double": (
        "input: [4]\nlayers:\n- &a0 relu\n"
        + "".join(f"- &a{n} {{add: {{branches: [[*a{n - 1}], [*a{n - 1}]]}}}}\n" for n in range(1, 15)),
        *(None, None),
    ),
    "more values than can be read": (f"input: [4]\nlayers: [relu]\nx: [{'1, ' * 150_000}1]\n", 3, None),
    "more lines than can be read": ("\n" * 400_000, 0, 0),
}


@pytest.mark.parametrize("name", OVER)
def test_more_than_one_run_may_take(name: str) -> None:
    text, line, column = OVER[name]
    with counted() as work:
        [problem] = [problem for problem in mistakes(text, FEW) if problem.code == "CC008"]
    assert work.calls < 3 * FEW
    assert problem.message.endswith(f"more work than the {FEW:,} steps that one run may take")
    assert line in (None, problem.line)
    assert column in (None, problem.column)


def test_what_was_built_by_then_is_kept() -> None:
    with steps.run(), pytest.raises(SpecError) as caught:
        loads(Source("net.yaml", "input: [4]\nlayers: [linear: 3, tanh: {repeat: 1000000}]\noutputs: [tanh1]\n"))
    assert [problem.code for problem in caught.value.diagnostics] == ["CC008"]  # and no word of a missing tanh1
    assert caught.value.network is not None
    assert [node.name for node in caught.value.network.layers] == ["linear1"]


def test_large_nets_are_read_in_full() -> None:
    """With steps left to work them out."""
    conv = "conv: {{name: c{}, out_channels: 4, kernel_size: 3, padding: 1, bias: false}}\n"
    written = "".join(f"- {conv.format(number)}" for number in range(2_000))
    for layers, most in ((written, steps.MOST_STEPS // 10), ("- relu: {repeat: 50000}\n", steps.MOST_STEPS)):
        with steps.run(most):  # a tenth of the steps for a tenth of 20,000 written layers of five fields
            network = loads(Source("net.yaml", f"input: [4, 8, 8]\nlayers:\n{layers}"))
            assert len(network.layers) in (2_000, 50_000)
            assert steps.afford(most // 5)


REFUSED = {
    "round(5, -10**9)": "expected round(x), found round(5, -1000000000)",
    "taps([[1], 10**8])": "expected taps(kernel_size), found taps([[1], 100000000])",
    "taps([2**255] * 9999)": "expected taps(kernel_size)",
    "sum([[1], [2]], [])": "expected sum(list)",
    "2**255 * 2**255": "the number grows too large",
    "(2**200) ** 200": "the number grows too large",
}


@pytest.mark.parametrize("text", REFUSED)
def test_operations_that_would_not_end(text: str) -> None:
    [problem] = mistakes(f"input: [1, 1]\nlayers:\n- linear: '{text}'\n")
    assert (problem.code, problem.line) == ("CC011", 3)
    assert REFUSED[text] in problem.message


def test_denominators_do_not_multiply_without_end() -> None:
    fractions = ", ".join(f"1/{2**40 + 2 * number + 1}" for number in range(20))
    variables = "".join(f"  a{number}: '[{fractions}]'\n" for number in range(2))
    [problem] = mistakes(f"input: [1]\nlayers: [linear: sum(a0 + a1)]\nvariables:\n{variables}")
    assert problem.code == "CC011"


def test_lists_within_lists_end_where_a_spec_may_be_no_deeper() -> None:
    for form in ("[a{}]", "'[a{}]'"):
        variables = "".join(f"  a{number + 1}: {form.format(number)}\n" for number in range(900))
        [problem] = mistakes(f"input: [1]\nlayers: [relu]\nvariables:\n  a0: 1\n{variables}")
        assert (problem.code, problem.line) == ("CC011", 69)
        assert "lists within lists more than 64 deep" in problem.message


def test_aliases_do_not_make_a_spec_deeper_than_it_may_be() -> None:
    layers = "".join(f"- &a{n} {{add: {{branches: [[*a{n - 1}], []]}}}}\n" for n in range(1, 400))
    [problem] = mistakes(f"input: [4]\nlayers:\n- &a0 relu\n{layers}")
    assert (problem.code, problem.message) == ("CC008", "nested more than 64 deep, the most a spec may be")


def test_branches_and_blocks_within_each_other_are_counted_together() -> None:
    """The deepest there may be, with the deepest expression in it, is worked out; one more is refused."""

    def spec(deep: int) -> str:
        blocks = "".join(
            f"  b{n}: {{layers: [add: {{branches: [[b{n - 1}], []]}}]}}\n" for n in range(1, (deep + 1) // 2)
        )
        when = "not " * (DEEPEST - 3) + "true"
        return (
            f"input: [4]\nblocks:\n  b0: {{layers: [relu: {{when: '{when}'}}]}}\n{blocks}layers: [b{deep // 2 - 1}]\n"
        )

    assert mistakes(spec(DEEPEST_BLOCKS)) == []
    [problem] = mistakes(spec(DEEPEST_BLOCKS + 4))
    assert problem.code == "CC008"
    assert f"more than {DEEPEST_BLOCKS} deep" in problem.message


def test_many_stars_in_a_name() -> None:
    """The layer that they are said of has failed, so that nothing is known of any of them."""
    text = f"input: [4]\nlayers: [linear: {{name: a, out_features: 1.5}}, relu: {{from: 'a{'.*' * 600}'}}]\n"
    assert [problem.code for problem in mistakes(text)] == ["CC011"]


SHADOWS = [
    "rank",
    "index",
    "in_channels",
    "input_channels",
    "shape of",
    "input",
    "spatial",
    "taps",
    "max",
    "if",
    "true",
]
USES = ["taps(3)", "on_axis(3, 0, 1)", "size_of(relu1)", "index + 1", "max(rank, 1)", "spatial", "input", "[rank]"]


@pytest.mark.parametrize("name", SHADOWS)
def test_names_that_shadow_built_in_ones(name: str) -> None:
    """As a variable, a parameter, an input, a layer and a given value: each is taken, or refused in words."""
    for use in USES:
        head = f"input: [4, 8]\nvariables: {{{name!r}: 3, a: '{use}'}}\n"
        mistakes(f"{head}layers: [linear: a, relu]\n")
        mistakes(f"{head}layers: [relu: {{name: {name!r}}}, linear: '{use}']\n")
        block = f"b: {{parameters: {{{name!r}: 3, c: '{use}'}}, layers: [linear: c]}}"
        mistakes(f"input: [4, 8]\nblocks: {{{block}}}\nlayers: [b: {{{name!r}: 2}}]\n")
        mistakes(f"inputs: {{{name!r}: [4, 8]}}\nlayers: [linear: '{use}']\n")
        mistakes(f"{head}layers: [relu]\n", variables={name: "2", "a": use})


def test_a_variable_called_rank_is_the_only_mistake() -> None:
    [problem] = mistakes("input: [1, 1]\nvariables: {rank: 3, a: taps(3)}\nlayers: [linear: a]\n")
    assert (problem.code, problem.column) == ("CC011", 13)
    assert "`rank` cannot be the name of a variable" in problem.message


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan", "1e400", "inf", "nan", "'inf'", "'.nan'"])
def test_infinities_are_no_values(value: str) -> None:
    for field in ("alpha", "repeat", "when", "name", "from"):
        problems = mistakes(f"input: [4]\nlayers:\n- elu: {{{field}: {value}}}\n")
        assert all(problem.line == 3 for problem in problems)
        assert problems or field == "name"


def test_suggestions_leave_the_steps_that_reading_needs() -> None:
    layers = "".join(f"- relu: {{name: layer{number}}}\n" for number in range(300))
    wrong = "".join(f"- relu: {{from: lyaer{number}}}\n" for number in range(150))
    problems = mistakes(f"input: [4]\nlayers:\n{layers}{wrong}", FEW)
    assert len(problems) == 150
    assert {problem.code for problem in problems} == {"CC013"}
    assert problems[0].help == "did you mean `layer0`?"


def test_the_nearest_word_is_the_one_that_difflib_finds() -> None:
    import difflib

    words = ["conv", "conv_transpose", "max_pool", "avg_pool", "relu", "relu6", "elu", "selu", "pixel_shuffle", "add"]
    for wrong in ("cnov", "maxpol", "rleu", "reul6", "sleu", "pixl_shufle", "ad", "xyz", "pool", "conv_transpos"):
        plain = {word.replace("_", ""): word for word in words}
        nearest = difflib.get_close_matches(wrong.replace("_", ""), list(plain), n=1, cutoff=0.6)
        assert close(wrong, words) == [plain[word] for word in nearest]


def test_outside_of_a_run_a_network_may_be_of_any_size() -> None:
    with steps.run(10), pytest.raises(SpecError):
        loads(Source("net.yaml", "input: [1]\nlayers: [relu]\n"))
    network = loads(Source("net.yaml", "input: [1]\nlayers: [relu: {repeat: 100000}]\n"))
    assert len(network.layers) == 100_000


def test_an_expression_spends_what_it_takes() -> None:
    values = {"a": (1,) * 9999}
    with steps.run(1000):
        assert Expression("1 + 2").evaluate(values) == 3
        with pytest.raises(steps.OutOfSteps):
            Expression("sum(a)").evaluate(values)


def test_blanks_and_comments_behind_a_layer_are_gone_through_once() -> None:
    """The end of a layer is needed where a comment may stand for it; an alias in it leaves its end to the text."""
    from convcalc.language.edits import Layout
    from convcalc.language.parsing import parse
    from convcalc.language.tree import Mapping, Sequence

    blanks = " " * 20_000
    text = f"input: &size [4]\nlayers:\n- conv:\n    kernel_size: *size\n{blanks}\n  # one\n{blanks}\n# two\n- relu\n"
    tree = parse(Source("net.yaml", text)).root
    assert isinstance(tree, Mapping)
    layers = tree.find("layers")
    assert isinstance(layers, Sequence)
    with counted() as work:
        assert text[: Layout(text).end(layers.items[0])].endswith("kernel_size: *size")
    assert work.calls < 1000
