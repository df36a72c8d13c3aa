"""The packages, among them specs/zoo as convcalc.zoo: what pyproject.toml can only say with a list of all of them."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["convcalc*"]), "convcalc.zoo"], package_dir={"convcalc.zoo": "specs/zoo"})
