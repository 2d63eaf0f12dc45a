"""What the client sends from threads of its own: system metrics, asynchronous logging."""

import time

import mlflow

client = mlflow.MlflowClient()
mlflow.set_system_metrics_sampling_interval(0.1)
mlflow.set_system_metrics_samples_before_logging(1)
with mlflow.start_run(log_system_metrics=True) as run:
    for step in range(100):
        mlflow.log_metric("loss", 1 / (step + 1), step=step, synchronous=False)
    mlflow.log_params({"depth": 3, "width": 4}, synchronous=False)
    mlflow.set_tag("kind", "background", synchronous=False)
    mlflow.flush_async_logging()
    deadline = time.monotonic() + 60
    while "system/cpu_utilization_percentage" not in client.get_run(run.info.run_id).data.metrics:
        assert time.monotonic() < deadline, "no system metrics after a minute"
        time.sleep(0.05)
data = client.get_run(run.info.run_id).data
assert data.params == {"depth": "3", "width": "4"}, data.params
assert data.tags["kind"] == "background"
assert {"system/system_memory_usage_megabytes", "system/disk_usage_percentage"} <= set(data.metrics)
history = client.get_metric_history(run.info.run_id, "loss")
assert sorted(metric.step for metric in history) == list(range(100))
print("done")
