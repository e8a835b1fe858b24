"""How the documentation is built: `make docs`, where every warning is an error and every example is run."""

from __future__ import annotations

from importlib import metadata

project = "Confide"
author = "The Confide authors"
copyright = author
release = metadata.version("confide")
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!confide\.).*"),  # no network at build time, so other projects' inventories are not at hand
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "description"
doctest_test_doctest_blocks = ""  # only what says that it is run is run

html_theme = "furo"
html_title = "Confide"
