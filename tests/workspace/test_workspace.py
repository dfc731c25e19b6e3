"""The workspace keeps to its own rules: one version, one direction, true tables, small files."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Set

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = sorted(path for path in ROOT.glob("peekr-*/**/pyproject.toml") if ".venv" not in path.parts)
#: Modules of core that name plugins: for type checkers only, and `python -m peekr`, which starts the command line.
FACADES = {"__init__.py", "exporters.py", "eval.py", "guard.py", "alert.py", "cli.py", "prompts.py", "__main__.py"}
SOURCES = sorted(path for project in PROJECTS for path in (project.parent / "src").rglob("*.py"))


def setting(path: Path, name: str) -> str:
    """Return a one-line setting of a pyproject; tomllib would need 3.11."""
    match = re.search(rf'^{name} = "([^"]+)"', path.read_text(encoding="utf-8"), re.M)
    assert match, f"{path} has no {name}"
    return match[1]


def names() -> dict[str, Path]:
    return {setting(path, "name"): path for path in PROJECTS}


def test_all_distributions_carry_one_version() -> None:
    import peekr

    versions = {setting(path, "version") for path in [ROOT / "pyproject.toml", *PROJECTS]}
    assert versions == {peekr.__version__}


def test_the_installed_version_is_the_one_that_peekr_says() -> None:
    """PKG-12"""
    import peekr

    assert version("peekr-core") == peekr.__version__


@pytest.mark.parametrize("path", [ROOT / "pyproject.toml", *PROJECTS], ids=lambda path: path.parent.name)
def test_every_distribution_is_for_python_3_9_under_mit(path: Path) -> None:
    """PKG-1, PKG-12"""
    assert setting(path, "requires-python") == ">=3.9"
    assert setting(path, "license") == "MIT"
    assert (path.parent / "LICENSE").read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_plugins_depend_on_core_alone_among_siblings() -> None:
    """core ← plugins ← cli"""
    siblings = set(names())
    for name, path in names().items():
        dependencies = path.read_text(encoding="utf-8").split("[project.entry-points")[0]
        required = set(re.findall(r'"(peekr-[a-z]+)', dependencies)) & siblings - {name}
        if path.parent.parent.name != "peekr-cli":
            assert required <= {"peekr-core"}, name


def test_no_plugin_imports_another_plugin() -> None:
    """What is in peekr-cli may stand on plugins, which it then depends on; no plugin stands on another."""
    plugins = {path.name for project in PROJECTS for path in (project.parent / "src").iterdir()} - {"peekr"}
    for source in SOURCES:
        own = source.relative_to(ROOT).parts
        package = own[own.index("src") + 1]
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for module in modules:
                top = module.partition(".")[0]
                if top in plugins and top != package and not (own[0] == "peekr-cli" and top in _required(source)):
                    assert package == "peekr" and source.name in FACADES, f"{source} imports {module}"


def _required(source: Path) -> Set[str]:
    """The packages of ours that the distribution of a source file depends on."""
    project = ROOT.joinpath(*source.relative_to(ROOT).parts[:2], "pyproject.toml").read_text(encoding="utf-8")
    return {found.replace("-", "_") for found in re.findall(r'"(peekr-[a-z]+)>', project)}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_a_file_has_one_subject_and_under_400_lines(source: Path) -> None:
    assert len(source.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_sources_parse_as_python_3_9(source: Path) -> None:
    """PKG-1"""
    ast.parse(source.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_every_package_is_typed() -> None:
    for project in PROJECTS:
        for package in (project.parent / "src").iterdir():
            if package.is_dir() and (package / "__init__.py").exists():
                assert (package / "py.typed").exists(), package


def test_the_readme_table_lists_every_distribution() -> None:
    table = dict(re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.M))
    table.pop(".")
    assert table == {str(path.parent.relative_to(ROOT)): name for name, path in names().items()}


def test_requirements_and_nox_name_every_distribution() -> None:
    folders = {str(path.parent.relative_to(ROOT)) for path in PROJECTS}
    required = set(re.findall(r"^-e \./(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M))
    assert required == folders
    nox = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert all(f'"{folder}"' in nox for folder in folders)


def test_the_first_two_shell_blocks_of_the_readme_are_the_two_commands() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert [block.strip() for block in blocks[:2]] == ["python3 dev.py demo", "python3 dev.py test"]
    assert "python3 dev.py test" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_every_hook_is_documented_with_its_signature() -> None:
    from peekr import hookspecs

    docs = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
    for name, hook in vars(hookspecs).items():
        if name.startswith("peekr_") and callable(hook):
            arguments = ", ".join(hook.__code__.co_varnames[: hook.__code__.co_argcount])
            assert f"### {name}({arguments})\n" in docs


def test_every_entry_point_group_is_documented() -> None:
    from peekr.entries import GROUPS

    docs = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
    assert [group for group in GROUPS if f"`{group}`" not in docs] == []


def test_first_party_names_entry_points_and_typing_agree() -> None:
    """style.md 4: what checkers see, what is registered and what the table says are the same names."""
    from peekr._facade import FIRST_PARTY

    built = names()
    for group, table in FIRST_PARTY.items():
        for name, owner in table.items():
            if owner in built:
                values = [ep.value for ep in distribution(owner).entry_points if ep.group == group]
                assert name in [value.partition(":")[2] for value in values]


def test_nothing_names_a_package_index_or_a_path_of_one_machine() -> None:
    forbidden = re.compile(r"files\.pythonhosted\.org|pypi\.org/simple|--index-url|/(?:root|farm)/|/work/")
    for path in [
        *SOURCES,
        *PROJECTS,
        *[ROOT / name for name in ("pyproject.toml", "README.md", "dev.py", "noxfile.py")],
    ]:
        assert not forbidden.search(path.read_text(encoding="utf-8")), path
    assert not (ROOT / ".git").exists() or not list(ROOT.glob("**/poetry.lock"))


def test_the_interpreter_is_a_supported_one() -> None:
    assert sys.version_info >= (3, 9)
