"""Stands in for maru_worker in python_model_test.cpp: `echo_worker.py FD MODEL`, with the standard library only.

Answers tensors and bodies as they came; a body "crash" ends the process, "fail" is an error of the model's,
and a model named "broken" can't be loaded.
"""

import json
import os
import socket
import struct
import sys


def main():
    connection = socket.socket(fileno=int(sys.argv[1]))
    stream = connection.makefile("rb")

    def send(header, body=b""):
        encoded = json.dumps(header).encode()
        connection.sendall(struct.pack("<IQ", len(encoded), len(body)) + encoded + body)

    if sys.argv[2].endswith("broken"):
        send({"event": "failed", "message": "the model could not be loaded: no such layer"})
        return
    send({"event": "ready", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}], "outputs": []})
    while lengths := stream.read(12):
        header_bytes, body_bytes = struct.unpack("<IQ", lengths)
        header = json.loads(stream.read(header_bytes))
        body = stream.read(body_bytes)
        if header["kind"] == "predict":
            send({"outputs": header["inputs"]}, body)
        elif body == b"crash":
            os._exit(3)
        elif body == b"fail":
            send({"error": "the model failed: ValueError: no", "code": "internal"})
        else:
            send({"status": 200, "content_type": "application/json"}, body)


main()
