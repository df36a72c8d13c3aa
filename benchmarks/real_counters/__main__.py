"""The real counters, run again: what each tool says of networks and of single layers, as test data.

    python benchmarks/real_counters {networks,families,layers,drawn}... [--write | --check]
        [--only GLOB]... [--alone] [--by-layer FOLDER]

needs an environment with PyTorch, the tools, and what convcalc needs (with these versions the data were written):

    pip install torch==2.14.1 torchvision==0.29.1 timm==1.0.31 torchinfo==1.8.0 thop==0.1.1.post2209072238 \
        ptflops==0.7.5 fvcore==0.1.5.post20221221 calflops==0.3.2 transformers onnx onnxscript onnx-tool==1.0.1 convcalc

Without an option, what the tools say is printed. `--check` compares it with what is in tests/data/counters, names
each figure that is another now, with the versions, and ends with 1 if there is one. `--write` writes the figures
there; with `--only`, only those of the names that match are written or compared, and the others stay. `--by-layer`
also writes what each tool says of every module, or node, as FOLDER/NAME.TOOL.json.

Every count of a network runs in a process of its own, as does calflops, which leaves state behind; the others share
one for each layer, unless `--alone` is there. All run on one thread of the CPU, with batch 1, in evaluation mode, and
without gradients where the tool does not say otherwise: ptflops, calflops and the exporter record them, by themselves.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from counter_cases import Case, module_of, output_shape, tensors_of
from counter_networks import CountedNetwork, member, networks
from counter_options import MORE, OPTIONS, OPTIONS_OF_NETWORKS, by_process
from counter_tools import PACKAGES, TOOLS, Counted, Counter, Make, count, import_all

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "tests" / "data" / "counters"
Entry = dict[str, Any]
"""Of a network or case: `figures` and, where there are any, `options` and `errors`, each by tool."""


class Asked(argparse.Namespace):
    """What the command line says."""

    what: list[str]
    write: bool
    check: bool
    only: list[str]
    by_layer: Path | None
    alone: bool


def main() -> int:
    """Count, then print, write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="+", choices=list(SETS))
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true")
    action.add_argument("--check", action="store_true")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB")
    parser.add_argument("--by-layer", type=Path, metavar="FOLDER")
    parser.add_argument("--alone", action="store_true")
    asked = parser.parse_args(namespace=Asked())
    sys.path.insert(0, str(ROOT))  # for convcalc itself, where it is not installed
    import_all()
    changed = 0
    for what in asked.what:
        entries: dict[str, Entry] = {}
        for name, entry in SETS[what](asked):
            entries[name] = entry
            if not asked.check:
                print(name, *_lines(entry), sep="\n    ", flush=True)
        if asked.write:
            _write(what, entries, keeps_others=bool(asked.only))
        if asked.check:
            changed += _compare(what, entries)
    return 1 if changed else 0


def of_networks(asked: Asked) -> Iterator[tuple[str, Entry]]:
    """The networks that match, with what all tools say, each tool in a process of its own."""
    for name, network in networks().items():
        if _is_asked_for(name, asked):
            counts = _counts_of(name, network, {**OPTIONS_OF_NETWORKS, **TOOLS}, asked)
            yield name, {"spec": network.spec, "input": list(network.shape), **_entry(counts, all_options=True)}


def of_families(asked: Asked) -> Iterator[tuple[str, Entry]]:
    """Other members of the families, as their file itself says how torchvision makes them."""
    for name, entry in _read("families")["networks"].items():
        if _is_asked_for(name, asked):
            counts = _counts_of(name, member(entry["torchvision"], entry["input"]), TOOLS, asked)
            yield name, {"torchvision": entry["torchvision"], "input": entry["input"], **_entry(counts)}


def _counts_of(
    name: str, network: CountedNetwork, counters: dict[str, Counter], asked: Asked
) -> dict[str, Counted | str]:
    processes = [{tool: counter} for tool, counter in counters.items()]
    counts = _counts(processes, partial(tuple, _network_and_picture(network)))
    if asked.by_layer:
        _write_by_layer(asked.by_layer, name, counts)
    return counts


def _is_asked_for(name: str, asked: Asked) -> bool:
    return not asked.only or any(fnmatch.fnmatchcase(name, pattern) for pattern in asked.only)


def _network_and_picture(network: CountedNetwork) -> tuple[Any, tuple[Any, ...]]:
    import torch

    torch.manual_seed(0)
    return network.make().eval(), (torch.randn(1, *network.shape),)


def _counts(processes: Iterable[dict[str, Counter]], make: Make) -> dict[str, Counted | str]:
    return {tool: counted for counters in processes for tool, counted in count(counters, make).items()}


def of_layers(asked: Asked) -> Iterator[tuple[str, Entry]]:
    """Single layers."""
    from counter_layers import layers

    return _of_cases(layers(), asked, OPTIONS)


def of_drawn(asked: Asked) -> Iterator[tuple[str, Entry]]:
    """Drawn networks, also for other batches and passes."""
    from counter_drawn_networks import drawn_networks

    return _of_cases(drawn_networks(), asked, {**OPTIONS, **MORE})


def _of_cases(cases: Iterable[Case], asked: Asked, options: dict[str, Counter]) -> Iterator[tuple[str, Entry]]:
    """Cases that match, with what all tools say, once it is seen that spec and module have the same output."""
    counters = {**TOOLS, **options}
    processes = [{tool: counters[tool]} for tool in counters] if asked.alone else by_process(counters)
    for case in cases:
        if not _is_asked_for(case.name, asked):
            continue
        _hold_shapes_equal(case)
        counts = _counts(processes, partial(made, case))
        if asked.by_layer:
            _write_by_layer(asked.by_layer, case.name, counts)
        yield case.name, {"spec": case.spec, "torch": case.source, **_entry(counts)}


def made(case: Case) -> tuple[Any, tuple[Any, ...]]:
    """A case's module, with the weights that it always starts with, and what enters."""
    import torch

    torch.manual_seed(0)
    return module_of(case.source), tensors_of(case.spec)


def _hold_shapes_equal(case: Case) -> None:
    import torch

    module, tensors = made(case)
    with torch.no_grad():
        leaves = tuple(module(*tensors).shape[1:])
    if leaves != output_shape(case.spec):
        raise SystemExit(f"{case.name}: {leaves} leaves the module, {output_shape(case.spec)} the spec")


def _entry(counts: dict[str, Counted | str], *, all_options: bool = False) -> Entry:
    """Figures, options where they change something, and errors."""
    figures = {tool: counted.figures for tool, counted in counts.items() if not isinstance(counted, str)}
    errors = {tool: counted for tool, counted in counts.items() if isinstance(counted, str) and tool in TOOLS}
    usual = {tool: figures.get(tool.partition(":")[0]) for tool in figures}
    options = {
        tool: printed for tool, printed in figures.items() if ":" in tool and (all_options or printed != usual[tool])
    }
    parts = {
        "figures": {tool: figures[tool] for tool in TOOLS if tool in figures},
        "options": options,
        "errors": errors,
    }
    return {part: entries for part, entries in parts.items() if entries}


def _write_by_layer(folder: Path, name: str, counts: dict[str, Counted | str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for tool, counted in counts.items():
        if not isinstance(counted, str) and counted.by_layer:
            path = folder / f"{name.replace(':', '_')}.{tool}.json"
            path.write_text(json.dumps(counted.by_layer, indent=1), encoding="utf-8")


SETS: dict[str, Callable[[Asked], Iterator[tuple[str, Entry]]]] = {
    "networks": of_networks,
    "families": of_families,
    "layers": of_layers,
    "drawn": of_drawn,
}
"""What can be counted, by the name of its file."""
KEYS = {"families": "networks"}
"""Where the figures are in a file, if not under its own name."""


def versions() -> dict[str, str]:
    """The versions that the figures depend on."""
    packages = [*dict.fromkeys(PACKAGES.values()), "torchvision", "timm", "onnx", "transformers"]
    return {package: version(package).partition("+")[0] for package in packages} | {"python": platform.python_version()}


def _write(what: str, entries: dict[str, Entry], *, keeps_others: bool) -> None:
    key = KEYS.get(what, what)
    kept = _read(what)[key] if keeps_others else {}
    lines = [
        f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in (kept | entries).items()
    ]
    text = '{{"versions": {},\n"{}": {{\n{}\n}}}}\n'.format(json.dumps(versions()), key, ",\n".join(lines))
    json.loads(text)
    DATA.mkdir(parents=True, exist_ok=True)
    (DATA / f"{what}.json").write_text(text, encoding="utf-8")


def _read(what: str) -> dict[str, Any]:
    path = DATA / f"{what}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"versions": {}, KEYS.get(what, what): {}}


def _compare(what: str, entries: dict[str, Entry]) -> int:
    """Prints what is another than in the data; how many figures those are."""
    written = _read(what)
    now = versions()
    for package, old in written["versions"].items():
        if now.get(package) != old:
            print(f"{package}: {old} when the figures were written, {now.get(package)} now")
    changed = 0
    for name, entry in entries.items():
        before, after = (dict(_flat(state)) for state in (written[KEYS.get(what, what)].get(name, {}), entry))
        for place in before | after:
            if before.get(place) != after.get(place):
                changed += 1
                print(
                    f"{what}, {name}, {place}: {before.get(place, 'nothing')} before, {after.get(place, 'nothing')} now"
                )
    print(f"{what}: {len(entries)} compared, {changed} figures changed")
    return changed


def _flat(entry: Entry) -> Iterator[tuple[str, Any]]:
    for part in ("figures", "options"):
        for tool, figures in entry.get(part, {}).items():
            for word, figure in figures.items():
                yield f"{tool} {word}", figure
    yield from ((f"{tool} error", text) for tool, text in entry.get("errors", {}).items())


def _lines(entry: Entry) -> list[str]:
    return [f"{place}: {figure}" for place, figure in _flat(entry)]


if __name__ == "__main__":
    sys.exit(main())
