"""Diagnosis: planted faults are named in the step in which they happen, with cause and remedy; health is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import BOTH, drawn_digits, write_folder

import pellucid as pl
from pellucid.callbacks import Progress
from pellucid.data import Dataset
from pellucid.diagnosis.breakdown import BreakdownError
from pellucid.diagnosis.material import loss_of_guessing
from pellucid.layers.activation import Activation
from pellucid.losses import make_loss
from pellucid.notice import Notice

Digits = tuple[Dataset, Dataset]
engines = pytest.mark.parametrize("engine", BOTH)


class Plant(pl.Callback):
    """Does something to the network after one step."""

    def __init__(self, step: int, deed: Callable[[pl.Network], None]) -> None:
        self.every, self.deed, self.done = step, deed, False

    def on_train_batch_end(self, batch: int, logs: Progress) -> None:
        if not self.done:
            self.deed(self.model)
        self.done = True


def broken(network: pl.Network, *data: Any, **options: Any) -> BreakdownError:
    with pytest.raises(BreakdownError) as raised:
        pl.fit(network, *data, **options)
    return raised.value


def place(error: BreakdownError) -> tuple[int, str, str, str]:
    assert error.place
    return error.step, error.place.direction, error.place.layer, error.place.tensor


def noticed(network: pl.Network, *data: Any, **options: Any) -> dict[tuple[str, str], Notice]:
    return {(n.kind, n.layer): n for n in pl.fit(network, *data, **options).notices}


# A training that breaks


@engines
def test_nan_planted_in_a_weight_is_named_in_the_step_that_reads_it(digits: Digits, engine: str) -> None:
    def deed(network: pl.Network) -> None:
        network.layers[2].W[3, 5] = np.nan

    error = broken(pl.Network("784-16-8-10"), digits[0], epochs=3, engine=engine, callbacks=[Plant(21, deed)])
    assert place(error) == (22, "forward", "dense2", "W")
    assert (error.epoch, error.learning_rate) == (2, 0.1)
    assert "something beside the training set it" in str(error)
    assert "Look at what writes to network.theta" in str(error)


@engines
def test_nan_in_the_weight_of_a_pixel_that_is_always_dark_is_named_too(digits: Digits, engine: str) -> None:
    def deed(network: pl.Network) -> None:
        network.layers[0].W[0, 0] = np.nan  # the native engine passes over pixels of 0, and its loss stays finite

    error = broken(pl.Network("784-16-10"), digits[0], epochs=3, engine=engine, callbacks=[Plant(7, deed)])
    assert place(error) == (8, "forward", "dense1", "W")


@engines
def test_nan_before_the_first_step(digits: Digits, engine: str) -> None:
    network = pl.Network("784-16-10")
    network.layers[2].b[0] = np.inf
    error = broken(network, digits[0], engine=engine)
    assert place(error) == (1, "forward", "dense2", "b")
    assert "was so before the first step" in str(error)
    assert error.snapshot is None


class Root(Activation):
    """a = √|z|, whose slope at 0 divides by 0."""

    kind = "root"

    def forward(self, t: Any) -> None:
        t.a = np.sqrt(abs(t.z))

    def backward(self, t: Any) -> None:
        t.dz = t.da * np.sign(t.z) / (2 * t.a)


def test_a_formula_that_divides_by_0_is_named_in_the_backward_pass(digits: Digits) -> None:
    network = pl.Network([pl.Dense(8), Root(), pl.Dense(10)], input_shape=(784,))
    network.layers[0].W[2] = 0
    error = broken(network, digits[0])
    assert place(error) == (1, "backward", "root1", "dz")
    assert "the formula of root1 itself: every number before it is small" in str(error)
    assert "gradcheck" in str(error)


def test_overflow_on_the_way_back() -> None:
    network = pl.Network("4-3:tanh-3", seed=0)
    network.layers[0].W = np.zeros((3, 4))  # so that tanh is 0, and the way forward finite
    network.layers[2].W = np.float32(3e38) * np.array([[1, 1, 1], [-1, -1, -1], [1, 1, 1]])
    error = broken(network, np.ones((3, 4)), np.array([1, 1, 1]), batch_size=1, engine="reference")
    assert place(error) == (1, "backward", "dense2", "dx")
    assert "as large as 3e+38 when the training began" in str(error)
    assert "default initializers" in str(error)


@engines
@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (1e39, (1, "update", "dense1", "W")),
        (1e30, (2, "forward", "dense2", "z")),
        (1e20, (2, "forward", "dense2", "z")),
    ],
)
def test_a_rate_beyond_all_bounds(digits: Digits, engine: str, rate: float, expected: tuple[Any, ...]) -> None:
    network = pl.Network("784-16-10")
    before = network.theta.copy()
    error = broken(network, digits[0], optimizer=pl.SGD(rate), engine=engine)
    assert place(error) == expected
    assert "the learning rate is too high" in str(error)
    assert "Try a learning rate of 0.1" in str(error)
    assert error.snapshot
    assert np.array_equal(network.theta, before), "the network is back at its last good moment"


@engines
def test_weights_too_large_from_the_beginning(digits: Digits, engine: str) -> None:
    network = pl.Network("784-16-10")
    network.theta *= 1e30
    error = broken(network, digits[0], engine=engine)
    assert place(error) == (1, "forward", "dense2", "z")
    assert "Draw them smaller" in str(error)


@engines
def test_images_too_large(digits: Digits, engine: str) -> None:
    images = digits[0].images.astype(np.float64)
    too_large = broken(pl.Network("784-16-10"), images * 1e37, digits[0].labels, engine=engine)
    assert place(too_large)[:3] == (1, "forward", "images")
    assert "Divide them by their largest" in str(too_large)
    large = broken(pl.Network("784-16-10"), images * 1e20, digits[0].labels, engine=engine)
    assert place(large)[1:] == ("forward", "dense1", "z")
    assert "the images go up to 2." in str(large)


def test_nan_does_not_come_in_with_the_images(digits: Digits) -> None:
    images = digits[0].images / 255
    images[3, 2, 1] = np.nan
    with pytest.raises(pl.DataError, match="1 values of the images are NaN"):
        pl.fit(pl.Network("784-16-10"), images, digits[0].labels)


@engines
def test_outputs_of_the_validation_that_overflow(digits: Digits, engine: str) -> None:
    options: dict[str, Any] = {"optimizer": pl.SGD(1e30), "batch_size": 1000, "validation": 0.2, "engine": engine}
    error = broken(pl.Network("784-16-10"), digits[0], epochs=1, **options)
    assert place(error) == (1, "forward", "dense2", "z")
    assert "It showed when the examples held out were looked at, after that step." in str(error)


def test_layers_inside_a_block_and_normalization_are_named(digits: Digits) -> None:
    network = pl.Network("784-16-R(16-BN-16)-10")
    network.layers[2].parts[1].gain[...] = np.nan
    error = broken(network, digits[0])
    assert place(error) == (1, "forward", "residual1.bn1", "gain")


@engines
def test_the_network_goes_back_to_its_last_good_moment(digits: Digits, engine: str) -> None:
    def deed(network: pl.Network) -> None:
        network.theta[0] = np.nan

    network = pl.Network("784-16-10")
    error = broken(network, digits[0], epochs=5, engine=engine, callbacks=[Plant(70, deed)])
    assert error.snapshot
    assert (error.step, error.snapshot.step) == (71, 64)
    again = pl.Network("784-16-10")
    pl.fit(again, digits[0], epochs=4, engine=engine)
    pl.fit(network, digits[0], epochs=4, engine=engine, resume=error.snapshot)
    assert again.theta.tobytes() == network.theta.tobytes()


def test_where_the_formulas_stay_finite_that_is_said(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.engine.engines import ENGINES
    from pellucid.engine.reference import ReferenceEngine

    class Other(ReferenceEngine):
        name = "other"

        def run(self, *arguments: Any) -> Any:
            losses, correct = super().run(*arguments)
            if self.step > 5:
                losses[-1] = np.nan
            return losses, correct

    monkeypatch.setitem(ENGINES, "reference", Other)
    error = broken(pl.Network("784-16-10"), digits[0], engine="reference")
    assert error.place is None
    assert "Where it began is not known" in str(error)
    assert "The other engine differs from them in the last digits" in str(error)


# A training that goes on, but not well


@engines
def test_a_rate_far_too_high(digits: Digits, engine: str) -> None:
    found = noticed(pl.Network("784-10"), digits[0], optimizer=pl.SGD(1000, momentum=0.9), epochs=8, engine=engine)
    notice = found["learning rate too high", ""]
    assert notice.step == 64
    assert "Try 0.1" in notice.text


@engines
def test_a_rate_far_too_low(digits: Digits, engine: str) -> None:
    found = noticed(pl.Network("784-16-10"), digits[0], optimizer=pl.SGD(1e-9), epochs=5, engine=engine)
    assert list(found) == [("learning rate too low", "")]
    notice = found["learning rate too low", ""]
    assert notice.step == 64
    assert "Try 0.1" in notice.text


@engines
def test_units_that_are_dead_from_the_beginning(digits: Digits, engine: str) -> None:
    network = pl.Network("784-16-12-10")
    network.layers[2].b[...] = -100
    found = noticed(network, digits[0], epochs=1, engine=engine)
    notice = found["dead units", "relu2"]
    assert notice.step == 0
    assert notice.text.startswith("12 of 12 units of relu let no gradient through for any of 512 training images")
    assert "biases far below 0" in notice.text
    assert "leaky_relu" in notice.text


@engines
def test_a_layer_that_dies_on_the_way(digits: Digits, engine: str) -> None:
    def deed(network: pl.Network) -> None:
        network.layers[0].b[...] = -100

    found = noticed(pl.Network("784-16-10"), digits[0], epochs=2, engine=engine, callbacks=[Plant(15, deed)])
    notice = found["dead units", "relu1"]
    assert (notice.step, notice.epoch) == (16, 1)
    assert "a step too large" in notice.text


@engines
def test_saturated_sigmoids(digits: Digits, engine: str) -> None:
    network = pl.Network("784-16:sigmoid-16:tanh-10")
    network.layers[0].W *= 100
    notice = noticed(network, digits[0], epochs=1, engine=engine)["saturated units", "sigmoid1"]
    assert notice.step == 0
    assert "Try smaller initial weights" in notice.text


@engines
def test_six_layers_of_sigmoids(digits: Digits, engine: str) -> None:
    network = pl.Network("784-64-64-64-64-64-10", activation="sigmoid")
    notice = noticed(network, digits[0], epochs=1, engine=engine)["vanishing gradients", "dense1"]
    assert notice.step == 8
    assert "Each sigmoid passes on at most a quarter. Try ReLU" in notice.text


@engines
def test_gradients_that_explode(digits: Digits, engine: str) -> None:
    network = pl.Network("784-32-32-32-10")
    network.theta *= 10
    found = noticed(network, digits[0], epochs=1, optimizer=pl.SGD(1e-6), engine=engine)
    notice = found["exploding gradients", "dense1"]
    assert notice.step == 0
    assert "They begin so. Try the default initializer" in notice.text


@engines
def test_a_network_that_begins_at_0_stays_at_ln_10(digits: Digits, engine: str) -> None:
    network = pl.Network("784-16-10")
    network.theta[...] = 0
    found = noticed(network, digits[0], epochs=20, engine=engine)
    assert found["identical units", "dense1"].step == 0
    assert "Draw the weights at random" in found["identical units", "dense1"].text
    stuck = found["stuck loss", ""]
    assert stuck.step == 380  # the last
    assert "(2.303)" in stuck.text
    assert "Probably for what was noticed before: dead units, identical units" in stuck.text


def test_a_last_layer_of_zeros_is_no_fault(digits: Digits) -> None:
    network = pl.Network("784-16-10")
    network.layers[2].W[...] = 0
    assert not noticed(network, digits[0], epochs=3)


@engines
def test_shuffled_labels_are_learned_by_heart(digits: Digits, engine: str) -> None:
    labels = np.random.default_rng(0).permutation(digits[0].labels)
    options: dict[str, Any] = {"validation": 0.2, "epochs": 60, "engine": engine}
    found = noticed(pl.Network("784-64-10"), digits[0].images, labels, **options)
    assert list(found) == [("labels learned by heart", "")]
    notice = found["labels learned by heart", ""]
    assert notice.step == 15 * notice.epoch
    assert "the labels do not belong to the images" in notice.text


@engines
def test_labels_that_are_all_the_same_or_lack_a_class(digits: Digits, engine: str) -> None:
    images, labels = digits[0].images, digits[0].labels
    same = noticed(pl.Network("784-8-10"), images, np.full_like(labels, 3), epochs=1, engine=engine)
    assert same["one label", ""].step == 0
    assert "have the label 3" in same["one label", ""].text
    some = labels != 4
    lacking = noticed(pl.Network("784-8-10"), images[some], labels[some], epochs=1, engine=engine)
    assert "no training image has the label 4" in lacking["missing classes", ""].text


@engines
@pytest.mark.parametrize("numbering", [[1, 2, 3, 4, 5, 6, 7, 8, 9, 0], [0, 1, 2, 8, 4, 5, 6, 7, 3, 9]])
def test_classes_numbered_otherwise_in_the_validation(digits: Digits, engine: str, numbering: list[int]) -> None:
    images, labels = drawn_digits(200, seed=7)
    held_out = Dataset(images, np.array(numbering)[labels])
    found = noticed(pl.Network("784-32-10"), digits[0], validation=held_out, epochs=15, engine=engine)
    notice = found["exchanged labels", ""]
    pairs = [f"{numbering[n]} as {n}" for n in range(10) if numbering[n] != n]
    assert set() < set(re.findall(r"\d as \d", notice.text)) <= set(pairs)
    assert notice.step == 19 * notice.epoch


@engines
def test_pixels_of_0_to_255_as_floats(digits: Digits, engine: str, caplog: pytest.LogCaptureFixture) -> None:
    floats = digits[0].images.astype(np.float32)
    network = pl.Network("784-8-10")
    found = noticed(network, floats, digits[0].labels, epochs=1, optimizer=pl.SGD(1e-6), engine=engine)
    assert found["unscaled images", ""].step == 0
    assert "Divide them by 255" in found["unscaled images", ""].text
    caplog.clear()
    network.predict(floats)
    assert not caplog.records, "it was told of them"

    trained = pl.Network("784-8-10")
    for images in (digits[0].images, floats / 255, floats, floats[:1]):
        trained.predict(images)
        trained.evaluate(images[:100], digits[0].labels[: len(images)][:100])
    assert [record.getMessage()[:42] for record in caplog.records] == ["The network is given floats of about 64.9,"]


@engines
def test_images_that_are_all_the_same(engine: str) -> None:
    found = noticed(pl.Network("784-8-10"), np.zeros((100, 784)), np.arange(100) % 10, epochs=1, engine=engine)
    assert found["constant images", ""].step == 0
    assert "Look at them" in found["constant images", ""].text


@pytest.mark.parametrize(("architecture", "why"), [
    ("784-8-BN-10", "a single number becomes 0"), ("1x28x28-2C5-BN-MP4-10", "each image is measured alone"),
])  # fmt: skip
def test_batch_normalization_without_a_batch(digits: Digits, architecture: str, why: str) -> None:
    found = noticed(pl.Network(architecture), digits[0].subset(slice(30)), epochs=1, batch_size=1)
    assert found["batch of one", "bn1"].step == 0
    assert why in found["batch of one", "bn1"].text
    assert "Try a batch size of 32, or LN" in found["batch of one", "bn1"].text


def test_a_training_that_works_and_then_rises_again(digits: Digits) -> None:
    class Jump(pl.Callback):
        def on_epoch_end(self, epoch: int, logs: Progress) -> None:
            if epoch == 0:
                self.first = self.model.theta.copy()
            elif epoch >= 13:
                self.model.theta = self.first

    found = noticed(pl.Network("784-16-10"), digits[0], epochs=60, optimizer=pl.SGD(0.05), callbacks=[Jump()])
    assert "the loss had come down to" in found["learning rate too high", ""].text


# A training that goes well


HEALTHY: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("784-128-64-10", {}, {}),
    ("784-32-10", {}, {"optimizer": pl.Adam()}),
    ("784-32-10", {}, {"optimizer": pl.RMSProp()}),
    ("784-32-10", {}, {"optimizer": pl.Adagrad()}),
    ("784-32-10", {}, {"optimizer": pl.Lion(0.001)}),
    ("784-32-10", {}, {"optimizer": pl.SGD(0.05, momentum=0.9), "schedule": "one_cycle"}),
    ("784-16-16-10", {"activation": "sigmoid"}, {"optimizer": pl.Adam(0.01)}),
    ("784-32-32-32-10", {"activation": "tanh"}, {}),
    ("784-64-64-64-64-64-10", {}, {}),
    ("784-32-BN-32-10", {}, {"batch_size": 20}),
    ("784-D0.2-64-D0.5-10", {}, {"augment": "shift2"}),
    ("1x28x28-4C5-MP2-8C3-MP2-10", {}, {"optimizer": pl.SGD(0.05, momentum=0.9), "epochs": 4}),
    ("784-10", {}, {"batch_size": 1, "epochs": 3, "optimizer": pl.SGD(0.01)}),
    ("784-32-10", {"output": "sigmoid", "loss": "squared_error"}, {"class_weights": "balanced"}),
]  # fmt: skip


@pytest.mark.parametrize(("architecture", "made", "options"), HEALTHY)
def test_nothing_is_noticed_where_all_is_well(
    digits: Digits, architecture: str, made: dict[str, Any], options: dict[str, Any]
) -> None:
    assert not noticed(pl.Network(architecture, **made), digits[0], **{"validation": 0.2, "epochs": 15} | options)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["p03", "glass-from-black-box", "sixteen-sixteen", "lenet5"])
def test_nothing_is_noticed_in_the_recipes(mnist: Digits, name: str) -> None:
    from pellucid import recipe

    found = recipe.find(name)
    network = found.make_network(mnist[0].input_shape, mnist[0].classes)
    data = mnist[0].subset(slice(6000)) if name == "lenet5" else mnist[0]
    assert not noticed(network, data, **found.fit_options() | {"epochs": 3})


@engines
@pytest.mark.parametrize("architecture", ["784-16-10", "784-16-BN-D0.5-10"])
def test_watching_changes_no_bit(digits: Digits, engine: str, architecture: str) -> None:
    ends = []
    for diagnosis in (True, False):
        network = pl.Network(architecture)
        options = {"epochs": 3, "optimizer": pl.Adam(), "validation": 0.1, "engine": engine}
        pl.fit(network, digits[0], diagnosis=diagnosis, **options)
        ends.append(network.theta.tobytes() + network.state.tobytes())
    assert ends[0] == ends[1]


def test_nothing_is_looked_for_where_that_is_not_wished(digits: Digits, caplog: pytest.LogCaptureFixture) -> None:
    history = pl.fit(pl.Network("784-16-10"), digits[0], epochs=2, optimizer=pl.SGD(1e-9), diagnosis=False)
    assert not history.notices
    assert not caplog.records


@engines
def test_a_resumed_training_notices_the_same(digits: Digits, engine: str) -> None:
    taken = []

    class Taker(pl.Callback):
        every = 40

        def on_train_batch_end(self, batch: int, logs: Progress) -> None:
            taken.append(logs.snapshot())

    def network() -> pl.Network:
        made = pl.Network("784-16:sigmoid-16-10", seed=1)
        made.layers[0].W *= 100
        return made

    options: dict[str, Any] = {"epochs": 6, "optimizer": pl.SGD(1e-9), "engine": engine}
    whole = pl.fit(network(), digits[0], **options, callbacks=[Taker()]).notices
    assert whole
    for snapshot in taken:
        assert pl.fit(network(), digits[0], **options, resume=snapshot).notices == whole


def test_the_loss_of_guessing() -> None:
    uniform = np.eye(10)[np.arange(50) % 10]
    assert loss_of_guessing(make_loss("softmax"), uniform) == pytest.approx(np.log(10))
    assert loss_of_guessing(make_loss("identity"), uniform) == pytest.approx(0.9)
    assert loss_of_guessing(make_loss("sigmoid"), uniform) == pytest.approx(
        10 * -(0.1 * np.log(0.1) + 0.9 * np.log(0.9))
    )
    weights = np.where(np.arange(50) % 10 < 5, 1.0, 1e-12)
    assert loss_of_guessing(make_loss("softmax"), uniform, weights) == pytest.approx(np.log(5))


# As a user meets it


def test_the_command_line_ends_with_5_and_leaves_the_last_good_model(pellucid: Any, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "digits")
    result = pellucid("train", "784-16-10", "--learning-rate", "1e30", "--data", folder, "--out", "run")
    assert result.code == 5
    broken = r"dense2\.z became (infinite|NaN) on the way forward, in step 2 \(epoch 1\), at learning rate 1e\+30"
    assert re.search(broken, result.err)  # infinity, or the difference of two: BLAS decides
    assert "pellucid test run" in result.err
    assert Path("run", "checkpoint.safetensors").exists()
    tested = pellucid("test", "run", "--data", folder, "--json")
    assert tested.code == 0
    assert tested.json["loss"] == pytest.approx(np.log(10), abs=0.5)


def test_notices_stand_in_the_result(pellucid: Any, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "digits")
    result = pellucid(
        "train", "784-16-10", "--learning-rate", "1e-9", "--epochs", 5, "--data", folder, "--out", "run", "--json"
    )
    assert result.code == 0
    assert "pellucid: learning rate too low (step 64, epoch 4): after 64 steps" in result.err
    (notice,) = result.json["notices"]
    assert (notice["kind"], notice["step"], notice["epoch"]) == ("learning rate too low", 64, 4)
    assert json.loads(Path("run", "result.json").read_text()) == result.json
    assert "noticed while it trained" in pellucid("train", "--resume", "run").out


DOCUMENT = Path(__file__).parents[1] / "docs" / "diagnosis.md"


def test_the_document_shows_what_pellucid_prints() -> None:
    shown = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    for program, message in shown:
        with pytest.raises(pl.PellucidError) as raised:
            exec(program, {})
        said = f"{type(raised.value).__name__}: {raised.value}".replace(
            "NaN", "infinite"
        )  # which of them: BLAS decides
        assert said.split() == message.replace("NaN", "infinite").split()


def test_the_document_has_every_kind_with_its_threshold() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| \*\*(.*?)\*\*", text, re.MULTILINE))
    package = Path(pl.__file__).parent / "diagnosis"
    code = "".join(
        (package / f"{name}.py").read_text(encoding="utf-8") for name in ("symptoms", "material", "held_out")
    )
    assert rows == set(re.findall(r'yield \(\s*"([a-z ]+)"', code))
