"""The wheels: for which platforms they are built, and that the configuration and the CI file mean the same."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PLATFORMS = {"linux": {"x86_64", "aarch64"}, "macos": {"x86_64", "arm64"}, "windows": {"AMD64"}}


def test_one_wheel_for_each_platform_serves_every_python() -> None:
    settings = PROJECT["tool"]["cibuildwheel"]
    least = PROJECT["project"]["requires-python"].removeprefix(">=").replace(".", "")
    assert PROJECT["tool"]["scikit-build"]["wheel"]["py-api"] == f"cp{least}"
    for system in ("manylinux_x86_64", "musllinux_aarch64", "macosx_arm64", "win_amd64"):
        assert fnmatch.fnmatch(f"cp{least}-{system}", settings["build"])
        assert not fnmatch.fnmatch(f"cp3999-{system}", settings["build"])
    assert {system: set(settings[system]["archs"]) for system in PLATFORMS} == PLATFORMS


def test_the_ci_file_builds_all_of_them_each_on_a_machine_of_its_kind() -> None:
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "wheels.yml").read_text(encoding="utf-8"))
    machines = workflow["jobs"]["wheels"]["strategy"]["matrix"]["include"]
    built: dict[str, set[str]] = {}
    for machine in machines:
        built.setdefault(machine["system"], set()).add(machine["archs"])
        assert re.match({"linux": "ubuntu"}.get(machine["system"], machine["system"]), machine["runner"])
    assert built == PLATFORMS
    steps = workflow["jobs"]["wheels"]["steps"]
    assert any(step.get("uses", "").startswith("pypa/cibuildwheel@") for step in steps)
    assert any("build --sdist" in step.get("run", "") for step in workflow["jobs"]["source"]["steps"])
