"""Fixtures of the gallery's tests; see enrolled.py."""

import pytest
from enrolled import template_of, three_people

gallery = pytest.fixture(three_people)
template = pytest.fixture(lambda: template_of)
