"""An application that is traced: spans, an attachment, a session, judgements, searches."""

import contextlib
from pathlib import Path
from typing import Any, cast

import mlflow
from mlflow.entities import AssessmentSource, SpanType, Trace
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracing.attachments import Attachment

experiment = mlflow.set_experiment("assistant").experiment_id
active = mlflow.set_active_model(name="assistant-v1")


@mlflow.trace(span_type=SpanType.RETRIEVER)  # type: ignore[untyped-decorator]
def retrieve(question: str) -> list[str]:
    return [f"about {question}"]


@mlflow.trace  # type: ignore[untyped-decorator]
def answer(question: str, session: str) -> dict[str, Any]:
    mlflow.update_current_trace(
        tags={"topic": question}, metadata={"mlflow.trace.session": session}
    )
    documents = retrieve(question)
    with mlflow.start_span("model", span_type=SpanType.LLM) as span:
        span.set_inputs({"messages": [{"role": "user", "content": question}]})
        span.set_attribute("temperature", 0.5)
        if question == "nonsense":
            raise ValueError("no answer")
        span.set_outputs({"picture": Attachment(content_type="image/png", content_bytes=b"\x89P")})
    return {"text": f"answer to {question}", "documents": documents}


for question, session in (("cats", "one"), ("dogs", "one"), ("birds", "two")):
    answer(question, session)
with contextlib.suppress(ValueError):
    answer("nonsense", "two")
mlflow.flush_trace_async_logging()


def search(filter_string: str = "", **options: Any) -> list[Trace]:
    found = mlflow.search_traces(
        locations=[experiment], filter_string=filter_string, return_type="list", **options
    )
    return cast(list[Trace], found)


def topics(filter_string: str = "", **options: Any) -> list[str]:
    return [trace.info.tags["topic"] for trace in search(filter_string, **options)]


times = [trace.info.timestamp_ms for trace in search(order_by=["timestamp ASC"])]
assert times == sorted(times)
assert sorted(topics()) == ["birds", "cats", "dogs", "nonsense"]
assert topics("trace.status = 'ERROR'") == ["nonsense"]
assert set(topics("metadata.`mlflow.trace.session` = 'one'")) == {"cats", "dogs"}
assert topics("span.type = 'LLM' AND tags.topic = 'birds'") == ["birds"]
assert len(topics(model_id=active.model_id)) == 4
table = mlflow.search_traces(locations=[experiment])
assert len(table) == 4, table
assert {"trace_id", "request", "response", "spans", "assessments"} <= set(table.columns)

[cats] = search("tags.topic = 'cats'")
names = {span.name: span for span in cats.data.spans}
assert set(names) == {"answer", "retrieve", "model"}, names
assert names["model"].parent_id == names["answer"].span_id
assert names["model"].attributes["temperature"] == 0.5
trace_id = cats.info.trace_id
reference = Attachment.parse_ref(names["model"].outputs["picture"])
assert reference is not None
assert (reference["trace_id"], reference["content_type"]) == (trace_id, "image/png"), reference
files = get_artifact_repository(cats.info.tags["mlflow.artifactLocation"])
picture = files.download_trace_attachment_to_file(
    str(reference["attachment_id"]), Path("picture.png")
)
assert picture.read_bytes() == b"\x89P"

person = AssessmentSource(source_type="HUMAN", source_id="ada")
mlflow.log_feedback(trace_id=trace_id, name="correct", value=True, source=person, rationale="yes")
mlflow.log_feedback(
    trace_id=trace_id, name="relevant", value=0.5, span_id=names["retrieve"].span_id
)
mlflow.log_expectation(trace_id=trace_id, name="expected", value={"text": "purr"})
judged = mlflow.get_trace(trace_id)
assert judged is not None
assert {item.name for item in judged.info.assessments} == {"correct", "relevant", "expected"}
[kept] = judged.search_assessments("correct")
assert (kept.value, kept.rationale, kept.source.source_id) == (True, "yes", "ada"), kept
[on_span] = judged.search_assessments("relevant", span_id=names["retrieve"].span_id)
assert on_span.value == 0.5
assert topics("feedback.correct = 'true'") == ["cats"]
assert topics("expectation.expected IS NOT NULL") == ["cats"]
print("done")
