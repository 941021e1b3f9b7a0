"""docs/layers.md: its example runs, its messages are those that pellucid prints, its table names every layer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import pellucid as pl
from pellucid.notation import ITEMS, parse, write

Command = Any

TEXT = (Path(__file__).parents[1] / "docs" / "layers.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n\$ pellucid (.*)\n((?:.*\n)*?)```", TEXT)


def test_the_example_is_a_layer_whose_gradient_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(program, {"__name__": __name__})
    assert capsys.readouterr().out == "True\n"


@pytest.mark.parametrize(("line", "message"), CONSOLE)
def test_the_messages_are_those_that_pellucid_prints(
    line: str, message: str, pellucid: Command, digits_folder: Path
) -> None:
    result = pellucid(*line.split(), "--data", digits_folder)
    assert result.code == 2
    assert result.err.rstrip().endswith(message.rstrip())


def test_the_table_has_every_item_and_each_can_be_read() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \| [^|]+ \| (?:`(.+)`)? *\|$", TEXT, re.MULTILINE)
    written = [item for items, _ in rows for item in re.findall(r"`([^`]+)`", items) if not item.startswith(":")]
    letters = {"".join(re.findall("[A-Z]", item.split("(")[0])) for item in written if item != "*"}
    assert letters == {re.sub("[^A-Z]", "", name) for name in ITEMS}
    for item in written:
        image = "1x28x28-4C3-" if item not in ("784",) else "784-"
        parse(f"{image}{item}-10", classes=10)


def test_the_architecture_of_a_block_is_written_as_it_is_read() -> None:
    for line in re.findall(r"`(1x28x28-[^`]+)`", TEXT):
        network = pl.Network(line)
        assert write(network.layers[0].input_shape, network.layers) == line
