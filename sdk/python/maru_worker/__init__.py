"""Runs an MLflow pyfunc model for `maru infer`, inside the model's own environment."""
