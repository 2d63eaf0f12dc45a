"""Endpoints through tritonclient (Open Inference Protocol v2) and MLflow's scoring formats."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import mlflow
import numpy as np
import onnx
import pandas as pd
import pytest
from maru_server import Project, Server
from onnx import TensorProto, helper, numpy_helper
from protocols.mlflow_project import mlflow_project
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

pytestmark = pytest.mark.timeout(600)

ROWS = np.array([[1, 2, 3], [0, -1, 0.5]], dtype=np.float32)


def affine_model() -> onnx.ModelProto:
    """y = 2 x + 1 over rows of three."""
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "two"], ["t"]),
            helper.make_node("Add", ["t", "one"], ["y"]),
        ],
        "affine",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [
            numpy_helper.from_array(np.array(2, dtype=np.float32), "two"),
            numpy_helper.from_array(np.array(1, dtype=np.float32), "one"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def project(server: Server) -> Iterator[Project]:
    """A project whose registry the mlflow client of this process writes to."""
    with mlflow_project(server) as made:
        yield made


@pytest.fixture(scope="module")
def affine(project: Project) -> Iterator[str]:
    """The name of an endpoint of the affine model."""
    with mlflow.start_run():
        mlflow.onnx.log_model(affine_model(), name="model", registered_model_name="affine")
    created = project.post("/endpoints", {"name": "affine", "model": "affine/1"})
    assert created["state"] in ("starting", "ready"), created["reason"]
    # A request that comes while the replica starts waits for it.
    assert score(project, "affine", {"inputs": ROWS.tolist()}) == {
        "predictions": {"y": (2 * ROWS + 1).tolist()}
    }
    assert project.get("/endpoints/affine")["state"] == "ready"
    yield "affine"
    # It holds cores that the jobs of other tests wait for.
    project.delete("/endpoints/affine")


def score(project: Project, endpoint: str, body: object, status: int = 200) -> Any:
    answer = httpx.post(
        f"{project.server.url}/p/{project.name}/endpoints/{endpoint}/invocations",
        json=body,
        headers={"Authorization": f"Bearer {project.server.token}"},
        timeout=600,
    )
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def triton(project: Project, affine: str) -> Iterator[InferenceServerClient]:
    assert affine
    host = project.server.url.removeprefix("http://")
    with InferenceServerClient(f"{host}/p/{project.name}") as client:
        yield client


@pytest.fixture
def headers(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.token}"}


def rows_input(rows: np.ndarray[Any, Any], binary: bool) -> InferInput:
    tensor = InferInput("x", list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return tensor


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_infer(
    triton: InferenceServerClient, headers: dict[str, str], binary_in: bool, binary_out: bool
) -> None:
    result = triton.infer(
        "affine",
        [rows_input(ROWS, binary_in)],
        outputs=[InferRequestedOutput("y", binary_data=binary_out)],
        request_id="seven",
        headers=headers,
    )
    np.testing.assert_array_equal(result.as_numpy("y"), 2 * ROWS + 1)
    assert result.get_response()["id"] == "seven"
    assert result.get_response()["model_version"] == "1"


def test_infer_without_naming_outputs(
    triton: InferenceServerClient, headers: dict[str, str]
) -> None:
    result = triton.infer("affine", [rows_input(ROWS, True)], headers=headers)
    np.testing.assert_array_equal(result.as_numpy("y"), 2 * ROWS + 1)


def test_infer_of_a_large_batch(triton: InferenceServerClient, headers: dict[str, str]) -> None:
    rows = np.random.default_rng(1).normal(size=(200_000, 3)).astype(np.float32)
    result = triton.infer("affine", [rows_input(rows, True)], headers=headers)
    np.testing.assert_allclose(result.as_numpy("y"), 2 * rows + 1, rtol=1e-6)


def test_health_and_metadata(triton: InferenceServerClient, headers: dict[str, str]) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("affine", headers=headers)
    assert "binary_tensor_data" in triton.get_server_metadata()["extensions"]
    metadata = triton.get_model_metadata("affine", headers=headers)
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
    assert metadata["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}]


def test_what_does_not_fit_is_explained(
    triton: InferenceServerClient, headers: dict[str, str]
) -> None:
    with pytest.raises(InferenceServerException, match=r"input x: expected shape \[-1, 3\]"):
        triton.infer("affine", [rows_input(ROWS[:, :2].copy(), True)], headers=headers)
    with pytest.raises(InferenceServerException, match="no endpoint"):
        triton.get_model_metadata("other", headers=headers)
    wrong = InferInput("x", [1, 3], "FP64")
    wrong.set_data_from_numpy(np.zeros((1, 3)))
    with pytest.raises(InferenceServerException, match="expected datatype FP32, got FP64"):
        triton.infer("affine", [wrong], headers=headers)


def test_without_a_token_nothing_is_answered(project: Project, affine: str) -> None:
    url = f"{project.server.url}/p/{project.name}/endpoints/{affine}/invocations"
    assert httpx.post(url, json={"inputs": ROWS.tolist()}).status_code == 401


def test_answers_cannot_act_as_the_portal(project: Project, affine: str) -> None:
    """Whoever wrote the model also writes its answers, on the portal's own origin."""
    answer = httpx.get(
        f"{project.server.url}/p/{project.name}/v2/models/{affine}",
        headers={"Authorization": f"Bearer {project.server.token}"},
    )
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_replacing_a_version_loses_no_request(project: Project, affine: str) -> None:
    assert affine
    project.post("/endpoints", {"name": "replaced", "model": "affine/1"})
    score(project, "replaced", {"inputs": ROWS.tolist()})
    done = threading.Event()

    def ask() -> list[str]:
        answers = []
        url = f"{project.server.url}/p/{project.name}/endpoints/replaced/invocations"
        with project.server.client() as client:
            while not done.is_set():
                answer = client.post(url, json={"inputs": ROWS.tolist()})
                answers.append("" if answer.status_code == 200 else answer.text)
        return answers

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        for replicas in (2, 1, 2, 1):
            small = {"cpu_milli": 100, "memory_mib": 128}
            body = {"name": "replaced", "model": "affine/1", "replicas": replicas}
            project.post("/endpoints", {**body, "resources": small})
            deadline = time.monotonic() + 120
            while [variant["replicas"] for variant in variants(project)] != [replicas]:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        done.set()
        answers = [answer for future in asking for answer in future.result()]
    assert len(answers) > 100
    assert [answer for answer in answers if answer] == []
    project.delete("/endpoints/replaced")


def variants(project: Project) -> Any:
    return project.get("/endpoints/replaced")["variants"]


def test_the_scoring_formats_agree_with_mlflow(project: Project, affine: str) -> None:
    frame = pd.DataFrame(ROWS, columns=["a", "b", "c"])
    model = mlflow.pyfunc.load_model("models:/affine/1")
    expected = {"predictions": model.predict(frame).to_dict(orient="records")}
    assert score(project, affine, {"dataframe_split": frame.to_dict(orient="split")}) == expected
    records = {"dataframe_records": frame.to_dict(orient="records")}
    assert score(project, affine, records) == expected
    tensors = {"predictions": {"y": model.predict(ROWS)["y"].tolist()}}
    for body in ({"inputs": ROWS.tolist()}, {"instances": ROWS.tolist()}):
        assert score(project, affine, body) == tensors
    refused = score(project, affine, {"inputs": [[1, "two", 3]]}, status=400)
    assert refused["error_code"] == "BAD_REQUEST"
    assert "element 1" in refused["message"]


def test_a_python_model_is_served_in_its_environment(project: Project) -> None:
    """A pyfunc model with code of its own, in an environment built from its requirements."""

    class Doubler(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            del context, params
            if (model_input < 0).any().any():
                raise ValueError("below zero")
            return model_input * 2

    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="model",
            python_model=Doubler(),
            registered_model_name="doubler",
            pip_requirements=[f"mlflow=={mlflow.__version__}"],
        )
    project.post("/endpoints", {"name": "doubler", "model": "doubler/1"})
    frame = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}}
    answer = score(project, "doubler", frame)
    assert answer == {"predictions": [{"a": 2, "b": 4}, {"a": 6, "b": 8}]}
    refused = score(
        project, "doubler", {"dataframe_split": {"columns": ["a"], "data": [[-1]]}}, status=400
    )
    deep = httpx.post(
        f"{project.server.url}/p/{project.name}/endpoints/doubler/invocations",
        content="[" * 100_000,
        headers={
            "Authorization": f"Bearer {project.server.token}",
            "Content-Type": "application/json",
        },
    )
    assert deep.status_code == 400, deep.text
    # The reason is for the caller, the traceback for the log.
    assert "stack_trace" not in refused
    [workload] = project.get("/endpoints/doubler")["variants"][0]["workload_ids"]
    assert "ValueError: below zero" in project.log(workload)
    project.delete("/endpoints/doubler")
    project.get("/endpoints/doubler", status=404)
