"""The real counters, run again: what each tool says of networks and of single layers, as test data.

    python benchmarks/real_counters.py {networks,layers,drawn}... [--write | --check] [--only GLOB] [--by-layer FOLDER]

needs an environment with PyTorch, the tools, and what convcalc needs (with these versions the data were written):

    pip install torch==2.14.1 torchvision==0.29.1 timm==1.0.31 torchinfo==1.8.0 thop==0.1.1.post2209072238 \
        ptflops==0.7.5 fvcore==0.1.5.post20221221 calflops==0.3.2 transformers onnx onnxscript onnx-tool==1.0.1 convcalc

Without an option, what the tools say is printed. `--check` compares it with what is in tests/data/counters, names
each figure that is another now, with the versions, and ends with 1 if there is one. `--write` writes the figures
there; with `--only`, only those of the names that match are written or compared, and the others stay. `--by-layer`
also writes what each tool says of every module, or node, as FOLDER/NAME.TOOL.json.

Every count runs in a process of its own, on one thread of the CPU, batch 1, in evaluation mode, and without gradients
but where an option says otherwise.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from counter_networks import networks
from counter_tools import OPTIONS, PACKAGES, TOOLS, Counted, count, import_all

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "counters"
Entry = dict[str, Any]
"""Of a network or case: `figures` and, where there are any, `options` and `errors`, each by tool."""


def main() -> int:
    """Count, then print, write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="+", choices=list(SETS))
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true")
    action.add_argument("--check", action="store_true")
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--by-layer", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    import_all()
    changed = 0
    for what in asked.what:
        entries: dict[str, Entry] = {}
        for name, entry in SETS[what](asked.only, asked.by_layer):
            entries[name] = entry
            if not asked.check:
                print(name, *_lines(entry), sep="\n    ", flush=True)
        if asked.write:
            _write(what, entries, keeps_others=asked.only != "*")
        if asked.check:
            changed += _compare(what, entries)
    return 1 if changed else 0


def of_networks(only: str, by_layer: Path | None) -> Iterator[tuple[str, Entry]]:
    """The networks that match, with what all tools say."""
    import torch

    for name, network in networks().items():
        if not fnmatch.fnmatchcase(name, only):
            continue
        torch.manual_seed(0)
        module = network.make().eval()
        tensors = (torch.randn(1, *network.shape),)
        counts = _counts(TOOLS, lambda module=module, tensors=tensors: (module, tensors))
        options = _counts(OPTIONS, lambda module=module, tensors=tensors: (module, tensors))
        if by_layer:
            _write_by_layer(by_layer, name, counts)
        yield name, {"spec": network.spec, "input": list(network.shape), **_entry(counts, options)}


def _counts(counters: dict[str, Any], make: Callable[[], Any]) -> dict[str, Counted | str]:
    return {name: count(counter, make) for name, counter in counters.items()}


def _entry(counts: dict[str, Counted | str], options: dict[str, Counted | str]) -> Entry:
    entry: Entry = {
        "figures": {tool: counted.figures for tool, counted in counts.items() if not isinstance(counted, str)}
    }
    if options:
        entry["options"] = {
            option: counted.figures for option, counted in options.items() if not isinstance(counted, str)
        }
    errors = {tool: counted for tool, counted in {**counts, **options}.items() if isinstance(counted, str)}
    return entry | ({"errors": errors} if errors else {})


def _write_by_layer(folder: Path, name: str, counts: dict[str, Counted | str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for tool, counted in counts.items():
        if not isinstance(counted, str) and counted.by_layer:
            path = folder / f"{name.replace(':', '_')}.{tool}.json"
            path.write_text(json.dumps(counted.by_layer, indent=1), encoding="utf-8")


SETS: dict[str, Callable[[str, Path | None], Iterator[tuple[str, Entry]]]] = {"networks": of_networks}
"""What can be counted, by the name of its file."""


def versions() -> dict[str, str]:
    """The versions that the figures depend on."""
    packages = [*dict.fromkeys(PACKAGES.values()), "torchvision", "timm", "onnx", "transformers"]
    return {package: version(package).partition("+")[0] for package in packages} | {"python": platform.python_version()}


def _write(what: str, entries: dict[str, Entry], *, keeps_others: bool) -> None:
    kept = _read(what)[what] if keeps_others else {}
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in (kept | entries).items()]
    text = '{{"versions": {},\n"{}": {{\n{}\n}}}}\n'.format(json.dumps(versions()), what, ",\n".join(lines))
    json.loads(text)
    DATA.mkdir(parents=True, exist_ok=True)
    (DATA / f"{what}.json").write_text(text, encoding="utf-8")


def _read(what: str) -> dict[str, Any]:
    path = DATA / f"{what}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"versions": {}, what: {}}


def _compare(what: str, entries: dict[str, Entry]) -> int:
    """Prints what is another than in the data; how many figures those are."""
    written = _read(what)
    now = versions()
    for package, old in written["versions"].items():
        if now.get(package) != old:
            print(f"{package}: {old} when the figures were written, {now.get(package)} now")
    changed = 0
    for name, entry in entries.items():
        before, after = (dict(_flat(state)) for state in (written[what].get(name, {}), entry))
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
