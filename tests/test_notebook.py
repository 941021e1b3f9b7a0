"""What objects show of themselves in a notebook."""

from __future__ import annotations

import numpy as np
import pytest
from test_report import Nesting

import pellucid as pl
from pellucid.glass.notebook import matrix


def well_formed(html: str) -> str:
    parser = Nesting()
    parser.feed(html)
    assert (parser.wrong, parser.open) == ([], [])
    assert all(address.startswith("data:") for address in parser.addresses)
    return html


def test_a_network_is_a_table_with_the_numbers_of_its_summary() -> None:
    network = pl.Network("784-128-64-10")
    shown = well_formed(network._repr_html_())
    for cell in ("<td>dense1</td>", "<td>100,480</td>", "<th>operations</th>", "<td>109,386</td>"):
        assert cell in shown


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (784, 1), (64, 784), (0, 3), (4, 9, 5, 5, 2)])
def test_a_matrix_is_a_heat_map_of_any_shape(shape: tuple[int, ...]) -> None:
    shown = pl.Matrix(np.random.default_rng(0).normal(size=shape), "W")
    assert "W" in well_formed(shown._repr_html_())
    assert "W" in repr(shown)


def test_a_trace_is_a_walk_through_every_tensor_with_its_formula() -> None:
    network = pl.Network("1x8x8-4C3-MP2-BN-5")
    rng = np.random.default_rng(0)
    trace = pl.trace(network, rng.random((2, 64)), rng.integers(0, 5, 2), training=True, optimizer=pl.SGD(0.1))
    shown = well_formed(trace._repr_html_())
    for name, traced in trace.tensors.items():
        assert (f"<b>{name}</b>" in shown) == bool(traced.formula)
    assert matrix(trace, "conv1/z").images
    assert not matrix(trace, "conv1/dW").images
