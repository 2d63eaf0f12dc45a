"""Webhooks: what is kept of them. What is sent is in test_mlflow_webhooks."""

from protocols.mlflow_cases.case import Case, delete, get, patch, post, wrong_types

# An address, not a name: the real server resolves names when a webhook is made.
URL = "https://8.8.8.8/hook"
CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
TAG_SET = {"entity": "MODEL_VERSION_TAG", "action": "SET"}
GOOD = {"name": "ci", "url": URL, "events": [CREATED]}

CREATE: list[Case] = [
    get("webhooks"),
    post("webhooks", {**GOOD, "events": [CREATED, TAG_SET], "description": "ü"},
         keep={"w": "webhook.webhook_id"}),
    post("webhooks", {**GOOD, "name": "A.b_c-9", "secret": "s", "status": "DISABLED"},
         keep={"v": "webhook.webhook_id"}),
    post("webhooks", {**GOOD, "name": "n" * 63}, keep={"u": "webhook.webhook_id"}),
    post("webhooks", {**GOOD, "name": "n" * 64}),
    post("webhooks", {**GOOD, "name": "-a"}),
    post("webhooks", {**GOOD, "name": "a b"}),
    post("webhooks", {**GOOD, "name": ""}),
    post("webhooks", {**GOOD, "url": ""}),
    post("webhooks", {**GOOD, "url": " "}),
    post("webhooks", {**GOOD, "url": "8.8.8.8"}),
    post("webhooks", {**GOOD, "url": "http://8.8.8.8/"}),
    post("webhooks", {**GOOD, "url": "ftp://8.8.8.8/"}),
    post("webhooks", {**GOOD, "url": "https://"}),
    post("webhooks", {**GOOD, "url": "https://127.0.0.1/"}),
    post("webhooks", {**GOOD, "url": "https://[::1]/"}),
    post("webhooks", {**GOOD, "url": "https://169.254.169.254/latest"}),
    post("webhooks", {**GOOD, "url": "https://10.1.2.3:8443/"}),
    post("webhooks", {**GOOD, "events": []}),
    post("webhooks", {**GOOD, "events": [{"entity": "REGISTERED_MODEL", "action": "DELETED"}]}),
    post("webhooks", {**GOOD, "events": [{"entity": "PROMPT", "action": "SET"}]}),
    post("webhooks", {**GOOD, "events": [{"entity": "PROMPT_TAG", "action": "CREATED"}]}),
    *wrong_types("POST", "webhooks", GOOD, {"name": "text!", "url": "text!", "events": "list!",
                                            "description": "text", "secret": "text",
                                            "status": "text"}),
    get("webhooks/{w}"),
    get("webhooks/{v}"),
    get("webhooks/nothing"),
]  # fmt: skip

CHANGE: list[Case] = [
    delete("webhooks/{v}"),
    delete("webhooks/{u}"),
    get("webhooks"),
    get("webhooks", {"max_results": 1}),
    get("webhooks", {"max_results": 1001}),
    get("webhooks", {"max_results": -1}),
    get("webhooks", {"max_results": "x"}),
    get("webhooks", {"page_token": "nonsense"}),
    patch("webhooks/{w}", {"name": "cd", "status": "DISABLED"}),
    patch("webhooks/{w}", {"url": "https://1.1.1.1/", "events": [CREATED]}),
    patch("webhooks/{w}", {"description": ""}),
    patch("webhooks/{w}", {"secret": ""}),
    patch("webhooks/{w}", {"name": "", "url": ""}),
    patch("webhooks/{w}", {}),
    patch("webhooks/{w}", {"name": "a b"}),
    patch("webhooks/{w}", {"url": "http://1.1.1.1/"}),
    patch("webhooks/{w}", {"events": [{"entity": "PROMPT", "action": "DELETED"}]}),
    patch("webhooks/nothing", {"name": "x"}),
    patch("webhooks/nothing", {"name": "a b"}),
    *wrong_types("PATCH", "webhooks/{w}", {"name": "cd"},
                 {"name": "text", "url": "text", "events": "list", "description": "text"}),
    get("webhooks/{w}"),
    post("webhooks/nothing/test", {}),
    delete("webhooks/{w}"),
    delete("webhooks/{w}"),
    get("webhooks/{w}"),
    get("webhooks"),
]  # fmt: skip

CASES = CREATE + CHANGE
