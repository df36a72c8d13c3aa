"""The JSON Schema of specs (draft 7, which editors read), derived from the kinds, the blocks and their fields.

A block that a spec defines itself cannot be known here, so a layer of an unknown name is let through; everything that
has a name here is checked field by field.
"""

from __future__ import annotations

from typing import Any

from convcalc import layers
from convcalc.arithmetic.precision import ROLES
from convcalc.fields import LARGEST
from convcalc.language import library
from convcalc.language.bits import HELD
from convcalc.language.coding import CALL
from convcalc.language.deploying import FIELDS as DEPLOYED
from convcalc.language.document import FIELDS
from convcalc.language.limits import AS, LIMITED
from convcalc.language.publishing import AMOUNT as PRINTED
from convcalc.language.quantities import AMOUNTS, DURATION
from convcalc.language.settings import SHAPE
from convcalc.language.template import REPEAT, WHEN, Block
from convcalc.language.written import MERGES

Schema = dict[str, Any]

_ANY = {"not": {"type": "object"}, "description": "a number, true or false, a word, an expression, or a list of such"}
TEXT: Schema = {"not": {"type": ["object", "array"]}}
AMOUNT: Schema = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}
NAMES: Schema = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_ARRAYS: Schema = {"type": "object", "additionalProperties": {"type": "string", "pattern": r"\."}, "minProperties": 1}
SHARE: Schema = {
    "anyOf": [{"type": "string"}, _ARRAYS],
    "description": "an earlier layer whose weights are used, or single arrays by name: {weight: conv1.weight}",
}
_SHARING: Schema = {"required": ["share"], "properties": {"share": {"type": "string"}}}
"""Where the fields are those of an earlier layer, none must be written."""


def _mapping(properties: Schema) -> Schema:
    """A mapping with these keys and no other."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


_PUBLISHED: Schema = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^({PRINTED})$"}]
    },
}
_TOOL: Schema = {
    "type": "string",
    "minLength": 1,
    "description": "the tool by whose count macs, flops and params are held: thop, or fvcore:mode=train",
}
_BUDGET = _mapping({**dict.fromkeys(LIMITED, AMOUNT), DURATION: {"type": "number", "exclusiveMinimum": 0}, AS: _TOOL})
COMMON: Schema = {
    "name": {
        "type": "string",
        "pattern": r"^([^.{}]|\{[^{}]+\})+$",
        "description": "what the layer is called; no dots, and expressions in braces: p{index + 3}",
    },
    "from": {**NAMES, "description": "the tensors that enter, by name (default: the layer before)"},
    "repeat": {**REPEAT.schema(), "description": REPEAT.about},
    "when": {**WHEN.schema(), "description": WHEN.about},
    "share": {"type": "string", "description": "an earlier layer whose weights are used"},
    "bits": {
        "anyOf": [HELD.schema(), {**_mapping(dict.fromkeys(ROLES, HELD.schema())), "minProperties": 1}],
        "description": "bits, or the format, of its weights and activations: 8, or {weights: 4, activations: 8}",
    },
    "budget": {**_BUDGET, "description": "figures the layer or block must not exceed, all its repetitions together"},
    "lint": {**_mapping({"ignore": NAMES}), "description": "rules that are not applied here"},
}


def schema() -> Schema:
    """The schema of a whole spec, with a definition for its layers."""
    shipped = [block for name in library.block_names() if (block := library.block(name))]
    needs_fields = {name: bool(layers.required(layers.kind_of(name))) for name in layers.names()}
    needs_fields |= {block.name: None in block.parameters.values() for block in shipped}
    complete = [name for name, needs_some in needs_fields.items() if not needs_some]
    incomplete = [name for name, needs_some in needs_fields.items() if needs_some]
    kinds = {name: _kind(name) for name in layers.names()}
    blocks = {block.name: _block(block) for block in shipped}
    own_block = {"type": "object", "additionalProperties": _ANY, "properties": COMMON}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "convcalc spec",
        "type": "object",
        "additionalProperties": False,
        "required": ["layers"],
        "oneOf": [{"required": ["input"]}, {"required": ["inputs"]}],
        "properties": {name: {**_top(name), "description": about} for name, about in FIELDS.items()},
        "definitions": {
            "layers": {"type": "array", "items": {"$ref": "#/definitions/layer"}},
            "layer": {
                "anyOf": [
                    {"type": "string", "examples": complete, "not": {"enum": incomplete}},
                    {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": 1,
                        "properties": {**kinds, **blocks},
                        "additionalProperties": {"anyOf": [_ANY, own_block]},  # one that the spec defines itself
                    },
                ]
            },
        },
    }


def _top(name: str) -> Schema:
    parameters = {"type": "object", "additionalProperties": _ANY}
    names: Schema = {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}
    fields = {
        "about": {"type": "string"},
        "inputs": {**names, "description": "names of the tensors that enter (default: one, called input)"},
        "parameters": {**parameters, "description": "names with defaults, or `required`"},
        "layers": {"$ref": "#/definitions/layers"},
    }
    block = {"type": "object", "required": ["layers"], **_mapping(fields)}
    shape = SHAPE.schema()
    return {
        "input": shape,
        "inputs": {"type": "object", "minProperties": 1, "additionalProperties": shape},
        "variables": parameters,
        "blocks": {"type": "object", "additionalProperties": block},
        "layers": {"$ref": "#/definitions/layers"},
        "outputs": NAMES,
        "expect": _mapping({**dict.fromkeys(AMOUNTS, AMOUNT), "output": shape, "receptive_field": shape}),
        "budget": _BUDGET,
        "deploy": _deployment(),
        "published": _PUBLISHED,
        "code": {"type": "object", "additionalProperties": {"type": "string", "pattern": f"^({CALL})$"}},
    }.get(name, TEXT)


def _deployment() -> Schema:
    dtype: Schema = {"enum": list(HELD.words)}
    by_role = {**_mapping(dict.fromkeys(ROLES, dtype)), "minProperties": 1}
    fields: Schema = {
        "fused": {"type": "boolean"},
        "dtype": {"anyOf": [dtype, by_role]},
        "batch": {"type": "integer", "minimum": 1, "maximum": LARGEST},
        "device": {"type": "string", "minLength": 1},
    }
    return _mapping({name: {**fields[name], "description": about} for name, about in DEPLOYED.items()})


def _kind(name: str) -> Schema:
    kind = layers.kind_of(name)
    types = layers.field_types(kind)
    fields = {field: {**type_.schema(), "description": type_.about} for field, type_ in types.items()}
    for field, value in layers.defaults(kind).items():
        fields[field]["default"] = types[field].written(value)
    if name in MERGES:
        branches = {"type": "array", "items": {"$ref": "#/definitions/layers"}, "minItems": 1}
        fields["branches"] = {**branches, "description": "sequences that run side by side; [] is the identity"}
    required = list(layers.required(kind))
    layer = _layer(fields, required, [types[field].schema() for field in _bare(list(types), required)], share=SHARE)
    return {**layer, "description": layers.page(kind).partition("\n")[0]}


def _block(block: Block) -> Schema:
    required = [parameter for parameter, default in block.parameters.items() if default is None]
    fields: Schema = {parameter: dict(_ANY) for parameter in block.parameters}
    bare: list[Schema] = [{"type": ["number", "string", "array"]}] * len(_bare(list(fields), required))
    layer = _layer(fields, required, bare)
    return {**layer, "description": block.about}


def _bare(fields: list[str], required: list[str]) -> list[str]:
    """The field whose value may stand for the whole layer: the one that is required, or the only one."""
    if len(required) == 1:
        return required
    return fields if len(fields) == 1 else []


def _layer(fields: Schema, required: list[str], bare: list[Schema], *, share: Schema = COMMON["share"]) -> Schema:
    mapping = _mapping({**fields, **COMMON, "share": share})
    if required:
        mapping["anyOf"] = [{"required": required}, _SHARING]
    empty = [] if required else [{"type": "null"}]
    return {"anyOf": [mapping, *bare, *empty]}
