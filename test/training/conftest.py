"""The tests of this room need what training needs."""

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("pycocotools", reason="needs the extra [train]")
