"""The repository keeps its own promises: versions, documents, imports, size."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pellucid as pl

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
sys.path.insert(0, str(ROOT / "benchmarks"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert pl.__version__ == project == newest.group(1)


def test_every_place_that_the_glossary_names_exists() -> None:
    text = (ROOT / "docs" / "mathematics.md").read_text(encoding="utf-8")
    places = re.findall(r"\| `([a-z_/]+)\.py`: `([A-Za-z_.]+)` \|", text)
    assert len(places) >= 20
    for path, name in places:
        thing: object = importlib.import_module("pellucid." + path.replace("/", "."))
        first, *rest = name.split(".")
        thing = getattr(thing, first)
        for attribute in rest:
            assert hasattr(thing, attribute) or attribute in getattr(thing, "__annotations__", {}), (path, name)


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (document.parent / link).exists(), (document.name, link)


def test_the_layer_in_the_readme_is_the_layer_in_the_code() -> None:
    source = (ROOT / "pellucid" / "layers" / "dense.py").read_text()
    (shown,) = blocks("py")
    for line in shown.splitlines():
        code = line.partition("  #")[0].strip()
        assert code.replace("(self, t):", "(self, t: Numbers) -> None:") in source, code


def test_a_reader_sees_the_dense_layer_on_one_screen() -> None:
    lines = (ROOT / "pellucid" / "layers" / "dense.py").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("class Dense"))
    assert len(lines) - start < 75


def test_the_core_stays_small() -> None:
    from size import LIMITS, PACKAGE, size_of

    for modules, limit in LIMITS.items():
        assert 1000 < size_of(modules) <= limit
    assert all(len(path.read_text().splitlines()) <= 300 for path in PACKAGE.rglob("*.py"))


def test_the_readmes_program_runs_as_written(digits_folder: Path, tmp_path: Path) -> None:
    (program,) = blocks("python")
    environment = {"PELLUCID_DATA": str(digits_folder), **os.environ}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "109,386" in result.stdout
    assert float(result.stdout.rpartition("test accuracy ")[2].rstrip("%\n")) > 60
    assert pl.load(tmp_path / "digits.safetensors").architecture == "784-128-64-10"


def test_no_name_of_a_machine_or_registry_is_in_any_file() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    hosts = re.compile("|".join(("pypi" + r"\.org", "python" + "hosted", "npm" + "js", "/" + "root/", "/" + "work/")))
    for name in listed.stdout.split():
        if Path(name).suffix not in (".png", ".safetensors"):
            assert not hosts.search((ROOT / name).read_text(encoding="utf-8")), name


def in_clean_environment(command: str, folder: Path) -> str:
    """Run a shell command as a newcomer would, and give its output."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("VIRTUAL_ENV", "PYTEST", "PYTHON", "MAKE"))
    }
    result = subprocess.run(
        ["bash", "-euc", command], cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where no packages can be had."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "tomli-w"]
    if subprocess.run(command, cwd=tmp_path_factory.mktemp("pip"), capture_output=True).returncode:
        pytest.skip("no package registry can be reached")


@pytest.mark.slow
def test_the_readmes_commands_run_as_written_in_a_fresh_clone(tmp_path: Path, registry: None) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    in_clean_environment(f"git clone --quiet {ROOT} clone", tmp_path)
    output = in_clean_environment("\n".join(blocks("sh")), tmp_path / "clone")
    assert "test accuracy" in output
    assert re.search(r"\d+ passed", output)
    assert (tmp_path / "clone" / "runs" / "demo" / "figures" / "curves.png").exists()
    assert "116 of 116 planted mistakes were found" in output


# Long ones, whose subjects other tests touch too: they see nothing that an archive may lack.
LONG = (
    "test_check", "test_interrupted", "test_native_descent", "test_native_winograd", "test_labels", "test_overfitting",
)  # fmt: skip


@pytest.mark.slow
def test_the_source_archive_installs_and_works_without_the_tree(tmp_path: Path, registry: None) -> None:
    in_clean_environment(f"{sys.executable} -m build --sdist --outdir {tmp_path} {ROOT}", tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    in_clean_environment(f"mkdir unpacked\ntar -xzf {archive} -C unpacked", tmp_path)
    (source,) = (tmp_path / "unpacked").iterdir()
    ignored = " ".join(f"--ignore tests/{name}.py" for name in ("test_repository", *LONG))
    (source / "pellucid").rename(tmp_path / "removed")  # so that the tests meet the installed package alone
    in_clean_environment(
        f"""{sys.executable} -m venv venv
        venv/bin/pip install --quiet {archive} pytest hypothesis
        cd {source}
        ../../venv/bin/python -W error -c 'import pellucid; assert "venv" in pellucid.__file__'
        ../../venv/bin/pytest -x {ignored}""",
        tmp_path,
    )


@pytest.mark.slow
def test_without_a_compiler_everything_works_slower_and_says_so(
    tmp_path: Path, digits_folder: Path, registry: None
) -> None:
    """On a path with everything that this machine has but compilers."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for tool in Path(folder).iterdir() if Path(folder).is_dir() else ():
            compiles = re.search(r"^(cc|c89|c99|gcc|g\+\+|c\+\+|clang|tcc|icx?|x86_64-|aarch64-)", tool.name)
            if not compiles and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    output = in_clean_environment(
        f"""export PATH={tools}
        {sys.executable} -m venv venv
        venv/bin/pip install --quiet {ROOT}
        venv/bin/pellucid info
        venv/bin/pellucid train 784-16-10 --epochs 1 --out run --data {digits_folder}
        venv/bin/pellucid info --plan 784-16-10""",
        tmp_path,
    )
    assert "none: its kernels are not built (install pellucid where there is a C compiler)" in output
    assert "The reference engine trains, not native: its kernels are not built" in output
    assert "test accuracy" in output
    assert "dense_forward" in output


def needs_compiler() -> str:
    """The C compiler, for what make builds."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    return compiler


@pytest.mark.slow
def test_the_c_program_learns_as_the_library_does(tmp_path: Path, digits_folder: Path) -> None:
    kernels = ROOT / "pellucid" / "engine" / "kernels"
    sources = [
        ROOT / "examples" / "digits.c",
        *(kernels / name for name in ("table.c", "train.c", "pool.c", "dispatch.c")),
    ]
    flags = "-O2 -std=c11 -D_GNU_SOURCE -DPELLUCID_ONE_SET -DTABLE=kernels_here -fno-math-errno -Wall -Wextra -Werror"
    command = [needs_compiler(), *flags.split(), f"-I{kernels}", *map(str, sources), "-o", "digits", "-lm", "-lpthread"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "digits", digits_folder], capture_output=True, text=True, check=True)
    assert float(done.stdout.rpartition("test accuracy ")[2].rstrip("%\n")) > 60
    missing = subprocess.run([tmp_path / "digits", tmp_path], capture_output=True, text=True)
    assert (missing.returncode, "cannot be read" in missing.stderr) == (3, True)
