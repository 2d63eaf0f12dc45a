"""Points the mlflow client of this process at a project."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar, cast

import mlflow
from maru_server import Project, Server

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def traced(
    **options: Any,
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """mlflow.trace as a decorator that keeps the function's type."""
    return cast(
        Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]],
        mlflow.trace(**options),
    )


@contextlib.contextmanager
def mlflow_project(server: Server) -> Iterator[Project]:
    """A new project that the unmodified client logs to, by its URL and token alone."""
    project = server.new_project()
    before = dict(os.environ)
    os.environ["MLFLOW_TRACKING_TOKEN"] = server.token
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
    os.environ.pop("MLFLOW_RUN_ID", None)
    mlflow.set_tracking_uri(f"{server.url}/p/{project.name}")
    mlflow.set_registry_uri(f"{server.url}/p/{project.name}")
    # The client remembers the experiment that the test before chose.
    mlflow.set_experiment(experiment_id="0")
    try:
        yield project
    finally:
        while mlflow.active_run():
            mlflow.end_run()
        os.environ.clear()
        os.environ.update(before)
