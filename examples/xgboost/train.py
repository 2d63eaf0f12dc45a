"""Boosted trees on the breast-cancer data, logged and registered by MLflow's autolog."""

import mlflow
import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

mlflow.xgboost.autolog(model_format="json", registered_model_name="breast-cancer")
features, labels = load_breast_cancer(return_X_y=True, as_frame=True)
train_x, test_x, train_y, test_y = train_test_split(features, labels, random_state=7)
xgboost.train(
    {
        "objective": "binary:logistic",
        "eval_metric": ["logloss", "error"],
        "max_depth": 4,
        "eta": 0.1,
    },
    xgboost.DMatrix(train_x, train_y),
    num_boost_round=100,
    evals=[(xgboost.DMatrix(test_x, test_y), "test")],
    verbose_eval=20,
)
