"""What `pellucid train p03 --epochs 5` does, as a PyTorch script: python pytorch_p03.py FOLDER-WITH-IDX-FILES."""

import json
import sys

import numpy as np
import torch
from torch import nn


def read(name: str, header: int) -> np.ndarray:
    """The bytes behind the header of an IDX file."""
    return np.fromfile(f"{sys.argv[1]}/{name}-ubyte", np.uint8)[header:]


def images(name: str) -> torch.Tensor:
    """Images as rows of floats."""
    return torch.from_numpy(read(f"{name}-images-idx3", 16).reshape(-1, 784).astype(np.float32) / 255)


def labels(name: str) -> torch.Tensor:
    """Class numbers."""
    return torch.from_numpy(read(f"{name}-labels-idx1", 8).astype(np.int64))


torch.set_num_threads(int(sys.argv[2]))
torch.manual_seed(0)
X, Y = images("train"), labels("train")
network = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
for _ in range(5):
    for batch in torch.randperm(len(X)).split(32):
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(X[batch]), Y[batch]).backward()
        optimizer.step()
with torch.inference_mode():
    accuracy = (network(images("t10k")).argmax(dim=1) == labels("t10k")).float().mean().item()
torch.save(network.state_dict(), "model.pt")
print(json.dumps({"test_accuracy": accuracy}))
