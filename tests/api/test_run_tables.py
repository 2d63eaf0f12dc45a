"""Experiments as tables through the API: searching, grouping, columns, saved views, curves."""

from typing import Any

import pytest
from maru_server import Project, Server


@pytest.fixture(scope="module")
def sweep(server: Server) -> Project:
    """Twelve runs of Default: losses 0 to 11, depths "1" to "3", every fourth of them in a team."""
    project = server.new_project()
    with server.client() as client:
        base = f"/p/{project.name}/api/2.0/mlflow/runs"
        for number in range(12):
            tags = [{"key": "team", "value": "a/b"}] if number % 4 == 0 else []
            created = client.post(
                f"{base}/create",
                json={
                    "experiment_id": "0",
                    "run_name": f"run-{number}",
                    "start_time": 1000 + number,
                    "tags": tags,
                },
            )
            assert created.status_code == 200, created.text
            run = created.json()["run"]["info"]["run_id"]
            steps = [
                {"key": "eval/loss", "value": number + 5 - step, "timestamp": step, "step": step}
                for step in range(6)
            ]
            batch = {
                "run_id": run,
                "metrics": steps,
                "params": [{"key": "depth", "value": str(1 + number % 3)}],
            }
            logged = client.post(f"{base}/log-batch", json=batch)
            assert logged.status_code == 200, logged.text
    return project


def search(project: Project, **body: Any) -> Any:
    return project.post("/experiments/Default/runs/search", body)


def test_rows_hold_the_columns_that_were_asked_for(sweep: Project) -> None:
    found = search(
        sweep,
        filter="metrics.`eval/loss` < 6 AND params.depth = '2'",
        order_by=["metrics.`eval/loss` DESC"],
        columns=["metrics.eval/loss", "params.depth", "tags.team"],
    )
    assert found["total"] == 2
    assert [row["name"] for row in found["items"]] == ["run-4", "run-1"]
    assert found["items"][0]["metrics"] == {"eval/loss": 4}
    assert found["items"][0]["parameters"] == {"depth": "2"}
    assert found["items"][0]["tags"] == {"team": "a/b"}
    assert search(sweep, page_size=1)["items"][0]["metrics"] == {}


@pytest.mark.parametrize("order", [[], ["params.depth ASC"], ["attributes.run_name DESC"]])
def test_pages_follow_each_other_and_begin_anywhere(sweep: Project, order: list[str]) -> None:
    whole = [row["name"] for row in search(sweep, order_by=order)["items"]]
    assert len(whole) == 12
    names, token = [], ""
    while True:
        page = search(sweep, order_by=order, page_size=5, page_token=token)
        names += [row["name"] for row in page["items"]]
        token = page["next_page_token"]
        if token is None:
            break
    assert names == whole
    from_seven = search(sweep, order_by=order, offset=7)
    assert [row["name"] for row in from_seven["items"]] == whole[7:]


def test_mistakes_are_named(sweep: Project) -> None:
    base = "/experiments/Default/runs"
    for path, body, part in (
        (f"{base}/search", {"columns": ["loss"]}, "columns"),
        (f"{base}/search", {"filter": "loss is good"}, "loss"),
        (f"{base}/search", {"order_by": ["nothing DESC"]}, "nothing"),
        (f"{base}/search", {"offset": -1}, "offset"),
        (f"{base}/search", {"page_size": 10_001}, "page_size"),
        (f"{base}/group", {"by": []}, "by"),
        (f"{base}/group", {"by": ["metrics.eval/loss"]}, "by"),
        ("/metrics/read", {"runs": ["a"] * 2001, "keys": ["k"]}, "runs"),
    ):
        answer = sweep.post(path, body, status=400)
        assert part in str(answer), answer
    sweep.post("/experiments/none/runs/search", {}, status=404)


def test_groups_have_figures_and_their_best_runs(sweep: Project) -> None:
    body = {"by": ["params.depth"], "metrics": ["eval/loss"], "order_by": "metrics.`eval/loss` ASC"}
    groups = sweep.post("/experiments/Default/runs/group", body)
    assert (groups["total"], groups["run_count"]) == (3, 12)
    first = groups["items"][0]
    assert (first["values"], first["count"]) == (["1"], 4)
    loss = first["metrics"]["eval/loss"]
    assert (loss["least"], loss["mean"], loss["greatest"]) == (0, 4.5, 9)
    best = sweep.get(f"/runs/{loss['least_run']}")
    assert best["name"] == "run-0"
    by_team = sweep.post("/experiments/Default/runs/group", {"by": ["tags.team"]})
    assert [group["values"] for group in by_team["items"]] == [[None], ["a/b"]]


def test_columns_and_values_are_listed(sweep: Project) -> None:
    columns = sweep.get("/experiments/0/columns")
    assert columns["metrics"] == ["eval/loss"]
    assert columns["parameters"] == ["depth"]
    assert {"team", "mlflow.runName"} <= set(columns["tags"])
    assert sweep.get("/experiments/0/columns", part="DEP")["metrics"] == []
    values = sweep.get("/experiments/0/values", column="tags.team")["items"]
    assert values == [{"value": "a/b", "count": 3}]


def test_curves_of_many_runs_come_in_one_answer(sweep: Project) -> None:
    runs = [row["id"] for row in search(sweep, page_size=2)["items"]]
    body = {"runs": runs, "keys": ["eval/loss", "never"], "points": 4}
    curves = sweep.post("/metrics/read", body)["items"]
    assert [curve["run"] for curve in curves] == runs
    assert curves[0]["total"] == 6
    # The extremes are kept, however few points there are.
    assert (max(curves[0]["values"]), min(curves[0]["values"])) == (16, 11)
    assert curves[0]["steps"] == sorted(curves[0]["steps"])


def test_views_are_shared_and_need_a_developer(server: Server, sweep: Project) -> None:
    sweep.request("PUT", "/experiments/0/views/best%20ones", {"state": "?order=a"})
    [view] = sweep.get("/experiments/Default/views")["items"]
    assert (view["name"], view["state"], view["user"]) == ("best ones", "?order=a", "admin")
    with server.client() as client:
        reader = client.post(
            "/api/v1/tokens", json={"name": "reader", "scopes": ["read"], "project": sweep.name}
        ).json()["secret"]
    with server.client(reader) as client:
        base = f"/api/v1/projects/{sweep.name}/experiments/0"
        assert client.get(f"{base}/views").json()["items"] == [view]
        assert client.put(f"{base}/views/mine", json={"state": ""}).status_code == 403
        # Reading by POST is reading.
        assert client.post(f"{base}/runs/search", json={}).status_code == 200
    sweep.delete("/experiments/0/views/best%20ones")
    sweep.delete("/experiments/0/views/best%20ones", status=404)
