"""Identity: the input as it is, for a name or a place to refer to.

Example:
    input: [3, 32, 32]
    layers:
      - identity
    # output 3x32x32, params 0, macs 0, field 1

Source: PyTorch nn.Identity.
"""

from convcalc.layers import Array, Arrays, Engine, Fields, Kind


class Identity(Kind, frozen=True, kw_only=True):
    is_inert = True
    onnx_form = "Identity"

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return x
