"""Traces and assessments through the unmodified mlflow client; spans of any OTLP exporter."""

import asyncio
import gzip
import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import mlflow
import pytest
from maru_server import Project, Server
from mlflow import MlflowClient
from mlflow.entities import AssessmentError, AssessmentSource, SpanType, Trace
from mlflow.exceptions import MlflowException
from mlflow.tracing.client import TracingClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from protocols.mlflow_project import mlflow_project, traced

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def project(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    with mlflow_project(server) as made:
        # The exporter remembers where it sends traces.
        mlflow.tracing.reset()
        yield made
        mlflow.tracing.reset()


@pytest.fixture
def client() -> MlflowClient:
    return MlflowClient()


@pytest.fixture
def http(server: Server, project: Project) -> Iterator[httpx.Client]:
    base = f"{server.url}/p/{project.name}"
    authorization = {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=base, headers=authorization, timeout=60) as made:
        yield made


@traced(span_type=SpanType.RETRIEVER, attributes={"k": 3})
def retrieve(question: str) -> list[str]:
    return [f"about {question}", "한글"]


@traced(span_type=SpanType.LLM)
def complete(question: str) -> dict[str, Any]:
    span = mlflow.get_current_active_span()
    assert span is not None
    span.set_attribute("temperature", 0.5)
    span.set_attribute(
        "mlflow.chat.tokenUsage", {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    )
    return {"messages": [{"role": "assistant", "content": f"answer to {question}"}]}


@traced(name="ask")
def ask(question: str, fails: bool = False) -> str:
    documents = retrieve(question)
    answer = complete(question)
    if fails:
        raise ValueError(f"no answer to {question}")
    mlflow.update_current_trace(
        tags={"topic": question}, metadata={"mlflow.trace.session": "s1"}, client_request_id="c1"
    )
    return str(answer["messages"][0]["content"]) + str(len(documents))


def last_trace_id() -> str:
    found = mlflow.get_last_active_trace_id()
    assert found is not None
    return str(found)


def search(filter_string: str = "", **options: Any) -> list[Trace]:
    found = mlflow.search_traces(
        filter_string=filter_string, return_type="list", locations=["0"], **options
    )
    assert isinstance(found, list)
    return found


def names(filter_string: str = "", **options: Any) -> list[str]:
    return [trace.info.tags["mlflow.traceName"] for trace in search(filter_string, **options)]


def test_a_decorated_function(project: Project) -> None:
    assert ask("cats").startswith("answer to cats")
    trace = mlflow.get_trace(last_trace_id())
    assert trace is not None
    assert str(trace.info.state) == "OK"
    assert trace.info.tags["mlflow.traceName"] == "ask"
    assert trace.info.tags["topic"] == "cats"
    assert trace.info.trace_metadata["mlflow.trace.session"] == "s1"
    assert trace.info.client_request_id == "c1"
    assert trace.info.token_usage == {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    assert trace.info.request_preview == '{"question": "cats", "fails": false}'
    root, first, second = trace.data.spans
    assert (root.name, first.name, second.name) == ("ask", "retrieve", "complete")
    assert first.parent_id == second.parent_id == root.span_id
    assert root.inputs == {"question": "cats", "fails": False}
    assert first.outputs == ["about cats", "한글"]
    assert first.span_type == "RETRIEVER"
    assert first.attributes["k"] == 3
    assert second.attributes["temperature"] == 0.5
    assert second.start_time_ns >= first.end_time_ns

    shown = project.get(f"/traces/{trace.info.trace_id}")
    assert [span["name"] for span in shown["spans"]] == ["ask", "retrieve", "complete"]
    assert shown["spans"][1]["inputs"] == {"question": "cats"}
    assert shown["trace"]["tokens"]["total"] == 10
    listed = project.get("/traces", experiment="Default")["items"]
    assert [trace["name"] for trace in listed] == ["ask"]


def test_an_exception() -> None:
    with pytest.raises(ValueError, match="no answer"):
        ask("dogs", fails=True)
    trace = mlflow.get_trace(last_trace_id())
    assert trace is not None
    assert str(trace.info.state) == "ERROR"
    root = trace.data.spans[0]
    assert "no answer to dogs" in root.status.description
    assert root.events[0].name == "exception"
    assert "Traceback" in root.events[0].attributes["exception.stacktrace"]
    assert names("trace.status = 'ERROR'") == ["ask"]


def test_async_functions_and_threads() -> None:
    @traced()
    async def step(number: int) -> int:
        await asyncio.sleep(0)
        return number

    @traced()
    async def gather() -> int:
        return sum(await asyncio.gather(*(step(number) for number in range(5))))

    # On a thread of its own: another test of this process may have left a running loop here.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(gather())).result() == 10
    trace = mlflow.get_trace(last_trace_id())
    assert trace is not None
    assert len(trace.data.spans) == 6

    threads = [threading.Thread(target=ask, args=(f"thread {i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(search("trace.name = 'ask'")) == 8
    assert all(len(trace.data.spans) == 3 for trace in search("trace.name = 'ask'"))


def test_logging_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "true")
    mlflow.tracing.reset()
    for number in range(10):
        ask(f"question {number}")
    mlflow.flush_trace_async_logging()
    found = search()
    assert len(found) == 10
    assert all(len(trace.data.spans) == 3 for trace in found)


def test_spans_made_by_hand(client: MlflowClient) -> None:
    root = client.start_trace("by hand", inputs={"a": 1}, tags={"t": "v"})
    child = client.start_span("child", root.trace_id, root.span_id, inputs=[1, 2])
    client.end_span(root.trace_id, child.span_id, outputs={"b": float("nan")})
    client.end_trace(root.trace_id, outputs="done", status="OK")
    trace = client.get_trace(root.trace_id)
    assert [span.name for span in trace.data.spans] == ["by hand", "child"]
    assert trace.data.spans[0].outputs == "done"
    assert str(trace.data.spans[1].outputs["b"]) == "nan"


def test_thousands_of_spans() -> None:
    with mlflow.start_span("root") as root:
        for number in range(300):
            with mlflow.start_span(f"step {number}") as span:
                span.set_inputs({"text": "x" * 500})
    trace = mlflow.get_trace(root.trace_id)
    assert trace is not None
    assert len(trace.data.spans) == 301


@contextmanager
def without_otlp() -> Iterator[None]:
    """The client as it is where a server takes no spans: it uploads traces.json."""
    original = TracingClient.log_spans

    def refuse(*_: Any) -> None:
        raise NotImplementedError

    TracingClient.log_spans = refuse
    try:
        yield
    finally:
        TracingClient.log_spans = original


def test_spans_uploaded_as_a_file(project: Project, http: httpx.Client) -> None:
    with without_otlp():
        mlflow.tracing.reset()
        ask("a file")
    trace_id = last_trace_id()
    trace = mlflow.get_trace(trace_id)
    assert trace is not None
    assert "mlflow.trace.spansLocation" not in trace.info.tags
    assert [span.name for span in trace.data.spans] == ["ask", "retrieve", "complete"]
    assert [len(found.data.spans) for found in search()] == [3]
    assert len(project.get(f"/traces/{trace_id}")["spans"]) == 3
    answer = http.get("/ajax-api/2.0/mlflow/get-trace-artifact", params={"request_id": trace_id})
    assert len(answer.json()["spans"]) == 3


def test_search() -> None:
    ask("cats")
    ask("dogs")
    with pytest.raises(ValueError, match="no answer"):
        ask("ships", fails=True)
    retrieve("alone")
    cats = search("tags.topic = 'cats'")[0].info.trace_id
    mlflow.log_feedback(trace_id=cats, name="quality", value=0.9)
    mlflow.log_expectation(trace_id=cats, name="right", value="yes")
    cases = {
        "": ["retrieve", "ask", "ask", "ask"],
        "trace.status = 'OK'": ["retrieve", "ask", "ask"],
        "name = 'ask' AND status != 'ERROR'": ["ask", "ask"],
        "tags.topic IN ('cats')": None,
        "tags.topic LIKE '%at%'": ["ask"],
        "tags.topic RLIKE '^(cats|dogs)$'": ["ask", "ask"],
        "metadata.`mlflow.trace.session` = 's1'": ["ask", "ask"],
        "trace.client_request_id = 'c1'": ["ask", "ask"],
        "span.type = 'LLM'": ["ask", "ask", "ask"],
        "span.name = 'retrieve' AND span.type = 'RETRIEVER'": ["retrieve", "ask", "ask", "ask"],
        "span.name = 'retrieve' AND span.type = 'LLM'": [],
        "span.attributes.temperature = '0.5'": ["ask", "ask", "ask"],
        "trace.text LIKE '%about dogs%'": ["ask"],
        "trace.text LIKE '%한글%' AND status = 'ERROR'": ["ask"],
        "feedback.quality > 0.5": ["ask"],
        "feedback.quality IS NULL AND name = 'ask'": ["ask", "ask"],
        "expectation.right = 'yes'": ["ask"],
        f"trace.timestamp < {int(time.time() * 1000) + 10_000}": ["retrieve", "ask", "ask", "ask"],
        "execution_time > 1000000": [],
        f"request_id = '{cats}'": ["ask"],
    }
    for filter_string, expected in cases.items():
        if expected is None:
            with pytest.raises(MlflowException, match="not one of"):
                search(filter_string)
        else:
            assert names(filter_string) == expected, filter_string
    assert names(order_by=["timestamp ASC"]) == ["ask", "ask", "ask", "retrieve"]
    assert names(order_by=["status", "timestamp DESC"])[0] == "ask"
    topics = [trace.info.tags.get("topic") for trace in search(order_by=["tags.topic DESC"])]
    assert topics == ["dogs", "cats", None, None]
    assert names(max_results=2) == ["retrieve", "ask"]


def test_pages(client: MlflowClient) -> None:
    for number in range(7):
        retrieve(str(number))
    seen: list[str] = []
    token = None
    while True:
        page = client.search_traces(locations=["0"], max_results=3, page_token=token)
        seen += [trace.data.spans[0].inputs["question"] for trace in page]
        token = page.token
        if not token:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]
    frame = mlflow.search_traces(locations=["0"])
    assert len(frame) == 7
    assert "spans" in frame.columns


def test_tags(client: MlflowClient) -> None:
    retrieve("x")
    trace_id = last_trace_id()
    client.set_trace_tag(trace_id, "k", "v")
    mlflow.set_trace_tag(trace_id, "mlflow.traceName", "renamed")
    tags = client.get_trace(trace_id).info.tags
    assert tags["k"] == "v"
    assert tags["mlflow.traceName"] == "renamed"
    client.delete_trace_tag(trace_id, "k")
    assert "k" not in client.get_trace(trace_id).info.tags
    with pytest.raises(MlflowException, match="No trace tag with key 'k'"):
        client.delete_trace_tag(trace_id, "k")
    with pytest.raises(MlflowException, match="not found"):
        client.set_trace_tag("tr-nope", "k", "v")


def test_assessments() -> None:
    retrieve("x")
    trace_id = last_trace_id()
    source = AssessmentSource(source_type="LLM_JUDGE", source_id="judge")
    feedback = mlflow.log_feedback(
        trace_id=trace_id,
        name="quality",
        value={"score": 0.5},
        source=source,
        rationale="so so",
        metadata={"a": "b"},
    )
    expectation = mlflow.log_expectation(trace_id=trace_id, name="right", value=["a", {"b": 1}])
    failed = mlflow.log_feedback(
        trace_id=trace_id, name="broken", error=AssessmentError("CODE", "it broke")
    )
    assert feedback.assessment_id is not None
    stored = mlflow.get_assessment(trace_id, feedback.assessment_id)
    assert stored.value == {"score": 0.5}
    assert (stored.rationale, stored.metadata) == ("so so", {"a": "b"})
    assert (stored.source.source_type, stored.source.source_id) == ("LLM_JUDGE", "judge")
    assert expectation.assessment_id is not None
    assert mlflow.get_assessment(trace_id, expectation.assessment_id).value == ["a", {"b": 1}]
    assert failed.assessment_id is not None
    assert mlflow.get_assessment(trace_id, failed.assessment_id).error.error_message == "it broke"

    changed = mlflow.update_assessment(
        trace_id,
        feedback.assessment_id,
        mlflow.entities.Feedback(name="quality", value=True, rationale="well"),
    )
    assert (changed.value, changed.rationale) == (True, "well")
    over = mlflow.override_feedback(
        trace_id=trace_id, assessment_id=feedback.assessment_id, value=False
    )
    trace = mlflow.get_trace(trace_id)
    assert trace is not None
    valid = {item.assessment_id: item.valid for item in trace.info.assessments}
    assert valid[feedback.assessment_id] is False
    assert valid[over.assessment_id] is True
    assert over.overrides == feedback.assessment_id
    mlflow.delete_assessment(trace_id, over.assessment_id)
    assert mlflow.get_assessment(trace_id, feedback.assessment_id).valid is True
    with pytest.raises(MlflowException, match="not found for trace"):
        mlflow.get_assessment(trace_id, "a-nope")


def test_deleting(client: MlflowClient) -> None:
    for number in range(5):
        retrieve(str(number))
    ids = [trace.info.trace_id for trace in search()]
    assert client.delete_traces("0", trace_ids=ids[:2]) == 2
    assert [trace.info.trace_id for trace in search()] == ids[2:]
    until = int(time.time() * 1000) + 10_000
    assert client.delete_traces("0", max_timestamp_millis=until, max_traces=1) == 1
    assert [trace.info.trace_id for trace in search()] == ids[2:4]
    assert client.delete_traces("0", max_timestamp_millis=until) == 2
    assert search() == []
    assert mlflow.get_trace(ids[0], silent=True) is None


def test_traces_of_a_run(client: MlflowClient) -> None:
    with mlflow.start_run() as run:
        retrieve("inside")
    retrieve("outside")
    retrieve("linked")
    linked = last_trace_id()
    assert len(search(run_id=run.info.run_id)) == 1
    client.link_traces_to_run([linked], run.info.run_id)
    found = {t.data.spans[0].inputs["question"] for t in search(run_id=run.info.run_id)}
    assert found == {"inside", "linked"}
    client.delete_run(run.info.run_id)
    assert len(search(f"run_id = '{run.info.run_id}'")) == 2


def test_prompts_of_a_trace() -> None:
    mlflow.genai.register_prompt("greeting", "Hello {{name}}")

    @traced()
    def greet() -> str:
        prompt = mlflow.genai.load_prompt("prompts:/greeting/1")
        return str(prompt.format(name="you"))

    greet()
    deadline = time.monotonic() + 20
    # The client links prompts on a thread of its own.
    while not (found := search("prompt = 'greeting/1'")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [trace.info.tags["mlflow.traceName"] for trace in found] == ["greet"]


def test_numbers_of_many_traces() -> None:
    ask("cats")
    with pytest.raises(ValueError, match="no answer"):
        ask("dogs", fails=True)
    tracing = TracingClient()
    result = tracing.calculate_trace_filter_correlation(
        ["0"], "trace.status = 'ERROR'", "span.type = 'LLM'"
    )
    assert (result.filter1_count, result.filter2_count, result.joint_count) == (1, 2, 1)
    assert result.total_count == 2
    from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType

    points = tracing.store.query_trace_metrics(
        ["0"],
        MetricViewType.SPANS,
        "span_count",
        [MetricAggregation(AggregationType.COUNT)],
        dimensions=["span_type"],
    )
    counts = {point.dimensions["span_type"]: point.values["COUNT"] for point in points}
    assert counts == {"LLM": 2, "RETRIEVER": 2, "UNKNOWN": 2}
    points = tracing.store.query_trace_metrics(
        ["0"], MetricViewType.TRACES, "total_tokens", [MetricAggregation(AggregationType.SUM)]
    )
    assert [point.values for point in points] == [{"SUM": 20}]


def otlp_request(traces: int, spans: int) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    source = request.resource_spans.add()
    name = source.resource.attributes.add()
    name.key = "service.name"
    name.value.string_value = "shop"
    scope = source.scope_spans.add()
    for _ in range(traces):
        trace_id, root = random.randbytes(16), random.randbytes(8)
        for number in range(spans):
            span = scope.spans.add()
            span.trace_id = trace_id
            span.span_id = root if number == 0 else random.randbytes(8)
            if number:
                span.parent_span_id = root
            span.name = f"step {number}"
            span.start_time_unix_nano = 1_700_000_000_000_000_000 + number
            span.end_time_unix_nano = 1_700_000_001_000_000_000 + number
            span.status.code = 1
            tokens = span.attributes.add()
            tokens.key = "gen_ai.usage.input_tokens"
            tokens.value.int_value = 2
            kind = span.attributes.add()
            kind.key = "gen_ai.operation.name"
            kind.value.string_value = "chat"
    return request


OTLP = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": "0"}


def test_spans_of_any_exporter(http: httpx.Client) -> None:
    with mlflow.start_run() as run:
        pass
    body = otlp_request(3, 4).SerializeToString()
    headers = OTLP | {"Content-Encoding": "gzip", "x-mlflow-run-id": run.info.run_id}
    answer = http.post("/v1/traces", content=gzip.compress(body), headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-protobuf"
    found = search("tags.`service.name` = 'shop' AND span.type = 'CHAT_MODEL'")
    assert len(found) == 3
    assert all(len(trace.data.spans) == 4 for trace in found)
    assert found[0].info.execution_duration == 1000
    # The root says how much there was in all; its children are part of it.
    assert found[0].info.token_usage["input_tokens"] == 2
    assert len(search(run_id=run.info.run_id)) == 3
    # An exporter that has heard no answer sends the same again.
    assert http.post("/v1/traces", content=body, headers=OTLP).status_code == 200
    assert len(search()) == 3
    assert all(len(trace.data.spans) == 4 for trace in search())


def test_spans_as_json(http: httpx.Client) -> None:
    span = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "by json",
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
        "attributes": [{"key": "input.value", "value": {"stringValue": '{"q": 1}'}}],
        "status": {"code": 2, "message": "no"},
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    headers = {"x-mlflow-experiment-id": "0"}
    assert http.post("/v1/traces", json=body, headers=headers).status_code == 200
    trace = mlflow.get_trace("tr-5b8efff798038103d269b633813fc60c")
    assert trace is not None
    assert trace.data.spans[0].inputs == {"q": 1}
    assert str(trace.info.state) == "ERROR"


def test_what_is_no_otlp_is_refused(http: httpx.Client) -> None:
    whole = otlp_request(1, 2).SerializeToString()
    cases: list[tuple[bytes, dict[str, str], int]] = [
        (b"\xff\xff", OTLP, 400),
        (b"", OTLP, 400),
        (whole[:-3], OTLP, 400),
        (whole, OTLP | {"Content-Type": "text/plain"}, 400),
        (whole, OTLP | {"Content-Encoding": "gzip"}, 400),
        (whole, OTLP | {"Content-Encoding": "br"}, 400),
        (gzip.compress(bytes(100 << 20)), OTLP | {"Content-Encoding": "gzip"}, 400),
        (whole, {"Content-Type": "application/x-protobuf"}, 400),
        (whole, OTLP | {"x-mlflow-experiment-id": "77"}, 404),
        (b"{}", OTLP | {"Content-Type": "application/json"}, 400),
        (b"[" * 100_000, OTLP | {"Content-Type": "application/json"}, 400),
    ]
    for body, headers, status in cases:
        answer = http.post("/v1/traces", content=body, headers=headers)
        assert answer.status_code == status, (body[:20], headers, answer.text)
        assert answer.json()["error_code"]
    assert search() == []


def test_clients_of_mlflow_2(http: httpx.Client) -> None:
    made = http.post(
        "/api/2.0/mlflow/traces",
        json={
            "experiment_id": "0",
            "timestamp_ms": 1000,
            "request_metadata": [{"key": "k", "value": "v"}],
            "tags": [{"key": "mlflow.traceName", "value": "old"}],
        },
    ).json()["trace_info"]
    trace_id = made["request_id"]
    assert made["status"] == "IN_PROGRESS"
    ended = http.patch(
        f"/api/2.0/mlflow/traces/{trace_id}",
        json={
            "timestamp_ms": 1500,
            "status": "OK",
            "tags": [{"key": "t", "value": "u"}],
            "request_metadata": [{"key": "x", "value": "y"}],
        },
    ).json()["trace_info"]
    assert ended["execution_time_ms"] == 500
    location = next(tag for tag in ended["tags"] if tag["key"] == "mlflow.artifactLocation")
    path = location["value"].removeprefix("mlflow-artifacts:/")
    spans = {"spans": [], "request": "hi", "response": "there"}
    uploaded = http.put(
        f"/api/2.0/mlflow-artifacts/artifacts/{path}/traces.json", content=json.dumps(spans)
    )
    assert uploaded.status_code == 200
    info = http.get(f"/api/2.0/mlflow/traces/{trace_id}/info").json()["trace_info"]
    assert {pair["key"] for pair in info["request_metadata"]} == {"k", "x"}
    listed = http.get(
        "/api/2.0/mlflow/traces", params={"experiment_ids": "0", "filter": "tags.t = 'u'"}
    ).json()
    assert [trace["request_id"] for trace in listed["traces"]] == [trace_id]
    assert mlflow.get_trace(trace_id) is not None


def test_roles_and_projects(server: Server, project: Project) -> None:
    retrieve("mine")
    trace_id = last_trace_id()
    other = server.new_project()
    path = f"/p/{other.name}/api/3.0/mlflow/traces/{trace_id}"
    with server.client() as client:
        assert client.get(path).status_code == 404
        assert client.get(f"/p/{project.name}/api/3.0/mlflow/traces/{trace_id}").status_code == 200
    bare = httpx.post(
        f"{server.url}/p/{project.name}/v1/traces",
        content=otlp_request(1, 1).SerializeToString(),
        headers=OTLP,
    )
    assert bare.status_code == 401


def test_the_own_api(project: Project) -> None:
    ask("cats")
    trace_id = last_trace_id()
    tagged = project.request("PUT", f"/traces/{trace_id}/tags/color", body={"value": "red"})
    assert tagged["tags"]["color"] == "red"
    project.delete(f"/traces/{trace_id}/tags/color")
    made = project.post(
        f"/traces/{trace_id}/assessments",
        {"name": "quality", "value": 4, "rationale": "good", "kind": "feedback"},
    )
    assert (made["source_type"], made["source_id"]) == ("HUMAN", "admin")
    assert search("feedback.quality >= 4")[0].info.assessments[0].rationale == "good"
    listed = project.get("/traces", experiment="0", filter="feedback.quality > 3", page_size=1)
    assert [trace["id"] for trace in listed["items"]] == [trace_id]
    project.delete(f"/traces/{trace_id}/assessments/{made['id']}")
    assert project.get(f"/traces/{trace_id}")["trace"]["assessments"] == []
    project.delete(f"/traces/{trace_id}")
    assert project.get("/traces", experiment="0")["items"] == []


def test_a_killed_server_has_what_it_acknowledged(own_server: Server) -> None:
    body = otlp_request(2, 3).SerializeToString()
    with own_server.client() as client:
        assert client.post("/v1/traces", content=body, headers=OTLP).status_code == 200
    own_server.kill()
    own_server.start()
    with own_server.client() as client:
        found = client.get("/api/v1/projects/default/traces", params={"experiment": "0"}).json()
        assert len(found["items"]) == 2
        for trace in found["items"]:
            shown = client.get(f"/api/v1/projects/default/traces/{trace['id']}").json()
            assert len(shown["spans"]) == 3
