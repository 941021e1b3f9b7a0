"""Files as learners write them: the worked network, with mistakes in it, or a few lines."""

from __future__ import annotations

from pathlib import Path

from learner_mistakes import Plant

from pellucid.glass.check import Finding

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "build_your_own"
SKELETON = ROOT / "docs" / "build-your-own" / "skeleton" / "my_network.py"
WORKED = (EXAMPLES / "worked.py").read_text(encoding="utf-8")


def write(folder: Path, *plants: Plant, text: str = WORKED) -> Path:
    """The worked solution, or another text, with mistakes in it."""
    for _, old, new in plants:
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "my_network.py"
    file.write_text(text, encoding="utf-8")
    return file


def name_of(finding: Finding | None) -> str | None:
    return finding.mistake.name if finding and finding.mistake else None


def only(folder: Path, body: str) -> Path:
    file = folder / "mine.py"
    file.write_text(f"import numpy as np\n{body}\n", encoding="utf-8")
    return file


RELU = "def relu(z):\n    return np.maximum(0, z)\n"
