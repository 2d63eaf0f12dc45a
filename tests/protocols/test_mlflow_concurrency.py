"""Several of MLflow's clients write the same things at once: no update is lost, no error is odd."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from maru_server import Project, Server
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from protocols.mlflow_project import mlflow_project

WRITERS = 6


@pytest.fixture
def project(server: Server) -> Iterator[Project]:
    with mlflow_project(server) as made:
        yield made


def at_once(work: Callable[[MlflowClient, int], Any], writers: int = WRITERS) -> list[Any]:
    """What each writer got, or the error that MLflow's client raised for it."""
    start = threading.Barrier(writers)
    results: list[Any] = [None] * writers

    def write(number: int) -> None:
        client = MlflowClient()
        start.wait()
        try:
            results[number] = work(client, number)
        except MlflowException as error:
            results[number] = error

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def log_parameter(
    run: str, key: str, client: MlflowClient, number: int, value: str | None = None
) -> None:
    client.log_param(run, key, value or str(number))


def create(method: str, name: str, client: MlflowClient, _: int) -> Any:
    return getattr(client, method)(name)


def errors_of(results: list[Any]) -> list[MlflowException]:
    return [result for result in results if isinstance(result, MlflowException)]


def test_of_different_values_of_a_parameter_one_wins(project: Project) -> None:
    client = MlflowClient()
    run = client.create_run("0").info.run_id
    for round_ in range(5):
        key = f"p{round_}"
        results = at_once(partial(log_parameter, run, key))
        errors = errors_of(results)
        assert len(errors) == WRITERS - 1
        for error in errors:
            assert error.error_code == "INVALID_PARAMETER_VALUE"
            assert "Changing param values is not allowed" in str(error)
        winner = next(i for i, result in enumerate(results) if result not in errors)
        assert client.get_run(run).data.params[key] == str(winner)
        # The same value again is no error, whoever sends it.
        again = at_once(partial(log_parameter, run, key, value=str(winner)))
        assert errors_of(again) == []
    assert project.name


def test_every_point_is_kept_and_tags_are_the_last(project: Project) -> None:
    client = MlflowClient()
    run = client.create_run("0").info.run_id

    def write(own: MlflowClient, number: int) -> None:
        for batch in range(10):
            metrics = [
                Metric("loss", number + step / 1000, timestamp=number * 1000 + step, step=step)
                for step in range(batch * 20, batch * 20 + 20)
            ]
            own.log_batch(run, metrics=metrics)
            own.set_tag(run, "last", f"{number}-{batch}")
            own.set_tag(run, f"own-{number}", str(batch))

    assert errors_of(at_once(write)) == []
    points = client.get_metric_history(run, "loss")
    assert len({(p.step, p.timestamp, p.value) for p in points}) == len(points) == WRITERS * 200
    tags = client.get_run(run).data.tags
    assert tags["last"].endswith("-9")
    assert {tags[f"own-{number}"] for number in range(WRITERS)} == {"9"}
    latest = client.get_run(run).data.metrics["loss"]
    assert latest == WRITERS - 1 + 199 / 1000
    assert project.name


def test_one_name_is_made_once(project: Project) -> None:
    client = MlflowClient()
    for round_ in range(5):
        name = f"e{round_}"
        results = at_once(partial(create, "create_experiment", name))
        errors = errors_of(results)
        assert len(errors) == WRITERS - 1
        assert {error.error_code for error in errors} == {"RESOURCE_ALREADY_EXISTS"}
        made = next(result for result in results if result not in errors)
        assert client.get_experiment_by_name(name).experiment_id == made
        models = at_once(partial(create, "create_registered_model", name))
        assert len(errors_of(models)) == WRITERS - 1
        assert {e.error_code for e in errors_of(models)} == {"RESOURCE_ALREADY_EXISTS"}
    ids = [e.experiment_id for e in client.search_experiments()]
    assert len(ids) == len(set(ids)) == 6
    assert project.name


def test_versions_and_aliases_lose_no_writer(project: Project) -> None:
    client = MlflowClient()
    client.create_registered_model("m")
    run = client.create_run("0").info.run_id
    source = f"runs:/{run}/model"
    made = at_once(lambda c, _: c.create_model_version("m", source, run))
    assert errors_of(made) == []
    versions = sorted(int(version.version) for version in made)
    assert versions == list(range(1, WRITERS + 1))
    # One alias, set by all: it is one of theirs, and of one version only.
    set_ = at_once(lambda c, i: c.set_registered_model_alias("m", "champion", str(i + 1)))
    assert errors_of(set_) == []
    champion = client.get_model_version_by_alias("m", "champion")
    holders = [
        version.version for version in client.search_model_versions("name = 'm'")
        if "champion" in version.aliases
    ]  # fmt: skip
    assert holders == [champion.version]

    # One version: each writer's tag is there, the description is one of theirs.
    def change(own: MlflowClient, number: int) -> None:
        own.set_model_version_tag("m", "1", f"t{number}", "v")
        own.update_model_version("m", "1", description=f"by {number}")
        own.transition_model_version_stage("m", "1", "Staging")

    assert errors_of(at_once(change)) == []
    version = client.get_model_version("m", "1")
    assert set(version.tags) == {f"t{number}" for number in range(WRITERS)}
    assert version.description in {f"by {number}" for number in range(WRITERS)}
    assert version.current_stage == "Staging"

    # One deletes it while the others still write: they are told that it is gone, if they are late.
    def race(own: MlflowClient, number: int) -> None:
        if number == 0:
            own.delete_model_version("m", "2")
        else:
            own.set_model_version_tag("m", "2", "t", str(number))

    for error in errors_of(at_once(race)):
        assert error.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(MlflowException, match="not found"):
        client.get_model_version("m", "2")
    assert project.name


def test_runs_that_are_deleted_meanwhile(project: Project) -> None:
    client = MlflowClient()
    run = client.create_run("0").info.run_id

    def race(own: MlflowClient, number: int) -> int:
        if number == 0:
            own.delete_run(run)
            return 0
        for step in range(20):
            own.log_metric(run, f"m{number}", float(step), step=step, timestamp=step)
        return 20

    for error in errors_of(at_once(race)):
        assert "deleted" in str(error)
        assert error.error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    assert project.name
