"""A server of a network as it is written by hand: FastAPI with a pydantic model, torch, one worker.

python scripts/proofs/references/server.py product --port 8000
"""

import argparse
import base64
import io

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI
from PIL import Image
from pydantic import BaseModel
from torch import nn


class Row(BaseModel):
    """One row of the table."""

    x1: float
    x2: float


class Picture(BaseModel):
    """One image: a PNG or JPEG file in base64."""

    image: str


def product(api: FastAPI) -> None:
    """Add the endpoint of a network for a table."""
    network = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1)).eval()

    @api.post("/predict")
    async def predict(row: Row) -> dict[str, float]:
        with torch.no_grad():
            return {"predicted": network(torch.tensor([[row.x1, row.x2]])).item()}


def mnist_cnn(api: FastAPI) -> None:
    """Add the endpoint of a network for images."""
    network = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
    ).eval()

    @api.post("/predict")
    async def predict(picture: Picture) -> dict[str, int | list[float]]:
        image = Image.open(io.BytesIO(base64.b64decode(picture.image))).convert("L")
        inputs = torch.from_numpy(np.array(image)).reshape(1, 1, 28, 28) / 255
        with torch.no_grad():
            probabilities = network(inputs).softmax(1)[0]
        return {"predicted": int(probabilities.argmax()), "probabilities": probabilities.tolist()}


def main() -> None:
    """Serve a network until a signal comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=["product", "mnist_cnn"])
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    torch.set_num_threads(1)  # with two, this server is slower: they wait for each other
    api = FastAPI()
    {"product": product, "mnist_cnn": mnist_cnn}[options.network](api)

    @api.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    uvicorn.run(api, port=options.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
