"""A model with code and a file of its own: logged, registered, promoted, loaded by every name."""

import shutil
import sys
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import infer_signature

package = Path("source/rules")
package.mkdir(parents=True)
(package / "__init__.py").write_text(
    "def label(score, threshold):\n    return 'good' if score >= threshold else 'bad'\n"
)
Path("source/threshold.txt").write_text("0.5")
sys.path.insert(0, "source")


class Labeller(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    def load_context(self, context: Any) -> None:
        self.threshold = float(Path(context.artifacts["threshold"]).read_text())

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[str]:
        from rules import label  # type: ignore[import-not-found]

        assert context
        shift = (params or {}).get("shift", 0.0)
        return [label(score + shift, self.threshold) for score in model_input["score"]]


rows = pd.DataFrame({"score": [0.4, 0.6]})
signature = infer_signature(rows, ["bad", "good"], params={"shift": 0.0})
with mlflow.start_run() as run:
    info = mlflow.pyfunc.log_model(
        name="labeller",
        python_model=Labeller(),
        artifacts={"threshold": "source/threshold.txt"},
        code_paths=[str(package)],
        signature=signature,
        input_example=rows,
        registered_model_name="labeller",
        pip_requirements=["mlflow"],
    )
# What is loaded from here on has come from the server.
shutil.rmtree("source")
sys.path.remove("source")
sys.modules.pop("rules", None)

client = mlflow.MlflowClient()
second = mlflow.register_model(f"runs:/{run.info.run_id}/labeller", "labeller", tags={"k": "v"})
assert int(second.version) == 2, second
client.set_registered_model_alias("labeller", "champion", "1")
client.transition_model_version_stage("labeller", "1", "Production")
client.transition_model_version_stage("labeller", "2", "Production", archive_existing_versions=True)
assert client.get_model_version("labeller", "1").current_stage == "Archived"
assert client.get_model_version("labeller", "2").tags == {"k": "v"}
for uri in (
    "models:/labeller/1",
    "models:/labeller/2",
    "models:/labeller/latest",
    "models:/labeller@champion",
    "models:/labeller/Production",
    f"models:/{info.model_id}",
    f"runs:/{run.info.run_id}/labeller",
):
    loaded = mlflow.pyfunc.load_model(uri)
    assert list(loaded.predict(rows)) == ["bad", "good"], uri
    assert list(loaded.predict(rows, params={"shift": 0.2})) == ["good", "good"], uri
    assert loaded.metadata.signature == signature, uri

folder = Path(mlflow.artifacts.download_artifacts("models:/labeller@champion", dst_path="copy"))
found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
assert found >= {
    "MLmodel",
    "artifacts/threshold.txt",
    "code/rules/__init__.py",
    "input_example.json",
    "requirements.txt",
}, found
print("done")
