"""Runs one MLflow pyfunc model for `maru infer`: `worker.py FD MODEL_DIRECTORY`.

One file that needs only what the model needs (mlflow and what it brings), since it runs inside the
model's own environment; `maru infer` carries it and writes it out. FD is a stream socket to
`maru infer`.

Frames, both ways: length of the header (4 bytes, little-endian), length of the body (8 bytes), the
header (JSON), the body.

First the worker says {"event": "ready", "inputs": [...], "outputs": [...]} or {"event": "failed",
"message": ...}. Then it answers one request after another:

    {"kind": "predict", "inputs": [{"name", "datatype", "shape", "size"}]}, body: the tensors
        -> {"outputs": [the same]}, body
    {"kind": "invocations", "content_type": ...}, body: as it was posted
        -> {"status": 200, "content_type": ...}, body

or {"error": message, "code": "invalid_argument" | "internal"}. Tracebacks go to stderr, which is
the replica's log, and never into an answer.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import traceback
from typing import Any

MESSAGE_CHARACTERS_MAX = 2000

NUMPY_NAMES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
DATATYPES = {numpy_name: datatype for datatype, numpy_name in NUMPY_NAMES.items()}
COLUMN_DATATYPES = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
    "binary": "BYTES",
    "datetime": "BYTES",
}


class InvalidInput(Exception):
    """The request does not fit the model."""


class Channel:
    """Frames over a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb", buffering=1 << 16)

    def receive(self) -> tuple[dict[str, Any], bytes] | None:
        lengths = self._file.read(12)
        if len(lengths) < 12:
            return None
        header_bytes, body_bytes = struct.unpack("<IQ", lengths)
        header = self._file.read(header_bytes)
        body = self._file.read(body_bytes)
        if len(header) < header_bytes or len(body) < body_bytes:
            return None
        return json.loads(header), body

    def send(self, header: dict[str, Any], pieces: list[Any]) -> None:
        views = [memoryview(piece).cast("B") for piece in pieces if memoryview(piece).nbytes]
        encoded = json.dumps(header).encode()
        total = sum(view.nbytes for view in views)
        self._connection.sendall(struct.pack("<IQ", len(encoded), total) + encoded)
        for view in views:
            self._connection.sendall(view)


def decode_strings(body: memoryview, count: int) -> list[Any]:
    texts: list[Any] = []
    at = 0
    for _ in range(count):
        (length,) = struct.unpack_from("<I", body, at)
        raw = bytes(body[at + 4 : at + 4 + length])
        at += 4 + length
        try:
            texts.append(raw.decode())
        except UnicodeDecodeError:
            texts.append(raw)
    return texts


def decode_tensor(spec: dict[str, Any], body: memoryview) -> Any:
    import numpy as np

    datatype, shape = spec["datatype"], spec["shape"]
    if datatype == "BYTES":
        array = np.empty(int(np.prod(shape, dtype=np.int64)), dtype=object)
        array[:] = decode_strings(body, array.size)
    elif datatype == "BF16":
        # numpy has no bfloat16; its bits are a float32's upper half.
        array = (np.frombuffer(body, dtype=np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        array = np.frombuffer(body, dtype=NUMPY_NAMES[datatype])
    return array.reshape(shape)


def encode_tensor(name: str, value: Any) -> tuple[dict[str, Any], Any]:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind in "cV":
        raise TypeError(f"output {name}: {array.dtype} has no counterpart in the protocol")
    spec: dict[str, Any] = {"name": name, "shape": list(array.shape) or [1]}
    datatype = DATATYPES.get(array.dtype.name)
    if datatype is None:
        pieces = []
        for item in array.ravel().tolist():
            raw = item if isinstance(item, bytes) else str(item).encode()
            pieces.append(struct.pack("<I", len(raw)) + raw)
        body: Any = b"".join(pieces)
        spec.update(datatype="BYTES", size=len(body))
    else:
        body = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("="), copy=False)
        # A view of bytes, since memoryview knows neither booleans of numpy nor halves.
        body = body.reshape(-1).view(np.uint8)
        spec.update(datatype=datatype, size=body.nbytes)
    return spec, body


def describe_schema(schema: Any) -> list[dict[str, Any]]:
    """The schema's inputs or outputs that the Open Inference Protocol has a form for."""
    if schema is None:
        return []
    specs = []
    for index, item in enumerate(schema.inputs):
        name = item.name or f"{index}"
        if hasattr(item, "shape"):
            datatype = DATATYPES.get(item.type.name, "BYTES")
            specs.append({"name": name, "datatype": datatype, "shape": list(item.shape)})
        else:
            datatype = COLUMN_DATATYPES.get(getattr(item.type, "name", ""))
            if datatype is not None:
                specs.append({"name": name, "datatype": datatype, "shape": [-1]})
    return specs


class LoadedModel:
    """An MLflow pyfunc model and what it takes and gives."""

    def __init__(self, directory: str) -> None:
        import mlflow.pyfunc
        from mlflow.pyfunc import scoring_server

        self._scoring_server = scoring_server
        self._model = mlflow.pyfunc.load_model(directory)
        self._input_schema = self._model.metadata.get_input_schema()
        self._output_schema = self._model.metadata.get_output_schema()

    def describe(self) -> dict[str, Any]:
        return {
            "event": "ready",
            "inputs": describe_schema(self._input_schema),
            "outputs": describe_schema(self._output_schema),
        }

    def _column_names(self) -> list[str] | None:
        schema = self._input_schema
        if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
            return None
        return list(schema.input_names())

    def _to_input(self, arrays: dict[str, Any]) -> Any:
        import pandas as pd

        columns = self._column_names()
        only = next(iter(arrays.values())) if len(arrays) == 1 else None
        if columns is not None:
            if (
                only is not None
                and only.ndim == 2
                and only.shape[1] == len(columns)
                and set(arrays) != set(columns)
            ):
                return pd.DataFrame(only, columns=columns)
            missing = [name for name in columns if name not in arrays]
            optional = set(self._input_schema.optional_input_names())
            if set(missing) - optional:
                raise InvalidInput(
                    f"the inputs {', '.join(missing)} are missing; got {', '.join(arrays)}"
                )
            return pd.DataFrame(
                {
                    name: list(a) if a.ndim > 1 and a.shape[1] != 1 else a.reshape(-1)
                    for name, a in arrays.items()
                }
            )
        if self._input_schema is not None and self._input_schema.has_input_names():
            return arrays
        return only if only is not None else arrays

    def _to_outputs(self, prediction: Any) -> dict[str, Any]:
        import numpy as np
        import pandas as pd

        names = [spec["name"] for spec in describe_schema(self._output_schema)]
        if isinstance(prediction, pd.DataFrame):
            return {str(name): prediction[name].to_numpy() for name in prediction.columns}
        if isinstance(prediction, dict):
            return {str(name): np.asarray(value) for name, value in prediction.items()}
        if isinstance(prediction, (tuple, list)) and 1 < len(names) == len(prediction):
            return dict(zip(names, prediction, strict=True))
        if isinstance(prediction, pd.Series):
            prediction = prediction.to_numpy()
        return {names[0] if len(names) == 1 else "0": prediction}

    def predict(self, header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], list[Any]]:
        from mlflow.exceptions import MlflowException

        arrays: dict[str, Any] = {}
        at, view = 0, memoryview(body)
        for spec in header["inputs"]:
            arrays[spec["name"]] = decode_tensor(spec, view[at : at + spec["size"]])
            at += spec["size"]
        data = self._to_input(arrays)
        try:
            prediction = self._model.predict(data)
        except MlflowException as error:
            # MLflow's own word that the input does not fit the signature.
            if "schema" in error.message:
                raise InvalidInput(error.message) from error
            raise
        outputs = [
            encode_tensor(name, value) for name, value in self._to_outputs(prediction).items()
        ]
        return {"outputs": [spec for spec, _ in outputs]}, [piece for _, piece in outputs]

    def invocations(self, header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], list[Any]]:
        from mlflow.exceptions import MlflowException

        content_type = header["content_type"] or "application/json"
        is_parquet = content_type.startswith("application/vnd.apache.parquet")
        try:
            data: Any = body if is_parquet else body.decode()
            answer = self._scoring_server.invocations(
                data, content_type, self._model, self._input_schema
            )
        except UnicodeDecodeError as error:
            raise InvalidInput(f"the body is not UTF-8: {error}") from error
        except (RecursionError, ValueError) as error:
            if "json" in content_type and (problem := json_problem(body)):
                raise InvalidInput(f"the body is not JSON that can be read: {problem}") from error
            raise
        except MlflowException as error:
            traceback.print_exc()
            print(
                json.loads(error.serialize_as_json()).get("stack_trace") or "",
                file=sys.stderr,
                flush=True,
            )
            failure = {
                "error_code": error.error_code,
                "message": error.message[:MESSAGE_CHARACTERS_MAX],
            }
            status = error.get_http_status_code()
            return {"status": status, "content_type": "application/json"}, [
                json.dumps(failure).encode()
            ]
        return {"status": answer.status, "content_type": answer.mimetype}, [
            answer.response.encode()
        ]


def json_problem(body: bytes) -> str | None:
    try:
        json.loads(body)
    except (RecursionError, ValueError) as error:
        return str(error)
    return None


def answer(
    model: LoadedModel, header: dict[str, Any], body: bytes
) -> tuple[dict[str, Any], list[Any]]:
    try:
        if header["kind"] == "predict":
            return model.predict(header, body)
        return model.invocations(header, body)
    except InvalidInput as error:
        return {"error": str(error)[:MESSAGE_CHARACTERS_MAX], "code": "invalid_argument"}, []
    except Exception as error:  # whatever the model's code raises
        traceback.print_exc()
        sys.stderr.flush()
        message = f"the model failed: {type(error).__name__}: {error}"
        return {"error": message[:MESSAGE_CHARACTERS_MAX], "code": "internal"}, []


def main(arguments: list[str]) -> int:
    channel = Channel(socket.socket(fileno=int(arguments[1])))
    # MLflow asks this before it logs or prints what only makes sense while training.
    os.environ.setdefault("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")
    try:
        model = LoadedModel(arguments[2])
    except Exception as error:  # whatever importing the model's code raises
        traceback.print_exc()
        sys.stderr.flush()
        message = f"the model could not be loaded: {type(error).__name__}: {error}"
        channel.send({"event": "failed", "message": message[:MESSAGE_CHARACTERS_MAX]}, [])
        return 1
    channel.send(model.describe(), [])
    while True:
        request = channel.receive()
        if request is None:
            return 0
        channel.send(*answer(model, *request))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
