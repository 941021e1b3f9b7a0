"""pellucid gradcheck: is every gradient right, and the step that is made of it?"""

from __future__ import annotations

import sys
from dataclasses import asdict
from itertools import groupby
from typing import Annotated

import typer

from pellucid.cli.options import Json
from pellucid.cli.output import DownloadProgress, emit
from pellucid.data import load
from pellucid.glass.gradcheck import GradientCheck, TensorCheck, gradcheck
from pellucid.glass.planted import check_planted
from pellucid.glass.stepcheck import StepCheck, stepcheck
from pellucid.recipe import Recipe, changed, find
from pellucid.schedules import Schedule

Option = typer.Option


def command(
    what: Annotated[str, typer.Argument(metavar="RECIPE|ARCHITECTURE", help="A recipe or an architecture.")] = "p03",
    activation: Annotated[str | None, Option(help="Of the hidden layers.")] = None,
    output: Annotated[str | None, Option(help="Output link.")] = None,
    loss: Annotated[str | None, Option(help="cross_entropy, binary_cross_entropy or squared_error.")] = None,
    initializer: Annotated[str | None, Option(help="he_normal, xavier_uniform, uniform0.5 ...")] = None,
    seed: Annotated[int | None, Option(help="Of weights, examples and coordinates.")] = None,
    examples: Annotated[int, Option(min=1, help="Size of the batch.")] = 5,
    coordinates: Annotated[int, Option(min=1, help="How many to check in each tensor.")] = 200,
    data: Annotated[
        str | None, Option(metavar="NAME|PATH", help="The data that '*' stands for; by default MNIST.")
    ] = None,
    every: Annotated[bool, Option("--all", help="Check every coordinate.")] = False,
    planted: Annotated[bool, Option("--planted", help="Plant known mistakes and see that each is found.")] = False,
    json: Json = False,
) -> int:
    """Compare the analytic gradient with the numerical one, for the input and every parameter tensor.

    Then compare ten steps of the recipe's optimizer, on a small network, with its formula worked out number by number.
    """
    if planted:
        return _planted(json)
    recipe = changed(find(what), activation=activation, output=output, loss=loss, initializer=initializer, seed=seed)
    if data is not None:
        train, _ = load(data, DownloadProgress())
        network = recipe.make_network(train.input_shape, train.classes)
    else:
        stars = "*" in recipe.architecture
        network = recipe.make_network((1, 28, 28), tuple("0123456789")) if stars else recipe.make_network()

    def progress(name: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{name and 'checking':<9}{name:<20}\r", end="", file=sys.stderr, flush=True)

    check = gradcheck(
        network,
        examples=examples,
        coordinates=None if every else coordinates,
        weighted=bool(recipe.class_weights),
        seed=recipe.seed,
        progress=progress,
    )
    progress("")
    steps = stepcheck(recipe.make_descent(), Schedule(recipe.schedule), seed=recipe.seed)
    passed = check.passed and steps.passed
    if json:
        emit(
            {
                "passed": passed,
                "worst": check.worst.relative,
                "checked": check.checked,
                "redrawn": check.redrawn,
                "architecture": network.architecture,
                "output": network.output,
                "loss": network.loss.kind,
                "layers": [{**asdict(tensor), "passed": tensor.passed} for tensor in check.tensors],
                "optimizer": recipe.optimizer,
                "steps": asdict(steps.worst if steps.passed else steps.suspect) | {"passed": steps.passed},
            }
        )
    else:
        print(f"{network.architecture}, output {network.output}, loss {network.loss.kind}, {examples} examples")
        _table(check)
        _step(recipe, steps)
    return 0 if passed else 1


def _table(check: GradientCheck) -> None:
    width = 2 + max(len(row.name) for row in check.tensors)
    print(f"{'tensor':<{width}}{'shape':<12}{'method':<20}{'checked':>8}{'redrawn':>9}{'max|a-n|':>11}{'allowed':>11}")
    for row in check.tensors:
        print(
            f"{row.name:<{width}}{'×'.join(map(str, row.shape)):<12}{row.method:<20}{row.checked:>8}{row.redrawn:>9}"
            f"{row.difference:>11.1e}{row.tolerance:>11.1e}  {_verdict(row)}"
        )
    if check.passed:
        print(f"passed: {check.checked:,} coordinates agree; worst tensor: relative error {check.worst.relative:.1e}")
    else:
        print(f"FAILED: on the way back from the loss, the first wrong gradient is that of {check.suspect.name}.")
        print("Look at the backward pass of its layer, then at those behind it, up to and including the dx of the next")
        print("layer with parameters, or the loss.")
        if check.smooth and all(row.passed for row in check.tensors if row.method == "complex step"):
            print("But the complex step agrees: the weights may be so large that h = 1e-5 is too long a step.")


def _verdict(row: TensorCheck) -> str:
    if not row.checked:
        return "nothing could be compared"
    if not row.passed:
        return "WRONG"
    return "ok" if row.largest else "ok, but all of it is 0"


def _step(recipe: Recipe, check: StepCheck) -> None:
    what = f"ten steps of {recipe.optimizer}, schedule {recipe.schedule},"
    if check.passed:
        worst = check.worst
        print(f"passed: {what} are where the formula leads; at most {worst.difference:.1e} away")
    else:
        wrong = check.suspect
        print(f"FAILED: {what} part from the formula after step {wrong.step}, first in {wrong.name}: ", end="")
        print(f"{wrong.difference:.1e} away, {wrong.tolerance:.1e} allowed")


def _planted(json: bool) -> int:
    """Every planted mistake must fail its check."""
    results = check_planted()
    passed = all(result.caught for result in results)
    if json:
        rows = [
            {
                "name": result.mistake.name,
                "mistake": result.mistake.mistake,
                "place": result.mistake.place,
                "caught": result.caught,
                "found_by": result.found_by,
                "finding": result.finding,
            }
            for result in results
        ]
        emit({"passed": passed, "planted": rows})
        return 0 if passed else 1
    widths = [2 + max(len(getattr(result.mistake, name)) for result in results) for name in ("place", "mistake")]
    for check, found in groupby(results, key=lambda result: result.found_by):
        print(f"{'planted in':<{widths[0]}}{'the mistake':<{widths[1]}}what the {check} says")
        for result in found:
            print(f"{result.mistake.place:<{widths[0]}}{result.mistake.mistake:<{widths[1]}}{result.finding}")
        print()
    print(f"{sum(result.caught for result in results)} of {len(results)} planted mistakes were found")
    return 0 if passed else 1
