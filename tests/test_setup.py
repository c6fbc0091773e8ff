"""Set-up files agree with each other and with what README.md tells to type."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest

import mmdymu
from mmdymu._dependencies import STACKS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
SET_UP_FILES = [
    *REQUIREMENTS,
    *(ROOT / name for name in ("setup.py", "pyproject.toml", "Makefile", "MANIFEST.in", ".ci/run", "README.md")),
    *(ROOT / name for name in (".gitignore", ".pre-commit-config.yaml", "CHANGELOG.md")),
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    """All commands of the README's shell blocks, without comments."""
    lines = "".join(blocks("bash")).replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def requirement_lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def pins(stack: str) -> dict[str, str]:
    lines = requirement_lines(ROOT / "requirements" / f"constraints-{stack}.txt")
    return dict(match.groups() for line in lines if (match := re.match(r"([\w-]+)==([\w.]+)", line)))


@pytest.fixture
def make_targets() -> set[str]:
    lines = re.findall(r"^([a-z][a-z -]*):(?!=)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    return {target for line in lines for target in line.split()}


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_states_its_reason(path: Path) -> None:
    lines = requirement_lines(path)
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w-]+([<>=]\S+)?  # \S.*", line), f"{path.name}: {line}"


@pytest.mark.parametrize("path", SET_UP_FILES, ids=lambda path: path.name)
def test_no_registry_and_no_machine_is_named(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"index-url|find-links|pypi\.|/home/|/root/|/tmp/", text)


@pytest.mark.parametrize("stack", STACKS)
def test_constraints_are_the_tested_versions(stack: str) -> None:
    assert dict(STACKS[stack].values()).items() <= pins(stack).items()


@pytest.mark.parametrize("stack", STACKS)
def test_an_extra_lists_its_stack(stack: str) -> None:
    names = {re.split(r"[<>= ]", line)[0] for line in requirement_lines(ROOT / "requirements" / f"{stack}.txt")}
    assert {distribution for distribution, _ in STACKS[stack].values()} <= names


def test_the_package_itself_requires_no_mm_package(monkeypatch: pytest.MonkeyPatch) -> None:
    import setuptools

    seen: dict = {}
    monkeypatch.setattr(setuptools, "setup", seen.update)
    runpy.run_path(str(ROOT / "setup.py"))
    assert not [line for line in seen["install_requires"] if "mm" in line]
    assert set(seen["extras_require"]) == {"onedl", "openmmlab", "converters", "export", "test", "dev"}
    assert seen["version"] == mmdymu.__version__
    assert seen["python_requires"] == ">=3.11"
    assert "mmdymu" in seen["packages"]
    assert not [name for name in seen["packages"] if name.startswith(("tests", "tools", "configs"))]


def test_every_folder_of_the_package_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "mmdymu").rglob("*.py")}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").is_file()]


def test_the_changelog_knows_the_version() -> None:
    headings = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert len(headings) == 1 or headings[1] == mmdymu.__version__


def test_make_targets_of_the_readme_exist(make_targets: set[str]) -> None:
    used = {word for words in commands() if "make" in words for word in words[words.index("make") + 1 :]}
    used |= set(re.findall(r"`make (\w+)", README))
    assert {"train", "test"} <= used <= make_targets
    assert {"install", "train", "test", "lint", "type", "format", "nyu", "clean"} <= make_targets


def test_make_names_every_target_that_is_not_a_file(make_targets: set[str]) -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert phony is not None
    assert set(phony.group(1).split()) == make_targets


def test_files_of_the_readme_exist() -> None:
    words = {word for command in commands() for word in command}
    named = {word for word in words if re.match(r"(tools|configs|requirements)/", word)}
    assert named
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_what_commands_write_is_ignored() -> None:
    """By git; the results of what readers copy must not look like changes of the repository."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "".join(path.read_text() for path in pages)
    shell = "".join(re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL))
    written = re.findall(r"--(?:out|out-dir|show|show-dir) ([a-z][\w./]*)", shell) + re.findall(
        r'out_dir="(\w+)"', text
    )
    names = {path.split("/")[0] for path in written}
    assert {"sweep", "sheets", "pictures", "outputs", "network.onnx", "profile.json", "results.json"} <= names
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    assert not names - ignored


@pytest.mark.parametrize("tool", ["train", "test"])
def test_options_of_the_readme_are_known(
    tool: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    used = {word for words in commands() if f"tools/{tool}.py" in words for word in words if word.startswith("--")}
    sentence = re.search(rf"`--[^.]*? for {tool}ing", README, flags=re.DOTALL)
    assert sentence is not None
    used |= set(re.findall(r"`(--[\w-]+)", sentence.group().rsplit(";", maxsplit=1)[-1]))
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / "tools" / f"{tool}.py"))["parse_arguments"](["--help"])
    known = capsys.readouterr().out
    assert len(used) > 3
    assert not [option for option in used if option not in known]


@pytest.mark.parametrize("block", [block for block in blocks("python") if "_base_" not in block])
def test_python_blocks_of_the_readme_run(block: str) -> None:
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
