"""A PyTorch loop on the digits, on a GPU where there is one, logged and registered with MLflow."""

import mlflow
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"
images, labels = load_digits(return_X_y=True)
train_x, test_x, train_y, test_y = (
    torch.tensor(part, device=device)
    for part in train_test_split(images.astype("float32") / 16, labels, random_state=7)
)
torch.manual_seed(7)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

with mlflow.start_run():
    mlflow.log_params({"device": device, "hidden": 128, "learning_rate": 1e-3})
    for epoch in range(1, 31):
        for start in range(0, len(train_x), 64):
            batch = slice(start, start + 64)
            loss = nn.functional.cross_entropy(model(train_x[batch]), train_y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model(test_x).argmax(dim=1) == test_y).float().mean().item()
        mlflow.log_metrics({"loss": loss.item(), "validation_accuracy": accuracy}, step=epoch)
        print(f"epoch {epoch:2}  loss {loss.item():.4f}  accuracy {accuracy:.4f}", flush=True)
    mlflow.pytorch.log_model(
        model.to("cpu"),
        name="model",
        input_example=test_x[:2].cpu().numpy(),
        registered_model_name="digits-torch",
    )
