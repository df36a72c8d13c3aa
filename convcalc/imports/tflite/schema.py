"""The schema: operators by their numbers, types of elements, and where the options of an operator lie in its table."""

from __future__ import annotations

OPERATORS = (  # noqa: SIM905  # two hundred names read better so
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
    FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC
    LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH
    SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
    BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
    BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
    ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE
    TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK
    LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL
    FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL
    REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND
    HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM
    BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS
    HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE
    ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU
    DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
    UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE
    STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE
    STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE
    STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG
    STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT
    STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT
    STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL
    STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE
    STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
    """
).split()
"""Every operator, at the place that is its number."""

CUSTOM = "CUSTOM"
"""The operator that stands for one by name."""

MANY = 127
"""The largest number of an operator in the field of one byte, which later files leave at that."""

TYPES: dict[int, tuple[str, str]] = {
    0: ("float32", "f"), 1: ("float16", "e"), 2: ("int32", "i"), 3: ("uint8", "B"), 4: ("int64", "q"),
    5: ("string", ""), 6: ("bool", "?"), 7: ("int16", "h"), 8: ("complex64", ""), 9: ("int8", "b"),
    10: ("float64", "d"), 11: ("complex128", ""), 12: ("uint64", "Q"), 13: ("resource", ""), 14: ("variant", ""),
    15: ("uint32", "I"), 16: ("uint16", "H"), 17: ("int4", ""), 18: ("bfloat16", ""), 19: ("int2", ""),
    20: ("uint4", ""),
}  # fmt: skip
"""Types of elements: what each is called, and the letter that `struct` has for it, none where it has none."""

FLOATS = {0, 1, 10, 18}
"""The types that hold numbers with a fraction."""

SMALL = {3, 7, 9, 16, 17, 19, 20}
"""The types that numbers are rounded to."""

ACTIVATIONS = ("", "relu", "relu_n1_to_1", "relu6", "tanh", "sign_bit")
"""What an operator may do with its result at once."""

REFLECT = 0
"""The mode of MIRROR_PAD that leaves the edge out."""

_WINDOW = "padding:0:b stride_w:1 stride_h:2"
_WINDOW_3D = "padding:0:b stride_d:1 stride_w:2 stride_h:3 activation:4:b dilation_d:5=1 dilation_w:6=1 dilation_h:7=1"

OPTIONS: dict[str, str] = {
    "CONV_2D": f"{_WINDOW} activation:3:b dilation_w:4=1 dilation_h:5=1",
    "DEPTHWISE_CONV_2D": f"{_WINDOW} activation:4:b dilation_w:5=1 dilation_h:6=1",
    "TRANSPOSE_CONV": f"{_WINDOW} activation:3:b",
    "CONV_3D": _WINDOW_3D,
    "CONV_3D_TRANSPOSE": _WINDOW_3D,
    "AVERAGE_POOL_2D": f"{_WINDOW} kernel_w:3 kernel_h:4 activation:5:b",
    "MAX_POOL_2D": f"{_WINDOW} kernel_w:3 kernel_h:4 activation:5:b",
    "L2_POOL_2D": f"{_WINDOW} kernel_w:3 kernel_h:4 activation:5:b",
    "FULLY_CONNECTED": "activation:0:b keep_num_dims:2:b",
    "ADD": "activation:0:b",
    "SUB": "activation:0:b",
    "MUL": "activation:0:b",
    "DIV": "activation:0:b",
    "L2_NORMALIZATION": "activation:0:b",
    "CONCATENATION": "axis:0 activation:1:b",
    "SOFTMAX": "beta:0:f=1",
    "LOCAL_RESPONSE_NORMALIZATION": "radius:0 bias:1:f alpha:2:f beta:3:f",
    "RESIZE_BILINEAR": "align_corners:2:b half_pixel_centers:3:b",
    "RESIZE_NEAREST_NEIGHBOR": "align_corners:0:b half_pixel_centers:1:b",
    "RESHAPE": "new_shape:0:*",
    "SQUEEZE": "axes:0:*",
    "SPACE_TO_DEPTH": "block_size:0",
    "DEPTH_TO_SPACE": "block_size:0",
    "GATHER": "axis:0 batch_dims:1",
    "SPLIT": "num_splits:0",
    "SPLIT_V": "num_splits:0",
    "STRIDED_SLICE": "begin_mask:0 end_mask:1 ellipsis_mask:2 new_axis_mask:3 shrink_axis_mask:4 offset:5:b",
    "ONE_HOT": "axis:0",
    "PACK": "count:0 axis:1",
    "UNPACK": "count:0 axis:1",
    "LEAKY_RELU": "alpha:0:f",
    "MIRROR_PAD": "mode:0:b",
    "REVERSE_SEQUENCE": "axis:0 batch_axis:1",
    "BATCH_MATMUL": "adj_x:0:b adj_y:1:b",
    "CUMSUM": "exclusive:0:b reverse:1:b",
    "GELU": "approximate:0:b",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "activation:0:b cell_clip:1:f proj_clip:2:f time_major:3:b diagonal:5:b",
    "BIDIRECTIONAL_SEQUENCE_LSTM": "activation:0:b cell_clip:1:f proj_clip:2:f merge_outputs:3:b time_major:4:b",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "time_major:0:b activation:1:b",
    "BIDIRECTIONAL_SEQUENCE_RNN": "time_major:0:b activation:1:b merge_outputs:2:b",
    "SVDF": "rank:0 activation:1:b",
    "CALL": "subgraph:0:I",
    "IF": "then:0 else:1",
    "WHILE": "cond:0 body:1",
    "CALL_ONCE": "subgraph:0",
    "VAR_HANDLE": "container:0:t shared_name:1:t",
    "STABLEHLO_COMPOSITE": "name:0:t subgraph:1",
    **dict.fromkeys(
        ("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ANY", "REDUCE_ALL"), "keep_dims:0:b"
    ),
}
"""The options of operators that are read: what each is called, its field, its letter (a whole number without; `*` is a
list of these and `t` a text), and what it is where it is left out, 0 unless that is written."""
