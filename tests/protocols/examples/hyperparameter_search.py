"""A grid search under autolog: a run with nested runs, read back as a table."""

from pathlib import Path

import mlflow
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

mlflow.set_experiment("grid")
mlflow.sklearn.autolog(log_models=False)
features, labels = load_iris(return_X_y=True, as_frame=True)
with mlflow.start_run(run_name="search") as parent:
    search = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.01, 1.0, 100.0]}, cv=3)
    search.fit(features, labels)
run_id = parent.info.run_id

children = mlflow.search_runs(
    filter_string=f"tags.mlflow.parentRunId = '{run_id}'",
    order_by=["metrics.mean_test_score DESC"],
)
assert set(children["params.C"]) == {"0.01", "1.0", "100.0"}, children
assert set(children["status"]) == {"FINISHED"}, children
assert children["metrics.mean_test_score"].is_monotonic_decreasing, children
assert children.iloc[0]["metrics.mean_test_score"] == search.best_score_, children
assert str(children["start_time"].dtype).endswith("UTC]"), children.dtypes

stored = mlflow.get_run(run_id)
assert stored.data.params["best_C"] == str(search.best_params_["C"]), stored.data.params
assert stored.data.metrics["best_cv_score"] == search.best_score_, stored.data.metrics
assert stored.data.tags["estimator_name"] == "GridSearchCV", stored.data.tags
[used] = stored.inputs.dataset_inputs
assert used.tags[0].value == "train", used
table = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="cv_results.csv"))
assert len(pd.read_csv(table)) == 3
assert mlflow.artifacts.load_text(f"runs:/{run_id}/estimator.html")
print("done")
