import os

import pytest

from rt_gait_ros.nodes.log_folder import VARIABLES, provide_log_folder


@pytest.mark.parametrize("known", VARIABLES)
def test_a_log_folder_that_the_environment_names_stays(known):
    environment = {known: "/somewhere"}
    provide_log_folder(environment)
    assert environment == {known: "/somewhere"}


def test_without_a_named_log_folder_it_is_in_the_home_folder():
    environment = {"HOME": ""}
    provide_log_folder(environment)
    assert environment["ROS_HOME"].endswith("/.ros")


def test_a_node_starts_without_home_and_says_where_logs_cannot_be(launch, monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    node = launch("tracker_node")
    node.wait_until_says("active")
    monkeypatch.setenv("ROS_LOG_DIR", os.devnull + "/log")
    refused = launch("tracker_node")
    assert refused.process.wait(300) == 2
    assert "ROS cannot write its logs" in refused.said
    assert "set ROS_LOG_DIR to a folder of yours" in refused.said
