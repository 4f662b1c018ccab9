"""How Sphinx builds the site; `rt-gait docs` runs it. Warnings are errors there."""

import sys
from pathlib import Path

import rt_gait_ros

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "rt_gait_ros"
author = copyright = "The rt_gait_ros maintainers"
release = rt_gait_ros.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "rooms"]
exclude_patterns = ["_extensions"]

# Markdown as GitHub shows it: anchors of headings, tables, and links to files beside the pages.
myst_heading_anchors = 3
myst_enable_extensions = ["strikethrough"]

autodoc_member_order = "bysource"
autoclass_content = "both"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"rt_gait_ros {release}"
html_copy_source = False
html_show_sphinx = False
html_static_path: list[str] = []
html_theme_options = {"footer_icons": []}
# Highlighting is by Pygments alone and the search runs in the browser: pages load nothing from elsewhere.
pygments_style = "tango"
pygments_dark_style = "monokai"
