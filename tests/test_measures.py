"""The numbers behind the figures, against numbers that are known otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import drawn_digits

import pellucid as pl
from pellucid.callbacks.weight_history import WeightHistory
from pellucid.glass.measures import activity, attribution, landscape, passes, projection, trajectory
from pellucid.glass.measures.calibration import reliability, wilson
from pellucid.glass.measures.growth import grow
from pellucid.glass.measures.preferred import preferred_inputs
from pellucid.metrics import Evaluation
from pellucid.recipe import Recipe

DENSE, CONVOLUTION = "784-12-8-10", "1x28x28-3C5s2-BN-MP2-R(6:tanh)-10"
ARCHITECTURES = [DENSE, "1x28x28-3C5s2-BN-MP2-8:sigmoid-R(8:tanh)-10", "784-10"]


def images(count: int = 40) -> np.ndarray:
    return drawn_digits(count, 7)[0]


def labels(count: int = 40) -> np.ndarray:
    return drawn_digits(count, 7)[1].astype(np.int64)


def network(architecture: str = DENSE, normalize: str = "unit", **options: object) -> pl.Network:
    made = pl.Network(architecture, seed=1, dtype="float64", **options)  # type: ignore[arg-type]
    pl.fit(made, images(), labels(), epochs=2, batch_size=8, normalize=normalize, engine="reference", diagnosis=False)
    return made


def floats(made: pl.Network, image: np.ndarray) -> np.ndarray:
    """The image as the first layer reads it, in a row."""
    return np.moveaxis(passes.columns(made, image[None]), -1, 0).reshape(1, -1)


def logits_of(made: pl.Network, rows: np.ndarray) -> np.ndarray:
    return passes.logits(made, rows.reshape(len(rows), *made.layers[0].input_shape))


# Saliency


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("normalize", ["unit", "symmetric", "standard"])
def test_saliency_is_the_slope_of_the_logit_from_black_to_white(architecture: str, normalize: str) -> None:
    made, image = network(architecture, normalize), images()[3]
    found = attribution.saliency(made, image, 4).reshape(-1)
    x, white = floats(made, image), 255 * made.normalization.scale
    for pixel in (0, 300, 400, 410, 783):
        ends = []
        for way in (1, -1):
            moved = x.copy()
            moved[0, pixel] += way * 1e-6 * white
            ends.append(passes.logits(made, _as_read(made, moved))[0, 4])
        assert found[pixel] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-7)


def _as_read(made: pl.Network, rows: np.ndarray) -> np.ndarray:
    """Rows as floats that `predict` takes."""
    channels, *area = made.input_shape if len(made.input_shape) == 3 else (1, 28, 28)
    return rows.reshape(len(rows), *area) if channels == 1 else rows


def test_the_saliency_of_a_linear_model_is_its_weights() -> None:
    made = network("784-10")
    assert np.allclose(attribution.saliency(made, images()[0], 2).reshape(-1), made.layers[0].W[2])


def test_saliency_is_what_pytorch_differentiates() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    made, image = network(), images()[5]
    x = torch.tensor(floats(made, image), requires_grad=True)
    z = x
    for layer in made.layers:
        if isinstance(layer, pl.Dense):
            z = z @ torch.tensor(layer.W.T.copy()) + torch.tensor(layer.b[:, 0].copy())
        else:
            z = torch.relu(z)
    z[0, 6].backward()
    assert np.allclose(attribution.saliency(made, image, 6).reshape(-1), x.grad.numpy()[0], atol=1e-12)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_measuring_leaves_the_network_alone(architecture: str) -> None:
    made = network(architecture)
    before = made.theta.tobytes(), made.state.tobytes(), made.gradient.tobytes()
    attribution.saliency(made, images()[0], 0)
    attribution.occlusion(made, images()[0], 0, 9, 5)
    activity.activities(made, images())
    preferred_inputs(made, made.layers[-1], np.array([0, 1]), images()[0], steps=2)
    landscape.line(made, pl.data.Dataset(images(), labels()), landscape.direction(made, 0), np.array([0.5]))
    assert before == (made.theta.tobytes(), made.state.tobytes(), made.gradient.tobytes())


# Occlusion


def test_occlusion_asks_the_network_with_the_ground_in_the_patch() -> None:
    made, image = network(), images()[2]
    found = attribution.occlusion(made, image, 5, 6, 4)
    assert found.lead.shape == found.answers.shape == (6, 6)
    covered = image.copy()
    covered[8:14, 12:18] = 0
    z = passes.logits(made, covered[None])[0]
    assert found.lead[2, 3] == pytest.approx(z[5] - np.delete(z, 5).max())
    assert found.outputs[2, 3] == pytest.approx(made.predict(covered[None])[0, 5])
    assert found.answers[2, 3] == made.classify(covered[None])[0]
    whole = passes.logits(made, image[None])[0]
    assert found.whole == pytest.approx(whole[5] - np.delete(whole, 5).max())


def test_a_patch_on_plain_ground_changes_nothing() -> None:
    made, image = network(), np.full((28, 28), 200, np.uint8)
    found = attribution.occlusion(made, image, 5, 6, 4)
    assert np.allclose(found.lead, found.whole)


def test_occlusion_knows_the_two_classes_of_a_single_output() -> None:
    made = pl.Network("784-6-1", output="sigmoid", seed=2)
    one, two = (attribution.occlusion(made, images()[1], answer, 5, 9) for answer in (0, 1))
    assert np.allclose(one.lead, -two.lead)
    assert np.allclose(one.outputs, 1 - two.outputs)


# Contributions


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_contributions_add_up_to_the_logit_exactly(architecture: str) -> None:
    made, image = network(architecture), images()[9]
    z = passes.logits(made, image[None])[0]
    for output in (0, 7):
        found = attribution.contributions(made, image, output)
        assert found.products.sum() + found.bias == pytest.approx(found.total, abs=1e-12)
        assert found.total == pytest.approx(z[output], abs=1e-10)
        rival = attribution.contributions(made, image, output, against=3)
        assert rival.total == pytest.approx(z[output] - z[3], abs=1e-10)


def test_contributions_need_a_dense_last_layer() -> None:
    made = pl.Network("1x28x28-10C3:linear-GAP")
    with pytest.raises(pl.UsageError, match="where it is dense"):
        attribution.contributions(made, images()[0], 0)


# The landscape


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_landscape_at_0_is_the_loss(architecture: str) -> None:
    made, data = network(architecture), pl.data.Dataset(images(), labels())
    evaluation = made.evaluate(data)
    ((loss, accuracy),) = landscape.line(made, data, landscape.direction(made, 0), np.array([0.0]))
    assert (loss, accuracy) == pytest.approx((evaluation.loss, evaluation.accuracy))


def test_a_squared_error_of_a_linear_model_is_a_parabola_along_every_line() -> None:
    made, data = network("784-10", output="identity"), pl.data.Dataset(images(), labels())
    steps = np.linspace(-1, 1, 9)
    losses = landscape.line(made, data, landscape.direction(made, 4), steps)[:, 0]
    assert np.allclose(np.polyval(np.polyfit(steps, losses, 2), steps), losses, rtol=1e-9)


def test_rows_of_the_plane_are_the_second_direction() -> None:
    made, data = network(), pl.data.Dataset(images(), labels())
    first, second = landscape.direction(made, 1), landscape.direction(made, 2)
    found = landscape.plane(made, data, first, second, np.array([0.0, 0.4, 0.8]), np.array([0.0, -0.6]))
    assert found.shape == (2, 3)
    measure = landscape.loss_at(made, data)
    assert found[1, 2] == pytest.approx(measure(made.theta + 0.8 * first - 0.6 * second)[0])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_directions_are_as_long_as_each_filter_and_leave_the_rest(architecture: str) -> None:
    made = network(architecture)
    found = landscape.direction(made, 0)
    for slot in made.workspace().parameters:
        own, weights = slot.view(found), slot.view(made.theta)
        if slot.tensor.name == "W":
            rows = [np.linalg.norm(each.reshape(len(each), -1), axis=1) for each in (own, weights)]
            assert np.allclose(*rows)
        else:
            assert not own.any()
    assert not np.allclose(found, landscape.direction(made, 1))
    assert np.array_equal(found, landscape.direction(made, 0))


def test_a_loss_beyond_all_bounds_is_no_error() -> None:
    made = pl.Network("784-12-10")
    measure = landscape.loss_at(made, pl.data.Dataset(images(), labels()))
    assert not np.isfinite(measure(np.full_like(made.theta, 1e30))[0])


# Projections


@pytest.mark.parametrize("shape", [(50, 7), (12, 40)])
def test_principal_components_are_the_singular_vectors(shape: tuple[int, int]) -> None:
    points = np.random.default_rng(1).normal(size=shape) * np.arange(1, shape[1] + 1) + 5
    found = projection.principal_components(points, 3)
    centred = points - points.mean(axis=0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    assert np.allclose(abs(np.sum(found.axes * axes[:3], axis=1)), 1)
    assert np.allclose(found.shares, values[:3] ** 2 / (values**2).sum())
    assert np.allclose(found.of(points).mean(axis=0), 0)
    assert np.allclose(np.square(found.of(points)).sum(axis=0) / np.square(centred).sum(), found.shares)


def test_principal_components_are_scikit_learns() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition", reason="needs scikit-learn")
    points = np.random.default_rng(2).normal(size=(60, 9)) * np.arange(1, 10)
    theirs = decomposition.PCA(2).fit(points)
    found = projection.principal_components(points)
    assert np.allclose(abs(found.of(points)), abs(theirs.transform(points)))
    assert np.allclose(found.shares, theirs.explained_variance_ratio_)


@pytest.mark.parametrize("points", [np.ones((5, 3)), np.ones((1, 4)), np.outer(np.arange(4), [1.0, 2.0])])
def test_where_points_span_no_plane_the_rest_is_0(points: np.ndarray) -> None:
    found = projection.principal_components(points)
    assert found.of(points).shape == (len(points), 2)
    assert np.isfinite(found.of(points)).all()
    assert found.shares[1] == 0


def test_the_share_between_classes_by_hand() -> None:
    points = np.array([[0.0], [2.0], [10.0], [12.0]])  # means 1 and 11, of all 6: S_B = 4·25, S_T = 36 + 16 + 16 + 36
    assert projection.between_classes(points, np.array([0, 0, 1, 1])) == pytest.approx(100 / 104)
    assert projection.between_classes(points[[0, 0, 2, 2]], np.array([0, 0, 1, 1])) == pytest.approx(1)
    assert projection.between_classes(points, np.array([0, 1, 1, 0])) == pytest.approx(0)
    assert projection.between_classes(np.ones((4, 2)), np.array([0, 0, 1, 1])) == 0


# Units


def test_a_planted_dead_unit_is_found_and_no_other() -> None:
    made = network()
    (before, _) = activity.activities(made, images())
    assert 5 not in before.dead
    made.layers[0].b[5] = -1e6
    (after, _) = activity.activities(made, images())
    assert after.dead.tolist() == sorted([*before.dead.tolist(), 5])


def test_the_activity_of_a_relu_is_how_often_it_is_above_0() -> None:
    made = network()
    z = passes.outputs(made, images(), [made.layers[0]])["dense1"]
    (first, _) = activity.activities(made, images())
    assert np.allclose(first.shares, (z > 0).mean(axis=0))


def test_a_map_is_active_where_any_of_its_places_is() -> None:
    made = pl.Network("1x28x28-4C5-10", seed=3)
    made.layers[0].b[2] = -1e6
    z = passes.outputs(made, images(), [made.layers[0]])["conv1"]
    (found,) = activity.activities(made, images())
    assert np.allclose(found.shares, (z > 0).any(axis=(2, 3)).mean(axis=0))
    assert found.dead.tolist() == [2]


def test_the_largest_of_a_map_is_the_mean_that_the_ascent_climbs() -> None:
    made = pl.Network("1x28x28-4C5-10", seed=3)
    z = passes.outputs(made, images(), [made.layers[0]])["conv1"]
    assert np.allclose(activity.largest(made, images(), made.layers[0]), z.mean(axis=(2, 3)).max(axis=0))


def test_a_saturated_sigmoid_lets_no_gradient_through() -> None:
    made = pl.Network("784-6:sigmoid-10", seed=3)
    made.layers[0].b[1], made.layers[0].b[4] = 500, -500
    (found,) = activity.activities(made, images())
    assert found.dead.tolist() == [1, 4]


def test_the_flow_through_the_layers_is_that_of_the_gradient() -> None:
    made, data = network(), pl.data.Dataset(images(), labels())
    rows = {row.layer: row for row in activity.flow(made, data, pl.SGD(0.2))}
    _, gradient = made.loss_and_gradient(data.images, data.labels)
    first = slice(0, 784 * 12 + 12)
    assert rows["dense1"].weight_gradient == pytest.approx(np.linalg.norm(gradient[first]), rel=1e-5)
    ratio = 0.2 * np.linalg.norm(gradient[first]) / np.linalg.norm(made.theta[first])
    assert rows["dense1"].ratio == pytest.approx(ratio, rel=1e-5)
    assert rows["relu1"].ratio is rows["relu1"].weight_gradient is None
    z = passes.outputs(made, images(), [made.layers[0]])["dense1"]
    assert rows["dense1"].quantiles[2] == pytest.approx(np.median(z), rel=1e-5)
    assert list(rows) == [layer.name for layer in made.layers]


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "1x28x28-R(3C3p1-BN)-GAP", "784-D0.5-10"])
def test_the_flow_of_every_network_is_known(architecture: str) -> None:
    made = pl.Network(architecture, classes=None)
    own = np.zeros(40, np.int64)
    rows = activity.flow(made, pl.data.Dataset(images(), own, classes=made.classes), pl.Adam())
    assert len(rows) == len(made.layers)
    assert all(np.isfinite(row.gradient) for row in rows)


# What units like best


def test_a_linear_unit_likes_white_where_its_weights_are_positive() -> None:
    made = network("784-10")
    found = preferred_inputs(made, made.layers[0], np.array([3, 8]), images()[0], steps=400)
    for unit, image in zip((3, 8), found.images, strict=True):
        W = made.layers[0].W[unit]
        clear = abs(W) > 0.2 * abs(W).max()
        assert np.array_equal(image[clear] > 0.5, W[clear] > 0)
        assert image.min() >= 0
        assert image.max() <= 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("normalize", ["unit", "symmetric", "standard"])
def test_the_ascent_ends_higher_than_it_began_and_tells_the_truth(architecture: str, normalize: str) -> None:
    made = network(architecture, normalize)
    for layer in (made.layers[0], made.layers[-1]):
        found = preferred_inputs(made, layer, np.array([0, 2]), images()[0], steps=10)
        assert (found.after >= found.before).all()
        assert (found.after > found.before).any() or layer is made.layers[-1]  # behind ReLUs that may all be 0
        assert found.images.min() >= -1e-9
        assert found.images.max() <= 1 + 1e-9
        scale, offset = made.normalization.scale * 255, made.normalization.offset
        rows = _as_read(made, found.images.reshape(2, -1) * scale + offset)
        reached = passes.outputs(made, rows, [layer])[layer.name].reshape(2, layer.output_shape[0], -1).mean(axis=2)
        assert np.allclose([reached[0, 0], reached[1, 2]], found.after)


# Calibration


def evaluation(outputs: list[list[float]], truth: list[int]) -> Evaluation:
    own = np.array(outputs)
    return Evaluation(own, np.array(truth), own.argmax(axis=1), 0.0, ("a", "b"))


def test_the_bins_of_confidence_by_hand() -> None:
    found = evaluation([[0.95, 0.05], [0.93, 0.07], [0.3, 0.7], [0.35, 0.65], [0.5, 0.5]], [0, 1, 1, 1, 1])
    low, middle, high = reliability(found, 5)
    assert (low.low, low.high, low.count, low.accuracy) == (pytest.approx(0.4), pytest.approx(0.6), 1, 0)
    assert (middle.count, middle.confidence, middle.accuracy) == (2, pytest.approx(0.675), 1)
    assert (high.count, high.confidence, high.accuracy) == (2, pytest.approx(0.94), 0.5)


def test_the_gaps_of_the_bins_are_the_calibration_error() -> None:
    rng = np.random.default_rng(3)
    shares = rng.random((500, 1))
    found = evaluation(np.concatenate([shares, 1 - shares], axis=1).tolist(), rng.integers(0, 2, 500).tolist())
    bins = reliability(found)
    gap = sum(own.count / 500 * abs(own.accuracy - own.confidence) for own in bins)
    assert gap == pytest.approx(found.calibration_error())
    assert sum(own.count for own in bins) == 500


def test_intervals_are_wilsons() -> None:
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)  # the roots of (p̂ − p)² = z² p (1 − p) / n


# The way of a training, and growing


def way(theta: np.ndarray, architecture: str = "2-1") -> WeightHistory:
    steps = np.arange(len(theta))
    return WeightHistory(steps, theta, np.zeros((len(theta), 0)), 1, 1, architecture)


def test_distances_by_hand() -> None:
    made = pl.Network("2-1", output="identity", dtype="float64")
    found = trajectory.distances(made, way(np.array([[3.0, 4, 0], [3, 4, 5], [6, 8, 0]])))
    assert found.whole == pytest.approx([0, 1, 1])
    assert found.layers["dense1"] == pytest.approx([0, 0, 1])
    assert found.detour == pytest.approx((5 + np.sqrt(25 + 25)) / 5)


def test_the_plane_of_a_way_goes_through_its_end_and_holds_a_flat_way() -> None:
    rng = np.random.default_rng(4)
    flat = rng.normal(size=(9, 2)) @ rng.normal(size=(2, 30)) + rng.normal(size=30)
    found = trajectory.plane_of(way(flat))
    assert found.of(flat[-1:]) == pytest.approx(np.zeros((1, 2)))
    assert found.shares.sum() == pytest.approx(1)
    assert np.allclose(found.mean + found.of(flat) @ found.axes, flat)


def test_a_learning_curve_trains_the_recipe_on_ever_more_of_the_same_examples() -> None:
    data = pl.data.Dataset(images(80), labels(80))
    recipe, said = Recipe("784-8-10", epochs=2, batch_size=8), []
    rows = grow(recipe, data, data, said.append)
    assert [row.examples for row in rows] == [10, 20, 40, 80]
    assert len(said) == 4
    whole = recipe.make_network()
    pl.fit(whole, data, **recipe.fit_options())
    assert rows[-1].training == rows[-1].test == whole.evaluate(data).accuracy
    with pytest.raises(pl.UsageError, match="at least 16"):
        grow(recipe, data.subset(slice(15)), data, said.append)


def test_what_the_recipe_holds_out_is_no_training_example_of_the_learning_curve() -> None:
    data = pl.data.Dataset(images(100), labels(100))
    recipe = Recipe("784-8-10", epochs=2, batch_size=8, validation=0.2)
    rows = grow(recipe, data, data, lambda line: None)
    assert [row.examples for row in rows] == [10, 20, 40, 80]
    whole = recipe.make_network()
    pl.fit(whole, data, **recipe.fit_options())
    assert rows[-1].training == whole.evaluate(data.split(0.2, recipe.seed)[0]).accuracy
