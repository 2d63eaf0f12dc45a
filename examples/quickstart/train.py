"""Train a small network on handwritten digits with plain MLflow, and register it as an ONNX model.

Nothing here knows about maru: run it anywhere with MLFLOW_TRACKING_URI set, or with `maru run`.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
from mlflow.models import infer_signature
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HELD_OUT_COUNT = 200


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--hidden", type=int, default=64, help="units in the hidden layer")
    parser.add_argument("--learning-rate", type=float, default=0.002)
    parser.add_argument("--model", default="digits", help="the name to register the model under")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def train(arguments: argparse.Namespace, images, labels, test_images, test_labels) -> MLPClassifier:
    model = MLPClassifier(
        hidden_layer_sizes=(arguments.hidden,),
        learning_rate_init=arguments.learning_rate,
        random_state=arguments.seed,
    )
    for epoch in range(1, arguments.epochs + 1):
        model.partial_fit(images, labels, classes=np.arange(10))
        probabilities = model.predict_proba(test_images)
        accuracy = float(np.mean(probabilities.argmax(axis=1) == test_labels))
        likelihoods = probabilities[np.arange(len(test_labels)), test_labels]
        mlflow.log_metrics(
            {
                "loss": model.loss_,
                "validation_loss": float(-np.log(likelihoods).mean()),
                "validation_accuracy": accuracy,
            },
            step=epoch,
        )
        if epoch % 5 == 0:
            print(f"epoch {epoch:3}  loss {model.loss_:.4f}  accuracy {accuracy:.4f}", flush=True)
    return model


def log_held_out(images, labels) -> None:
    """Keep the images that the model has never seen beside it, for whoever wants to try it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "held_out.json"
        path.write_text(json.dumps({"images": images.tolist(), "labels": labels.tolist()}))
        mlflow.log_artifact(str(path))


def main() -> None:
    arguments = parse_arguments()
    digits = load_digits()
    scaled = (digits.data / 16.0).astype(np.float32)
    rest, held_out, rest_labels, held_out_labels = train_test_split(
        scaled, digits.target, test_size=HELD_OUT_COUNT, random_state=arguments.seed
    )
    images, test_images, labels, test_labels = train_test_split(
        rest, rest_labels, test_size=0.2, random_state=arguments.seed
    )

    mlflow.autolog(log_models=False, log_datasets=False)
    with mlflow.start_run() as run:
        mlflow.log_params(
            {
                "epochs": arguments.epochs,
                "hidden": arguments.hidden,
                "learning_rate": arguments.learning_rate,
                "seed": arguments.seed,
            }
        )
        with mlflow.start_run(run_name="baseline", nested=True):
            baseline = LogisticRegression(max_iter=500).fit(images, labels)
            baseline_accuracy = accuracy_score(test_labels, baseline.predict(test_images))
            print(f"baseline   accuracy {baseline_accuracy:.4f}", flush=True)

        model = train(arguments, images, labels, test_images, test_labels)
        log_held_out(held_out, held_out_labels)

        example = images[:2]
        onnx_model = to_onnx(model, example, options={"zipmap": False})
        mlflow.onnx.log_model(
            onnx_model,
            name="model",
            registered_model_name=arguments.model,
            input_example=example,
            signature=infer_signature(
                example,
                {"label": model.predict(example), "probabilities": model.predict_proba(example)},
            ),
            pip_requirements=["mlflow", "onnxruntime"],
        )
        print(f"run {run.info.run_id} has registered a version of {arguments.model}", flush=True)


if __name__ == "__main__":
    main()
