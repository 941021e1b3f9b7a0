"""Training the members of a committee one after another, and what they come to together."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

from pellucid.cli.output import duration, emit, say
from pellucid.cli.session import announce, circumstances, print_training, standing, train_and_test
from pellucid.committee_run import OF_A_MEMBER, CommitteeRun
from pellucid.data import Dataset


def train_committee(run: CommitteeRun, train: Dataset, test: Dataset) -> dict[str, Any]:
    """Train the members that are not yet trained, test the committee, and leave all in its folder."""
    announce(run, run.recipe.make_network(train.input_shape, train.classes), train, test)
    results = [_train_member(run, number, train, test) for number in range(1, run.setup.members + 1)]
    committee = run.gather()
    seconds = sum(result["train_seconds"] for result in results)
    reached = [result.get("target_reached") for result in results]
    result = {
        "recipe": run.recipe.name,
        "parameters": committee.theta.size,
        "epochs": max(result["epochs"] for result in results),
        "stopped": None,  # it stands beside each member
        "target_reached": None if None in reached else all(reached),
        "train_seconds": seconds,
        "images_per_second": sum(result["images_per_second"] * result["train_seconds"] for result in results) / seconds,
        **circumstances(run, committee.evaluate(test), test),
        "notices": [notice for result in results for notice in result.get("notices", [])],
        "members": [{key: result.get(key) for key in OF_A_MEMBER} for result in results],
    }
    run.finish(committee, result)
    return result


def _train_member(committee: CommitteeRun, number: int, train: Dataset, test: Dataset) -> dict[str, Any]:
    """What a member came to, at once if it is trained already."""
    with committee.member(number) as run:
        who = f"member {number}/{committee.setup.members}"
        if (result := run.result()) is not None:
            say(f"{who}: {run.folder} is finished, test accuracy {result['test_accuracy']:.2%}")
            return result
        say(f"{who}: seed {run.recipe.seed}, in {run.folder}")
        network = run.recipe.make_network(train.input_shape, train.classes)
        snapshot = None if run.fresh else standing(run, network)
        result, _ = train_and_test(run, network, train, test, snapshot, who)
        say(f"{who}: test accuracy {result['test_accuracy']:.2%}")
        return result


def show_committee(result: dict[str, Any], json: bool) -> int:
    """Print the result, for people or as JSON; 1 if a member was to reach an accuracy and did not."""
    missed = result.get("target_reached") is False
    if missed:
        say("Not every member reached the target accuracy on the validation images.")
    if json:
        emit(result)
        return int(missed)
    members = result["members"]
    print("member   seed   test accuracy   test loss   epochs   training")
    for number, row in enumerate(members, start=1):
        stopped = f"   {row['stopped']}" if row["stopped"] else ""
        print(
            f"{number:>6}{row['seed']:>7}{row['test_accuracy']:>16.2%}{row['test_loss']:>12.4f}{row['epochs']:>9}"
            f"{duration(row['train_seconds']):>11}{stopped}"
        )
    accuracies = [row["test_accuracy"] for row in members]
    print(f"members: test accuracy {mean(accuracies):.2%} ± {100 * stdev(accuracies):.2f}")
    print(
        f"committee of {len(members)}: test accuracy {result['test_accuracy']:.2%}, test loss {result['test_loss']:.4f}"
    )
    print_training(result)
    print(f"run folder {result['run']}, each member's in it: {members[0]['run']} ...")
    return int(missed)
