"""Fixtures of the gallery's tests; see enrolled.py."""

import pytest
from enrolled import template_of, three_people


@pytest.fixture
def gallery(tmp_path):
    return three_people(tmp_path)


@pytest.fixture
def template():
    return template_of
