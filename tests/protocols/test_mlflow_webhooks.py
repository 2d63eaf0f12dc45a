"""Webhooks by the unmodified client of MLflow, and what a receiver gets."""

from collections.abc import Callable, Iterator
from typing import Any

import mlflow
import pytest
from maru_server import Project, Server
from mlflow import MlflowClient
from mlflow.entities.webhook import Webhook, WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException
from protocols.mlflow_project import mlflow_project
from receiver import Receiver

SECRET = "whsec-0123456789"
EVENTS: list[Any] = [
    "registered_model.created", "model_version.created", "model_version_tag.set",
    "model_version_tag.deleted", "model_version_alias.created", "model_version_alias.deleted",
    "prompt.created", "prompt_version.created", "prompt_tag.set", "prompt_tag.deleted",
    "prompt_version_tag.set", "prompt_version_tag.deleted", "prompt_alias.created",
    "prompt_alias.deleted",
]  # fmt: skip


@pytest.fixture
def project(new_server: Callable[..., Server]) -> Iterator[Project]:
    server = new_server("--webhook-networks", "127.0.0.1")
    with mlflow_project(server) as made:
        yield made


def names(webhook: Webhook) -> list[str]:
    return [str(event) for event in webhook.events]


def test_the_client_keeps_webhooks(project: Project) -> None:
    client = MlflowClient()
    made = client.create_webhook(
        name="ci", url="https://ci.example.org/hook", events=EVENTS, description="builds",
        secret=SECRET,
    )  # fmt: skip
    assert (made.name, made.url, made.description) == (
        "ci",
        "https://ci.example.org/hook",
        "builds",
    )
    assert (made.status, names(made), made.secret) == (WebhookStatus.ACTIVE, sorted(EVENTS), None)
    assert made.creation_timestamp == made.last_updated_timestamp > 1_700_000_000_000
    other = client.create_webhook(
        "ci", "https://x.example.org", ["prompt.created"], status="DISABLED"
    )
    assert other.status == WebhookStatus.DISABLED

    listed = client.list_webhooks(max_results=1)
    assert [w.webhook_id for w in listed] == [other.webhook_id]
    rest = client.list_webhooks(max_results=1, page_token=listed.token)
    assert [w.webhook_id for w in rest] == [made.webhook_id]
    assert not rest.token

    event = WebhookEvent("model_version", "created")
    changed = client.update_webhook(
        made.webhook_id, name="cd", events=[event], status="DISABLED", description=""
    )
    assert (changed.name, names(changed)) == ("cd", ["model_version.created"])
    assert (changed.status, changed.description) == (WebhookStatus.DISABLED, None)
    assert changed.url == made.url
    assert client.get_webhook(made.webhook_id).name == "cd"
    assert project.get(f"/webhooks/{made.webhook_id}")["has_secret"] is True

    client.delete_webhook(made.webhook_id)
    with pytest.raises(MlflowException, match="not found") as caught:
        client.get_webhook(made.webhook_id)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_models_and_prompts_tell_what_happens(project: Project) -> None:
    client = MlflowClient()
    with Receiver() as receiver:
        client.create_webhook("all", receiver.url, EVENTS, secret=SECRET)
        told: list[tuple[str, Any]] = []

        def hear(count: int) -> None:
            while count > 0:
                received = receiver.next()
                # The client links a prompt with its experiment beside what it does otherwise.
                if received.body["data"].get("key") == "_mlflow_experiment_ids":
                    continue
                count -= 1
                assert received.is_signed_with(SECRET)
                assert not received.is_signed_with("another")
                assert received.headers["Content-Type"] == "application/json"
                assert received.body["workspace"] == project.name
                told.append((received.event, received.body["data"]))

        client.create_registered_model("net", tags={"team": "x"}, description="d")
        source = "s3://bucket/model"
        client.create_model_version("net", source, tags={"k": "v"})
        client.set_model_version_tag("net", "1", "k", "w")
        client.delete_model_version_tag("net", "1", "k")
        client.set_registered_model_alias("net", "champion", "1")
        client.delete_registered_model_alias("net", "champion")
        hear(6)
        assert told == [
            ("registered_model.created",
             {"name": "net", "tags": {"team": "x"}, "description": "d"}),
            ("model_version.created",
             {"name": "net", "version": "1", "source": source, "run_id": None,
              "tags": {"k": "v"}, "description": None}),
            ("model_version_tag.set", {"name": "net", "version": "1", "key": "k", "value": "w"}),
            ("model_version_tag.deleted", {"name": "net", "version": "1", "key": "k"}),
            ("model_version_alias.created", {"name": "net", "alias": "champion", "version": "1"}),
            ("model_version_alias.deleted", {"name": "net", "alias": "champion"}),
        ]  # fmt: skip

        told.clear()
        mlflow.genai.register_prompt("greet", "Hello {{name}}", tags={"k": "v"})
        hear(2)
        assert [event for event, _ in told] == ["prompt.created", "prompt_version.created"]
        assert told[0][1]["name"] == "greet"
        assert told[1][1]["template"] == "Hello {{name}}"
        assert told[1][1]["version"] == "1"
        told.clear()
        mlflow.genai.set_prompt_alias("greet", "live", 1)
        hear(1)
        assert told == [
            ("prompt_alias.created", {"name": "greet", "alias": "live", "version": "1"})
        ]


@pytest.mark.usefixtures("project")
def test_a_test_sends_an_example_and_shows_the_answer() -> None:
    client = MlflowClient()
    with Receiver(answers=[200, 418]) as receiver:
        webhook = client.create_webhook(
            "ci", receiver.url, ["model_version.created", "prompt.created"], secret=SECRET
        )
        result = client.test_webhook(webhook.webhook_id)
        assert (result.success, result.response_status) == (True, 200)
        assert (result.response_body, result.error_message) == ("received", None)
        sent = receiver.next()
        assert sent.event == "model_version.created"
        assert sent.is_signed_with(SECRET)
        assert {"name", "version", "source", "run_id", "tags", "description"} == set(
            sent.body["data"]
        )
        result = client.test_webhook(webhook.webhook_id, "prompt.created")
        assert (result.success, result.response_status) == (False, 418)
        assert receiver.next().event == "prompt.created"
    result = client.test_webhook(webhook.webhook_id)
    assert (result.success, result.response_status) == (False, None)
    assert "connect" in str(result.error_message)


def test_the_client_does_not_see_what_it_can_not_read(project: Project) -> None:
    url = "https://x.example.org"
    own = project.post("/webhooks", {"name": "own", "url": url, "events": ["job.failed"]})
    both = project.post(
        "/webhooks", {"name": "both", "url": url, "events": ["job.failed", "prompt.created"]}
    )
    client = MlflowClient()
    assert [w.name for w in client.list_webhooks()] == ["both"]
    with pytest.raises(MlflowException, match="not found"):
        client.get_webhook(own["id"])
    changed = client.update_webhook(both["id"], events=["model_version.created"])
    assert names(changed) == ["model_version.created"]
    assert project.get(f"/webhooks/{both['id']}")["events"] == [
        "job.failed", "model_version.created",
    ]  # fmt: skip
