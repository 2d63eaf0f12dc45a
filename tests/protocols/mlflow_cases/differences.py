"""Where maru answers otherwise than `mlflow server`; docs/mlflow-compatibility.md lists it too.

A difference that no case shows any more fails the test.
"""

import re
from collections.abc import Callable
from typing import Any

from protocols.mlflow_cases.case import Case

Answer = tuple[int, Any]
Rule = Callable[[Case, Answer, Answer], bool]

WRONG_TYPE = re.compile(
    r"Hint: Value was of type|Invalid value .* for parameter '\w+' supplied: expected"
)
# How MLflow says that a filter or an order is none; SQL parsers cut it into other pieces.
SYNTAX = re.compile(
    r"Invalid clause\(s\) in filter|Search filter contained|While parsing a list|Invalid filter|"
    r"Invalid comparison|Expected numeric value type for metric. Found|Invalid entity type|"
    r"Invalid comparator|Invalid order by field name|Expected a quoted string value or|"
    r"Invalid value for numeric attribute|Only the '.*' attributes support|Invalid attribute key"
)


def message(answer: Answer) -> str:
    return str(answer[1].get("message", "")) if isinstance(answer[1], dict) else str(answer[1])


def code(answer: Answer) -> str:
    return str(answer[1].get("error_code", "")) if isinstance(answer[1], dict) else ""


def refused(answer: Answer) -> bool:
    return answer[0] == 400 and code(answer) == "INVALID_PARAMETER_VALUE"


def crash(_: Case, real: Answer, ours: Answer) -> bool:
    return real[0] == 500 and code(real) != "INVALID_STATE" and ours[0] in (200, 400)


def retried(_: Case, real: Answer, ours: Answer) -> bool:
    return code(real) == code(ours) == "INVALID_STATE" and (real[0], ours[0]) == (500, 400)


def dropped(_: Case, real: Answer, ours: Answer) -> bool:
    return real[0] in (200, 404) and refused(ours) and bool(WRONG_TYPE.search(message(ours)))


def database(_: Case, real: Answer, ours: Answer) -> bool:
    return "sqlite3" in message(real) and ours[0] == 400 and "sqlite3" not in message(ours)


def html(_: Case, real: Answer, ours: Answer) -> bool:
    return message(real).startswith("<!doctype html>") and 400 <= ours[0] == real[0]


def broken_json(case: Case, real: Answer, ours: Answer) -> bool:
    return case.raw == b"{" and refused(real) and "not valid JSON" in message(ours)


def setting(_: Case, real: Answer, ours: Answer) -> bool:
    return "environment variable" in message(real) and message(real).startswith(message(ours))


def syntax(case: Case, real: Answer, ours: Answer) -> bool:
    searches = "search" in case.path
    return searches and refused(real) and refused(ours) and bool(SYNTAX.match(message(real)))


def loose_filter(case: Case, real: Answer, ours: Answer) -> bool:
    return real[0] == 200 and refused(ours) and "filter" in (case.body or case.query or {})


def blank_filter(case: Case, real: Answer, ours: Answer) -> bool:
    return refused(real) and ours[0] == 200 and (case.body or {}).get("filter") == " "


def wider_search(case: Case, real: Answer, ours: Answer) -> bool:
    text = str((case.body or {}).get("filter") or (case.body or {}).get("order_by"))
    more = ("attributes.", "==", "Run Name", "run name", "experiment_id")
    return refused(real) and ours[0] == 200 and any(word in text for word in more)


def page_tokens(_: Case, real: Answer, ours: Answer) -> bool:
    return all(message(side).startswith("Invalid page token") for side in (real, ours))


def no_limit(case: Case, real: Answer, ours: Answer) -> bool:
    return case.path == "experiments/search" and not case.body and refused(real) and ours[0] == 200


def no_page(case: Case, real: Answer, ours: Answer) -> bool:
    sent = case.body or case.query or {}
    count = int(sent.get("max_results", 1))
    return (count <= 0 or count > 1000) and real[0] == 200 and refused(ours)


def unchecked(case: Case, real: Answer, ours: Answer) -> bool:
    paths = ("runs/create", "runs/log-inputs", "logged-models/{junk}/params")
    return case.path in paths and real[0] == 200 and refused(ours)


def shortened(case: Case, real: Answer, ours: Answer) -> bool:
    long = case.path in ("runs/create", "registered-models/create") and "x" * 8001 in str(case.body)
    return long and real[0] == ours[0] == 200


def start_time(case: Case, real: Answer, ours: Answer) -> bool:
    if case.path != "runs/create" or "start_time" in case.body or real[0] != 200 != ours[0]:
        return case.path == "runs/create" and "'start_time': 0" in str(real) and ours[0] == 200
    return "'start_time': 0" in str(real) and "'start_time': '<time>'" in str(ours)


def reopened(case: Case, real: Answer, ours: Answer) -> bool:
    again = case.path == "runs/update" and case.body.get("status") == "RUNNING"
    return again and "end_time" in str(real) and "end_time" not in str(ours)


def changed_parameter(_: Case, real: Answer, ours: Answer) -> bool:
    said = "Changing param values is not allowed. Param"
    return all(refused(side) and message(side).startswith(said) for side in (real, ours))


def infinite(_: Case, real: Answer, ours: Answer) -> bool:
    return real[0] == 200 and "1.7976931348623157e+308" in str(real) and "Infinity" in str(ours)


def history_of_nothing(case: Case, real: Answer, ours: Answer) -> bool:
    return case.path == "metrics/get-history" and (real[0], ours[0]) == (200, 404)


def empty_files(_: Case, real: Answer, ours: Answer) -> bool:
    return "files" in str(real) and str(real) == str(ours).replace(", 'file_size': 0", "")


def folders(_: Case, real: Answer, ours: Answer) -> bool:
    return "refers to a directory" in str(real) and code(ours) == "RESOURCE_DOES_NOT_EXIST"


def quoting(_: Case, real: Answer, ours: Answer) -> bool:
    return message(real).replace("\\'", "'") == message(ours) != ""


def path_names_it(case: Case, real: Answer, _: Answer) -> bool:
    absent = case.path.startswith("logged-models/") and "model_id" not in (case.body or {})
    return absent and "'model_id'" in message(real)


def gone_already(case: Case, _: Answer, ours: Answer) -> bool:
    return case.method == "DELETE" and "logged-models" in case.path and ours[0] == 404


def source_alone(case: Case, real: Answer, ours: Answer) -> bool:
    return case.path == "model-versions/create" and "must identify" in message(real) and (
        ours[0] == 200
    )  # fmt: skip


def source_missing(case: Case, real: Answer, ours: Answer) -> bool:
    return case.path == "model-versions/create" and code(real) == code(ours) and real[0] == 404


def download_uri(case: Case, real: Answer, ours: Answer) -> bool:
    return case.path.endswith("get-download-uri") and "runs:/" in str(real) and (
        "mlflow-artifacts:/" in str(ours)
    )  # fmt: skip


def numbers_as_versions(_: Case, real: Answer, __: Answer) -> bool:
    return "'version'" in message(real) and "type 'int'" in message(real)


def without_links(value: Any) -> Any:
    if isinstance(value, dict):
        left = {k: without_links(v) for k, v in value.items()}
        if "latest_versions" in left:
            left["latest_versions"].sort(key=lambda version: int(version["version"]))
        return {k: v for k, v in left.items() if k not in ("aliases", "model_id")}
    return [without_links(item) for item in value] if isinstance(value, list) else value


def links(case: Case, real: Answer, ours: Answer) -> bool:
    registry = case.path.startswith(("registered-models", "model-versions"))
    return (
        registry and real[0] == ours[0] == 200 and without_links(real[1]) == without_links(ours[1])
    )


def status_of_models(case: Case, real: Answer, ours: Answer) -> bool:
    searched = case.path == "logged-models/search" and "status" in str(case.body)
    return searched and (real[0], ours[0]) == (200, 200) and "models" not in real[1]


def any_digest(case: Case, real: Answer, ours: Answer) -> bool:
    named = case.path == "logged-models/search" and "datasets" in case.body
    return named and (real[0], ours[0]) == (200, 200) and "models" not in real[1]


def health(case: Case, real: Answer, ours: Answer) -> bool:
    return case.path == "/health" and real == (200, "OK") and ours == (200, {"status": "ok"})


def unknown_route(_: Case, real: Answer, ours: Answer) -> bool:
    return real[0] in (404, 405) and ours[0] == 404 and code(ours) == "" and code(real) == ""


def networks(case: Case, real: Answer, ours: Answer) -> bool:
    if not case.path.startswith("webhooks") or not (refused(real) and refused(ours)):
        return False
    return "non-public" in message(real) and message(ours).startswith(message(real))


KNOWN: list[tuple[str, Rule]] = [
    ("MLflow fails inside (500)", crash),
    ("INVALID_STATE is answered with 400, not 500", retried),
    ("a value of a wrong type is refused, not passed over", dropped),
    ("messages do not show SQL and the database's errors", database),
    ("errors are JSON, never HTML", html),
    ("a body that is no JSON is called that, not a missing field", broken_json),
    ("messages do not name MLflow's environment variables", setting),
    ("what is wrong with a filter is said in other words", syntax),
    ("a filter that is no list of comparisons joined by AND is refused", loose_filter),
    ("a blank filter is none", blank_filter),
    ("some searches that MLflow refuses are answered", wider_search),
    ("page tokens are others", page_tokens),
    ("experiments/search needs no max_results", no_limit),
    ("a page of less than one, or of more than its limit, is refused", no_page),
    ("tags, inputs and parameters of models are checked like those that are logged", unchecked),
    ("too long tags of a new run are cut", shortened),
    ("a run without start_time starts now", start_time),
    ("a run that runs again has no end", reopened),
    ("a changed parameter is named in other words", changed_parameter),
    ("infinities stay infinities", infinite),
    ("the history of a run that is not there is 404", history_of_nothing),
    ("empty files have a size", empty_files),
    ("a folder can't be downloaded: 404", folders),
    ("quotes in messages are not escaped as Python does", quoting),
    ("the path alone names a logged model", path_names_it),
    ("a logged model can't be deleted twice", gone_already),
    ("a version's source needs no run_id or model_id beside it", source_alone),
    ("a version of a missing model is missing itself", source_missing),
    ("download URIs name the files, not the run", download_uri),
    ("versions may be numbers", numbers_as_versions),
    ("versions in lists come in order, and name their aliases and their logged model", links),
    ("logged models can be searched by status", status_of_models),
    ("a dataset without a digest stands for all of that name", any_digest),
    ("where webhooks may not go the server's option is named", networks),
    ("/health is JSON", health),
    ("unknown routes and methods are 404 with a short text", unknown_route),
]


def known(case: Case, real: Answer, ours: Answer) -> str | None:
    return next((reason for reason, rule in KNOWN if rule(case, real, ours)), None)
