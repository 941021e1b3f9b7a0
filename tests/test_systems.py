"""The systems that pellucid grew from: each one's protocol as a specification."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import drawn_digits
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.data import Dataset
from pellucid.errors import DataError
from pellucid.glass.gradcheck import gradcheck
from pellucid.losses import make_loss
from pellucid.systems import all_systems, digit_recognizer, scalar_notes, sixteen_sixteen, vanishing
from pellucid.systems.digit_recognizer import divide, make_network, table
from pellucid.systems.glass_from_black_box import EPSILON, EpsilonBinaryCrossEntropy, is_it
from pellucid.systems.scalar_notes import RATES, Fitting, Notes, deal
from pellucid.systems.system import draw_uniformly


@pytest.fixture(scope="module")
def train() -> Dataset:
    images, labels = drawn_digits(400, seed=1)
    return Dataset(images, labels.astype(np.int64))


def test_the_five_systems_and_the_lesson_of_the_first() -> None:
    assert list(all_systems())[:6] == [
        "p03", "glass-from-black-box", "vanishing", "scalar-notes", "digit-recognizer", "sixteen-sixteen",
    ]  # fmt: skip


@pytest.mark.parametrize("system", all_systems().values(), ids=lambda system: system.name)
def test_each_has_a_source_and_protocols_that_are_told_apart(system: pl.systems.system.System) -> None:
    assert system.source
    variants = [protocol.variant for protocol in system.protocols]
    assert variants[0] == ""
    assert len(set(variants)) == len(variants)
    assert all("{" not in protocol.words for protocol in system.protocols)


# glass-from-black-box


def losses(kind: type, z: list[float], y: list[float]) -> np.ndarray:
    """The losses of examples with a single output, float64."""
    t = pl.layers.Numbers("the loss", np)
    t.z, t.y = np.array([z]), np.array([y])
    kind(make_loss("sigmoid").link).forward(t)
    return t.losses


Binary = type(make_loss("sigmoid"))


@given(st.lists(st.tuples(st.floats(-15, 15), st.floats(0, 1)), min_size=1))
def test_with_epsilon_the_loss_is_smaller_by_a_little(pairs: list[tuple[float, float]]) -> None:
    z, y = map(list, zip(*pairs, strict=True))
    less = losses(Binary, z, y) - losses(EpsilonBinaryCrossEntropy, z, y)
    bound = EPSILON * (1 + np.exp(np.abs(z)))  # log(a + ε) − log a < ε / a, and 1/a = 1 + e^−z
    assert (less >= -1e-8).all()
    assert (less <= 2 * bound + 1e-8).all()


def test_where_the_logarithm_would_meet_0_epsilon_says_18_and_the_stable_form_the_truth() -> None:
    with np.errstate(divide="ignore"):
        assert np.log(1 - 1 / (1 + np.exp(-np.float32(50)))) == -np.inf  # what the author met: 0 · this is NaN
    z, y = [50.0, -50.0, 50.0, -50.0], [0.0, 1.0, 1.0, 0.0]
    assert losses(EpsilonBinaryCrossEntropy, z, y) == pytest.approx([18.42, 18.42, 0, 0], abs=0.01)
    assert losses(Binary, z, y) == pytest.approx([50, 50, 0, 0], abs=1e-12)


def test_epsilon_changes_no_bit_of_the_training(train: Dataset) -> None:
    plain, epsilon = (pl.Network("784-12-10", output="sigmoid") for _ in range(2))
    epsilon.loss = EpsilonBinaryCrossEntropy(epsilon.loss.link)
    for network in (plain, epsilon):
        pl.fit(network, train, epochs=2, engine="reference")
    assert plain.theta.tobytes() == epsilon.theta.tobytes()
    assert plain.loss != epsilon.loss


def test_is_it_a_5_has_two_classes_and_one_output(train: Dataset) -> None:
    question = is_it(5, train)
    assert question.classes == ("not 5", "5")
    assert np.array_equal(question.labels == 1, train.labels == 5)
    network = pl.Network("784-8-1", output="sigmoid", classes=question.classes)
    pl.fit(network, question, epochs=5)
    assert network.predict(question.images).shape == (len(question), 1)
    assert network.evaluate(question).accuracy > 0.9


# vanishing


def test_in_six_layers_of_sigmoids_the_gradient_vanishes_and_with_relu_it_does_not(train: Dataset) -> None:
    norms = {}
    for activation in ("relu", "sigmoid"):
        network = pl.Network(vanishing.ARCHITECTURE, activation=activation, output="sigmoid", initializer="he")
        norms[activation] = vanishing.gradient_norms(network, train)
        assert len(norms[activation]) == 6
    assert norms["sigmoid"] == sorted(norms["sigmoid"])
    assert norms["sigmoid"][-1] > 100 * norms["sigmoid"][0]
    assert max(norms["relu"]) < 10 * min(norms["relu"])


def test_both_deep_networks_begin_with_the_same_weights(train: Dataset) -> None:
    protocols = all_systems()["vanishing"].protocols
    assert [protocol.activation for protocol in protocols] == ["relu", "sigmoid"]
    begins = [
        pl.Network(vanishing.ARCHITECTURE, activation=name, output="sigmoid", initializer="he", seed=3).theta
        for name in ("relu", "sigmoid")
    ]
    assert np.array_equal(*begins)


# scalar-notes


def test_weights_and_biases_begin_alike_between_minus_1_and_1() -> None:
    network = pl.Network("784-10-10")
    draw_uniformly(network, 1.0, seed=0)
    for layer in (network.layers[0], network.layers[2]):
        for tensor in (layer.W, layer.b):
            assert tensor.min() < -0.5
            assert tensor.max() > 0.5
            assert abs(tensor).max() <= 1


def test_a_step_sums_the_gradients_of_weights_and_averages_those_of_biases(train: Dataset) -> None:
    images, labels = train.images[:32], train.labels[:32]
    network = pl.Network("784-10-10", dtype="float64")
    draw_uniformly(network, 1.0, seed=0)
    begin = network.theta.copy()
    of_each = [network.loss_and_gradient(images[k : k + 1], labels[k : k + 1])[1].copy() for k in range(32)]
    weights, biases = np.sum(of_each, axis=0), np.mean(of_each, axis=0)
    loss, accuracy = scalar_notes.step(network, images, labels, rate=0.03)
    is_weight = np.concatenate([np.full(n, kind) for n, kind in ((7840, 1), (10, 0), (100, 1), (10, 0))]) == 1
    assert network.theta == pytest.approx(begin - 0.03 * np.where(is_weight, weights, biases), abs=1e-12)
    network.theta = begin
    before = network.evaluate(images, labels)
    assert (loss, accuracy) == pytest.approx((before.loss, before.accuracy))


def test_batches_are_fresh_and_leave_out_those_that_choose_the_rate() -> None:
    batches, held_out = deal(60_000, 100, seed=0)
    assert batches.shape == (100, 32)
    assert len(held_out) == 10_000
    assert len(np.union1d(batches, held_out)) == 3200 + 10_000
    assert not np.array_equal(batches, deal(60_000, 100, seed=1)[0])


@pytest.mark.parametrize("fresh", [False, True])
def test_the_same_32_images_are_learnt_and_measured_or_fresh_ones(train: Dataset, fresh: bool) -> None:
    protocol = Notes(what="", figures={"those 32": ""}, fresh=fresh, steps=30)
    outcome = protocol.run(train, train, seed=0)
    assert list(outcome.accuracies) == ["test" if fresh else "those 32"]
    assert len(outcome.notes["losses"]) == len(outcome.notes["accuracies"]) == 30
    batches, _ = deal(len(train), 30, seed=0)
    network = pl.Network("784-10-10")
    draw_uniformly(network, 1.0, seed=0)
    for batch in batches if fresh else batches[[0] * 30]:
        scalar_notes.step(network, train.images[batch], train.labels[batch], rate=0.03)
    measured = network.evaluate(train if fresh else train.subset(batches[0])).accuracy
    assert list(outcome.accuracies.values()) == [measured]


def test_the_rate_is_chosen_without_a_look_at_the_test_images(train: Dataset) -> None:
    nonsense = replace(train, labels=(train.labels + 1) % 10)
    honest, misled = (Fitting(what="", steps=20).run(train, test, seed=0) for test in (train, nonsense))
    assert honest.notes["learning_rate"] == misled.notes["learning_rate"]
    assert honest.notes["learning_rate"] in RATES
    assert honest.accuracies["test"] > misled.accuracies["test"]


# digit-recognizer


def test_the_table_is_made_of_the_first_training_images_kept_and_read_back(train: Dataset, tmp_path: Path) -> None:
    rows = table(train, tmp_path)
    assert (rows.images.tobytes(), rows.labels.tobytes()) == (train.images.tobytes(), train.labels.tobytes())
    assert [path.name for path in tmp_path.iterdir()] == ["mnist-42000.csv"]
    assert (tmp_path / "mnist-42000.csv").read_text().startswith("label,pixel0,pixel1,")
    others = train.subset(slice(0, 50))
    assert table(others, tmp_path).sha256() == others.sha256()  # made anew


def test_kaggles_own_file_comes_first(train: Dataset, tmp_path: Path) -> None:
    kaggle = train.subset(slice(100, 130))
    table(kaggle, tmp_path)
    (tmp_path / "mnist-42000.csv").rename(tmp_path / "train.csv")
    assert table(train, tmp_path).sha256() == kaggle.sha256()


def test_a_table_without_labels_is_refused(train: Dataset, tmp_path: Path) -> None:
    pl.data.formats.table.write_table(tmp_path / "train.csv", train.images[:3])
    with pytest.raises(DataError, match=r"train\.csv has no labels.*not its test\.csv"):
        table(train, tmp_path)


def test_of_42000_shuffled_rows_25200_validate_and_16800_train() -> None:
    images = np.arange(42_000, dtype="<u4").view(np.uint8).reshape(-1, 2, 2)
    rows = Dataset(images, np.zeros(42_000, np.int64))
    training, validation = divide(rows, seed=0)
    assert (len(training), len(validation)) == (16_800, 25_200)
    numbers = np.concatenate([part.images.reshape(-1, 4).copy().view("<u4")[:, 0] for part in (validation, training)])
    assert np.array_equal(np.sort(numbers), np.arange(42_000))
    assert not np.array_equal(numbers, np.arange(42_000))


def test_a_step_of_full_batch_descent_is_theta_minus_rate_times_gradient(train: Dataset) -> None:
    protocol = digit_recognizer.FullBatch(what="", figures=digit_recognizer.PUBLISHED, author=False, steps=1)
    network = make_network(author=False, seed=4)
    training, validation = divide(train, seed=4)
    network.theta -= 0.1 * network.loss_and_gradient(training.images, training.labels)[1]
    expected = [network.evaluate(part).accuracy for part in (training, validation)]
    assert list(protocol.run(train, train, seed=4).accuracies.values()) == expected


def test_the_gradient_check_names_the_authors_bias_gradient_and_passes_the_right_one() -> None:
    assert gradcheck(make_network(author=False, seed=0)).passed
    check = gradcheck(make_network(author=True, seed=0))
    assert {tensor.name for tensor in check.tensors if not tensor.passed} == {"dense1/b", "dense2/b"}
    assert check.suspect.name == "dense2/b"


def test_the_authors_output_biases_never_move_because_each_column_of_a_minus_y_sums_to_0(train: Dataset) -> None:
    network = make_network(author=True, seed=0)
    network.loss_and_gradient(train.images, train.labels)
    assert abs(network.layers[2].db).max() < 1e-6
    assert np.ptp(network.layers[0].db) == 0
    assert abs(network.layers[0].db).max() > 1e-4


def test_the_authors_stop_is_where_the_accuracies_part(train: Dataset) -> None:
    protocol = digit_recognizer.FullBatch(what="", figures=digit_recognizer.PUBLISHED, author=False, steps=100)
    notes = protocol.run(train, train, seed=0).notes
    assert [step for step, _, _ in notes["accuracies"]] == [20, 40, 60, 80, 100]
    parted = [step for step, training, validation in notes["accuracies"] if abs(training - validation) > 0.01]
    assert notes["parted"] == (parted[0] if parted else None)


# sixteen-sixteen


@given(st.integers(0, 1000), st.integers(1, 8))
def test_the_loop_over_examples_and_the_matrices_agree_to_1e_12(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    network = sixteen_sixteen.RECIPE.make_network()
    exact = pl.Network(network.architecture, output="sigmoid", loss="squared_error", dtype="float64", seed=seed)
    assert exact.theta.size == 13_002
    images, labels = rng.random((count, 784)), rng.integers(0, 10, count)
    by_examples = sixteen_sixteen.gradient_by_examples(exact, images, labels)
    _, by_matrices = exact.loss_and_gradient(images, labels)
    assert np.abs(by_examples - by_matrices).max() < 1e-12
    assert np.abs(by_matrices).max() > 1e-3


def test_its_recipe_is_all_sigmoid_with_squared_error() -> None:
    network = sixteen_sixteen.RECIPE.make_network()
    assert (network.architecture, network.output) == ("784-16:sigmoid-16:sigmoid-10", "sigmoid")
    assert network.loss.kind == "squared_error"


# docs/five-systems.md

DOCUMENT = (Path(__file__).parents[1] / "docs" / "five-systems.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize(("program", "message"), SHOWN)
def test_the_messages_in_the_document_are_those_that_pellucid_prints(program: str, message: str) -> None:
    with pytest.raises(pl.PellucidError) as raised:
        exec(program, {})
    assert f"{type(raised.value).__name__}: {raised.value}".split() == message.split()


def test_the_document_shows_messages_and_every_row_of_the_table() -> None:
    assert len(SHOWN) >= 4
    table = DOCUMENT.partition("<!-- table -->")[2].partition("<!-- /table -->")[0]
    for system in list(all_systems().values())[:6]:
        assert f"| `{system.name}` |" in table
        for protocol in system.protocols:
            for figure, published in protocol.figures.items():
                assert f"| {protocol.words} | {figure} | {published or '-'} |" in table
