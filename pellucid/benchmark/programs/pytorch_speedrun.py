"""What `pellucid train speedrun` does, as a PyTorch script: python pytorch_speedrun.py FOLDER THREADS."""

import json
import sys

import numpy as np
import torch
from torch import nn


def read(name: str, header: int) -> np.ndarray:
    """The bytes behind the header of an IDX file."""
    return np.fromfile(f"{sys.argv[1]}/{name}-ubyte", np.uint8)[header:]


def images(name: str) -> torch.Tensor:
    """Images of one channel, which comes last in memory: convolutions are fastest so."""
    pixels = torch.from_numpy(read(f"{name}-images-idx3", 16).reshape(-1, 1, 28, 28).astype(np.float32) / 255)
    return pixels.to(memory_format=torch.channels_last)


def labels(name: str) -> torch.Tensor:
    """Class numbers."""
    return torch.from_numpy(read(f"{name}-labels-idx1", 8).astype(np.int64))


torch.set_num_threads(int(sys.argv[2]))
torch.manual_seed(0)
X, Y = images("train"), labels("train")
network = nn.Sequential(
    *(nn.Conv2d(1, 8, 5), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(8)),
    *(nn.Conv2d(8, 20, 3), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(20)),
    *(nn.Flatten(), nn.Linear(500, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 10)),
).to(memory_format=torch.channels_last)
for layer in network:
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
optimizer = torch.optim.Adam(network.parameters(), lr=0.03, betas=(0.8, 0.95), fused=True)
steps = -(-len(X) // 128)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.03, total_steps=steps, pct_start=0.2, cycle_momentum=False)
for batch in torch.randperm(len(X)).split(128):
    optimizer.zero_grad(set_to_none=True)
    nn.functional.cross_entropy(network(X[batch]), Y[batch], label_smoothing=0.1).backward()
    optimizer.step()
    schedule.step()
network.eval()
with torch.inference_mode():
    classes = torch.cat([network(part).argmax(dim=1) for part in images("t10k").split(256)])
    accuracy = (classes == labels("t10k")).float().mean().item()
torch.save(network.state_dict(), "model.pt")
print(json.dumps({"test_accuracy": accuracy}))
