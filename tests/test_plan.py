"""The plan of a training step: what is countable in it is counted, without running it and without a compiler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.benchmark.work import Work
from pellucid.descent import Descent
from pellucid.engine.lowering import lower
from pellucid.engine.plan import Plan, padded, transpose


def plan_of(architecture: str, optimizer: Any = None, clip_norm: float | None = None, **options: Any) -> Plan:
    network = pl.Network(architecture, **options)
    return lower(
        network.layers, network.loss, Descent(optimizer or pl.SGD(0.1), clip_norm=clip_norm or 0.0), 32, 0, sparse=True
    )


def kernels(plan: Plan) -> list[str]:
    return [operation.kernel for operation in plan.operations]


def test_a_step_forwards_backwards_and_down() -> None:
    assert kernels(plan_of("784-128-10")) == [
        "gather_sparse", "sparse_forward", "relu_forward", "dense_forward", "cross_entropy",
        "dense_backward", "relu_backward", "dense_descend", "sparse_descend",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("optimizer", "clip_norm", "meetings", "ending"),
    [
        (pl.SGD(0.1), None, 3, ["dense_descend", "sparse_descend"]),
        (pl.SGD(0.1, momentum=0.9), None, 3, ["dense_update", "sparse_update"]),
        (pl.Adam(), None, 3, ["dense_update", "sparse_update"]),
        (pl.SGD(0.1), 1.0, 5, ["dense_gradient", "sparse_gradient", "square_sum", "clipped_update"]),
    ],
    ids=repr,
)
def test_threads_meet_as_seldom_as_they_can(optimizer: Any, clip_norm: float, meetings: int, ending: list[str]) -> None:
    plan = plan_of("784-128-10", optimizer, clip_norm)
    assert sum(operation.meet for operation in plan.operations) == meetings
    assert kernels(plan)[-len(ending) :] == ending


@pytest.mark.parametrize("architecture", ["784-128-64-10", "784-800-10", "784-10", "784-5-5-5-5-3"])
def test_the_arithmetic_of_the_products_is_the_least_there_is(architecture: str) -> None:
    products = [o for o in plan_of(architecture).operations if o.kernel.startswith(("dense", "sparse"))]
    assert sum(operation.arithmetic for operation in products) == 32 * Work(architecture, "sgd", 32).arithmetic


def test_nothing_goes_back_to_the_first_layer_with_parameters() -> None:
    """Before it only the images would learn how they should be."""
    assert kernels(plan_of("784-D0.2-N0.1-128-10")).count("dense_backward") == 1
    assert "dropout_backward" not in kernels(plan_of("784-D0.2-N0.1-128-10"))


def test_activations_work_in_place_where_nobody_needs_what_was_there() -> None:
    plan = plan_of("784-16:tanh-D0.5-16:sigmoid-10")
    for operation in plan.operations:
        if operation.kernel in ("tanh_forward", "sigmoid_forward"):
            assert operation.x == operation.y
        if operation.kernel == "dropout_forward":  # tanh goes back by its a
            assert operation.x != operation.y


def test_the_gradients_of_images_stay_with_their_thread_until_the_threads_meet() -> None:
    kept = {}
    for architecture in ("1x28x28-6C5-MP2-16C5-MP2-10", "1x28x28-6C5-BN-MP2-16C5-BN-MP2-10"):
        kept[architecture] = [
            (operation.kernel, bool(operation.x[2]))  # whether each thread has its own
            for operation in plan_of(architecture).operations
            if operation.kernel in ("max_pool_backward", "winograd_backward", "batch_norm_pool_gradient")
        ]
    plain, normalized = kept.values()
    assert plain == [("max_pool_backward", True), ("winograd_backward", True)]
    assert normalized == [
        ("batch_norm_pool_gradient", False), ("winograd_backward", True), ("batch_norm_pool_gradient", False),
    ]  # fmt: skip


def test_a_block_writes_over_nothing_that_is_read_twice() -> None:
    for architecture in ("9-R(9:relu)-9:linear-R(D0.5)-R(9-9:linear)-3", "2x6x6-R(2C3p1-R(BN:relu)-4C1)-R(MP1)-GAP-3"):
        operations = plan_of(architecture).operations
        for add in (operation for operation in operations if operation.kernel == "add"):
            written = [n for n, o in enumerate(operations) if o.y == add.kept and o.kernel != "add"]
            assert len(written) <= 2  # by a layer, and where an activation in its place follows


@pytest.mark.parametrize(
    ("optimizer", "clip_norm", "vectors"),
    [(pl.SGD(0.1), None, 1), (pl.SGD(0.1, momentum=0.9), None, 2), (pl.Adam(), None, 3), (pl.Adam(), 1.0, 4)],
    ids=repr,
)
def test_the_arena_holds_what_is_needed_and_no_more(optimizer: Any, clip_norm: float | None, vectors: int) -> None:
    plan = plan_of("784-128-64-10", optimizer, clip_norm)
    parameters = sum((inputs + 1) * padded(outputs) for inputs, outputs in ((784, 128), (128, 64), (64, 10)))
    images = padded(2 * (32 * 784 + 784 * 48 + 32 + 32 * 784))  # X, Xᵀ and how many there are, of two batches
    rows = 32 * (128 + 64 + padded(10)) * 2  # activations and their gradients
    sums = 2 * -(-parameters // 4096) if clip_norm else 0
    assert plan.size == vectors * parameters + images + rows + padded(sums)


def test_the_plan_as_a_table(pellucid: Any) -> None:
    result = pellucid("info", "--plan", "784-D0.2-32-10", "--batch-size", 16, "--optimizer", "adam")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0].startswith("784-D0.2-32-10, adam, batches of 16, float32, ")
    assert any(line.split() == ["dense_update", "dense1", "784", "->", "32", "802,816", "655,104"] for line in lines)
    assert sum("the threads meet" in line for line in lines) == 2
    listed = pellucid("info", "--plan", "784-D0.2-32-10", "--json").json
    assert [operation["kernel"] for operation in listed["operations"]][:2] == ["gather", "dropout_forward"]
    refused = pellucid("info", "--plan", "784-32:tann-10")
    assert (refused.code, "Did you mean 'tanh'" in refused.err) == (2, True)


@pytest.mark.parametrize(("rows", "columns"), [(1024, 1024), (3, 2048), (2048, 5), (1024, 784), (33, 1000), (1, 1024)])
def test_a_matrix_is_transposed_whatever_its_rows_do_to_the_cache(rows: int, columns: int) -> None:
    source = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    padded = np.full((columns, rows + 7), -1, np.float32)
    transpose(padded[:, :rows], source)
    np.testing.assert_array_equal(padded[:, :rows], source.T)
    assert (padded[:, rows:] == -1).all()
    back = np.zeros_like(source)
    transpose(back, padded[:, :rows])
    np.testing.assert_array_equal(back, source)
