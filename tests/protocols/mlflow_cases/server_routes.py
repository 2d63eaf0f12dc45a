"""What tells a client about the server."""

from protocols.mlflow_cases.case import Case, get, post

CASES: list[Case] = [
    get("/health"),
    get("/version"),
    post("nothing/at-all"),
    get("/api/2.0/mlflow/experiments/create"),
    post("/api/9.0/mlflow/experiments/create", {"name": "x"}),
    post("/ajax-api/2.0/mlflow/experiments/search", {"max_results": 1}),
]
