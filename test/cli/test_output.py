import json
import math

import numpy as np

from rt_gait_ros.cli.output import write_json


def test_a_figure_that_is_none_is_null_since_json_knows_no_nan(tmp_path):
    rows = [{"eer": math.nan, "threshold": np.float64(-math.inf)}, (1.5, 2, None, "NaN", True)]
    write_json({"rows": rows}, str(tmp_path / "figures.json"))

    def refuse(constant):
        raise AssertionError(constant)

    read = json.loads((tmp_path / "figures.json").read_text(), parse_constant=refuse)
    assert read == {"rows": [{"eer": None, "threshold": None}, [1.5, 2, None, "NaN", True]]}
