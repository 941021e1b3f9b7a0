"""A recipe: everything about a training but the data, in a small TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from pellucid.callbacks.asked import asked_for
from pellucid.checks import check_number
from pellucid.data.augment import parse as parse_augmentation
from pellucid.data.normalization import NORMALIZATIONS
from pellucid.descent import Descent
from pellucid.errors import UsageError
from pellucid.examples import class_table
from pellucid.figures import PublishedFigure
from pellucid.initializers import initializer
from pellucid.losses import make_loss
from pellucid.names import assignments, choose, suggest
from pellucid.network import DTYPES, Network
from pellucid.notation import parse
from pellucid.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Optimizer, RMSProp
from pellucid.schedules import Schedule

FIT_OPTIONS = (
    "epochs", "batch_size", "schedule", "label_smoothing", "class_weights", "normalize", "augment", "l1", "l2",
    "clip_value", "clip_norm", "max_norm", "layer_rates", "validation", "average", "early_stopping", "target_accuracy",
    "time_limit", "seed",
)  # fmt: skip
OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD, "nesterov": SGD, "adagrad": Adagrad, "rmsprop": RMSProp, "adam": Adam, "adamw": AdamW, "lion": Lion,
}  # fmt: skip
LARGEST = 2**63  # of any whole number in a recipe
FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Recipe:
    """How a network is made and trained; the same words as the options of `pellucid train` and of `pl.fit`.

    Raises:
        UsageError: a value out of range or an unknown name.
    """

    architecture: str
    name: str = ""
    source: str = ""  # whose recipe it is
    published: str = ""  # what the source tells of the test images, as it writes it: "> 95%", "1.6% error"
    activation: str = "relu"
    initializer: str = ""  # by default as fits the activation
    output: str = ""  # by default as fits the loss
    loss: str = ""  # by default as fits the output
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    schedule: str = "constant"  # of the learning rate
    momentum: float = 0.0
    beta1: float = 0.0  # of adam, adamw and lion; 0: as the optimizer has it
    beta2: float = 0.0
    weight_decay: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    clip_value: float = 0.0  # 0: gradients are taken as they are
    clip_norm: float = 0.0
    max_norm: float = 0.0  # 0: weights are as they become
    layer_rates: str = ""  # "dense1=0.1,dense2=0"
    label_smoothing: float = 0.0
    class_weights: str = ""  # "balanced", or "5=2,8=3"
    batch_size: int = 32
    epochs: int = 20
    normalize: str = "unit"
    augment: str = ""  # in words: "shift2 rotate10"; none leaves the images as they are
    validation: float = 0.0
    average: str = ""  # of the weights, in words: "ema,decay=0.999"; none leaves the last ones
    early_stopping: int = 0  # epochs without a better validation loss; 0: off
    target_accuracy: float = 0.0  # on the validation images; 0: off
    time_limit: float = 0.0  # seconds of training; 0: off
    limit: int = 0  # train on the first so many examples; 0: on all
    dtype: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) not in {"str": (str,), "int": (int,), "float": (int, float)}[str(field.type)]:
                raise UsageError(f"The recipe's {field.name} is {value!r}; a {field.type} is expected.")
            if type(value) is int and abs(value) > LARGEST:
                raise UsageError(f"The recipe's {field.name} is beyond all bounds.")
        for name, least in (("batch_size", 1), ("epochs", 1), ("limit", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"The recipe's {name} is {getattr(self, name)}; at least {least} is expected.")
        if not 0 <= self.validation < 1:
            raise UsageError(f"The recipe's validation is {self.validation}; a fraction below 1 is expected.")
        if self.published:
            PublishedFigure.of(self.published)
        parse(self.architecture, self.activation, shape=(1, 1, 1), classes=1)
        make_loss(self.output or None, self.loss or None)
        self.make_descent()
        Schedule(self.schedule)
        asked_for(self.average, self.early_stopping, self.target_accuracy, self.time_limit)
        check_number("label_smoothing", self.label_smoothing, below=1)
        class_table(self.class_weights)
        if self.initializer:
            initializer(self.initializer)
        parse_augmentation(self.augment)
        choose("dtype", self.dtype, DTYPES)
        choose("normalization", self.normalize, dict.fromkeys(NORMALIZATIONS))

    def make_optimizer(self) -> Optimizer:
        """The optimizer that the recipe names."""
        return make_optimizer(
            self.optimizer, self.learning_rate, self.momentum, self.weight_decay, self.beta1, self.beta2
        )

    def make_descent(self) -> Descent:
        """All that a gradient does by this recipe."""
        rates = assignments(self.layer_rates)
        return Descent(self.make_optimizer(), self.l1, self.l2, self.clip_value, self.clip_norm, self.max_norm, rates)

    def fit_options(self) -> dict[str, Any]:
        """What `pl.fit` takes of the recipe."""
        return {name: getattr(self, name) for name in FIT_OPTIONS} | {"optimizer": self.make_optimizer()}

    def make_network(
        self, input_shape: tuple[int, ...] | None = None, classes: tuple[str, ...] | None = None
    ) -> Network:
        """The network at its beginning; shape and classes of the data are what "*" stands for."""
        return Network(
            self.architecture,
            input_shape=input_shape,
            output=self.output or None,
            loss=self.loss or None,
            activation=self.activation,
            initializer=self.initializer or None,
            dtype=self.dtype,
            seed=self.seed,
            classes=classes,
        )

    def write(self) -> str:
        """The recipe as TOML; what is empty is left out."""
        import tomli_w

        return tomli_w.dumps({name: value for name, value in asdict(self).items() if value != ""})


def names() -> list[str]:
    """The recipes that come with pellucid."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(what: str | Path) -> Recipe:
    """A recipe by its name, the path of a TOML file, or an architecture such as "784-128-10".

    Raises:
        UsageError: it is none of these.
    """
    text = str(what)
    if text in names():
        return read(FOLDER / f"{text}.toml")
    if text.endswith(".toml"):
        return read(Path(text))
    if text[:1].isdigit() or text.startswith("*"):
        return Recipe(text)
    remedy = f"{suggest(text, names())} Or write an architecture, such as 784-128-10."
    raise UsageError(f"There is no recipe called {text!r}. {remedy}")


def read(path: Path) -> Recipe:
    """The recipe in a TOML file."""
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The recipe {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The recipe {path} is not TOML: {error}.") from None
    known = {field.name for field in fields(Recipe)}
    for key in values:
        if key not in known:
            raise UsageError(f"The recipe {path} has an unknown entry {key!r}. {suggest(key, known)}")
    if "architecture" not in values:
        raise UsageError(f'The recipe {path} has no architecture, such as architecture = "784-128-10".')
    try:
        defaults = optimizer_defaults(values["optimizer"]) if isinstance(values.get("optimizer"), str) else {}
        return Recipe(**{"name": path.stem.encode(errors="replace").decode(), **defaults, **values})
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def changed(recipe: Recipe, **changes: Any) -> Recipe:
    """The recipe with these entries changed; None leaves one as it is.

    Where a new output does not go with the recipe's loss, the loss follows it; so does the output a new loss. A new
    optimizer brings its own learning rate, momentum, betas and weight decay.
    """
    changes = {name: value for name, value in changes.items() if value is not None}
    output, loss = (changes.get(name, getattr(recipe, name)) for name in ("output", "loss"))
    follower = {"output", "loss"} - changes.keys()
    if output and loss and len(follower) == 1:
        try:
            make_loss(output, loss)
        except UsageError:
            changes[follower.pop()] = ""
    if changes.get("optimizer", recipe.optimizer) != recipe.optimizer:
        changes = optimizer_defaults(changes["optimizer"]) | changes
    return replace(recipe, **changes)


def make_optimizer(
    name: str,
    learning_rate: float | None = None,
    momentum: float = 0.0,
    weight_decay: float | None = None,
    beta1: float = 0.0,
    beta2: float = 0.0,
) -> Optimizer:
    """The optimizer of that name; None, or 0 for a beta, leaves a number at the optimizer's own default.

    Raises:
        UsageError: an unknown name, a number out of range, or momentum or betas for an optimizer that has none.
    """
    kind = choose("optimizer", name, OPTIMIZERS)
    options: dict[str, Any] = {"learning_rate": learning_rate, "weight_decay": weight_decay}
    if issubclass(kind, Adam | Lion):
        options |= {"beta1": beta1 or None, "beta2": beta2 or None}
    elif beta1 or beta2:
        raise UsageError(f"{name} takes no beta1 and beta2; adam, adamw and lion do.")
    if kind is SGD:
        options |= {"momentum": momentum, "nesterov": name == "nesterov"}
    elif momentum:
        raise UsageError(f"{name} takes no momentum (its running means are its own); take sgd or nesterov for that.")
    return kind(**{option: value for option, value in options.items() if value is not None})


def optimizer_defaults(name: str) -> dict[str, float]:
    """The numbers that an optimizer of that name takes where a recipe does not say."""
    momentum = 0.9 if name == "nesterov" else 0.0
    made = make_optimizer(name, momentum=momentum)
    own = {"learning_rate": made.learning_rate, "momentum": momentum, "weight_decay": made.weight_decay}
    return own | {"beta1": 0.0, "beta2": 0.0}
