"""The packages, among them specs/zoo as convcalc.zoo: what pyproject.toml can only say with a list of all of them.

docs is convcalc.docs, the manual; its pictures and scripts stand in folders of their own, and are left out.
"""

from setuptools import find_packages, setup

FOLDERS = {"convcalc.zoo": "specs/zoo", "convcalc.docs": "docs"}

setup(packages=[*find_packages(include=["convcalc*"]), *FOLDERS], package_dir=FOLDERS)
