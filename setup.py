"""Metadata of the package; the settings of tools stand in pyproject.toml."""

from __future__ import annotations

import runpy
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def requirements(name: str) -> list[str]:
    """Read requirements/<name>.txt without its comments."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in (text.split("#", maxsplit=1)[0].strip() for text in lines) if line]


setup(
    name="mmdymu",
    version=runpy.run_path(str(ROOT / "mmdymu" / "version.py"))["__version__"],
    description="Controllable dynamic multi-task architectures: preference and cost chosen at test time",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["mmdymu", "mmdymu.*"]),
    package_data={"mmdymu": ["py.typed"]},
    install_requires=requirements("runtime"),
    extras_require={
        "onedl": requirements("onedl"),
        "openmmlab": requirements("openmmlab"),
        "converters": requirements("converters"),
        "export": requirements("export"),
        "test": requirements("test"),
        "dev": requirements("test") + requirements("dev"),
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
