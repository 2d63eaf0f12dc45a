"""Makes the small ONNX models of the tests: `uv run --with onnx --with numpy make_models.py`."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
TYPES = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "BF16": TensorProto.BFLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}


def save(name, nodes, inputs, outputs, weights=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(weights))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), HERE / f"{name}.onnx")


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def main():
    # y = 2 x + 1 over rows of three.
    save(
        "affine",
        [helper.make_node("Mul", ["x", "two"], ["t"]), helper.make_node("Add", ["t", "one"], ["y"])],
        [value("x", TensorProto.FLOAT, ["n", 3])],
        [value("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.float32(2), "two"), numpy_helper.from_array(np.float32(1), "one")],
    )
    # sum = a + b and count, of columns by name.
    save(
        "columns",
        [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Identity", ["count"], ["same"])],
        [value("a", TensorProto.FLOAT, ["n"]), value("b", TensorProto.FLOAT, ["n"]),
         value("count", TensorProto.INT64, ["n", 1])],
        [value("sum", TensorProto.FLOAT, ["n"]), value("same", TensorProto.INT64, ["n", 1])],
    )
    # Every data type as it came.
    save(
        "types",
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in TYPES],
        [value(name, kind, ["n"]) for name, kind in TYPES.items()],
        [value(f"{name}_out", kind, ["n"]) for name, kind in TYPES.items()],
    )
    # A classifier's probabilities as scikit-learn's converters give them: a sequence of maps.
    sequence = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    )
    save(
        "zipmap",
        [helper.make_node("ZipMap", ["x"], ["probability"], domain="ai.onnx.ml", classlabels_int64s=[3, 7]),
         helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0)],
        [value("x", TensorProto.FLOAT, ["n", 2])],
        [value("label", TensorProto.INT64, ["n"]), helper.make_value_info("probability", sequence)],
    )


if __name__ == "__main__":
    main()
