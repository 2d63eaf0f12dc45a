"""mlflow.models.evaluate on a logged model and on a table of predictions, with a threshold."""

import mlflow
import pandas as pd
from mlflow.models import MetricThreshold, make_metric
from mlflow.models.evaluation.validation import ModelValidationFailedException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

features, labels = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(features, labels)
data = mlflow.data.from_pandas(features.assign(label=labels), targets="label", name="iris")
with mlflow.start_run() as run:
    info = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
    result = mlflow.models.evaluate(
        info.model_uri,
        data,
        model_type="classifier",
        evaluators=["default"],
        evaluator_config={"default": {"log_model_explainability": False}},
    )
stored = mlflow.get_run(run.info.run_id)
assert stored.data.metrics == result.metrics, stored.data.metrics
assert stored.data.metrics["accuracy_score"] == model.score(features, labels)
of_model = mlflow.get_logged_model(info.model_id).metrics
assert {metric.key: metric.value for metric in of_model} == result.metrics, of_model
assert {metric.dataset_name for metric in of_model} == {"iris"}, of_model
assert [used.dataset.name for used in stored.inputs.dataset_inputs] == ["iris"]
listed = {file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
assert listed >= {"confusion_matrix.png", "per_class_metrics.csv"}, listed
per_class = result.artifacts["per_class_metrics"].content
assert len(per_class) == 3, per_class

predictions = pd.DataFrame({"truth": [1.0, 2.0, 3.0], "guess": [1.0, 2.5, 3.0]})


def largest(predictions: pd.Series, targets: pd.Series) -> float:
    return float((predictions - targets).abs().max())


largest_error = make_metric(eval_fn=largest, greater_is_better=False, name="largest_error")
with mlflow.start_run() as run:
    result = mlflow.models.evaluate(
        data=predictions,
        targets="truth",
        predictions="guess",
        model_type="regressor",
        extra_metrics=[largest_error],
    )
assert mlflow.get_run(run.info.run_id).data.metrics["largest_error"] == 0.5, result.metrics
threshold = MetricThreshold(threshold=0.1, greater_is_better=False)
try:
    mlflow.validate_evaluation_results({"largest_error": threshold}, result)
except ModelValidationFailedException as error:
    refusal = str(error)
else:
    raise AssertionError("an error of 0.5 passed a threshold of 0.1")
assert "largest_error" in refusal
print("done")
