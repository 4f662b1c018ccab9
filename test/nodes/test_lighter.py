"""A gait node with a second, lighter network."""

from contextlib import closing
from types import SimpleNamespace

import pytest
from gait_goals import NAMES_ANYBODY, Walkers, enroll

from rt_gait_ros.action import EnrollPerson
from rt_gait_ros.msg import GaitIdentity, GaitIdentityArray
from rt_gait_ros.nodes.gait_node import GaitNode
from rt_gait_ros.serving.inference import ModelUnavailable
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.triton_client import TritonClient

from .conftest import words

LIGHTER = {"model_light": "gaitset_small_v5", "capacity": "0.2", "capacity_light": "100.0"}


@pytest.fixture
def loading_server(triton_installed, model_repository, private_cache):
    """A real Triton that loads the lighter network on request alone, as `rt-gait run` starts it."""
    server = TritonServer(model_repository, networks=["gaitset_small_v5", "gaitset_small_v5_stream"])
    server.on_request = ["gaitset_small_v5"]
    with server:
        yield server


def is_loaded(server, network):
    with closing(TritonClient(server.url, timeout=60.0)) as client:
        try:
            client.describe(network)
        except ModelUnavailable:
            return False
    return True


def test_more_people_have_the_lighter_network_loaded_that_looks_at_them_until_they_go(
    launch, ears, loading_server, tmp_path
):
    ears.listen(GaitIdentityArray, "gait_identities")
    parameters = {
        "triton_url": f"'{loading_server.url}'",
        "gallery": f"'{tmp_path}/people.gallery'",
        # an eighth of a look a second at each: no machine answers these too late
        "refresh_every": "200",
        "agreeing_embeddings": "1",
        "deadline": "60.0",
        **NAMES_ANYBODY,
        **LIGHTER,
    }
    node = launch("gait_node", parameters)
    gait = Walkers(ears)
    gait.until(lambda: ears.heard["gait_identities"])
    result, _ = enroll(ears, gait, body_id="aaaaa", name="Ada", frames=20, timeout=600.0)
    assert (result.error_code, result.error_msg) == (EnrollPerson.Result.ERROR_NONE, "")

    def name():
        (first, *_) = ears.heard["gait_identities"][-1].identities or [GaitIdentity()]
        return first.name

    gait.until(lambda: name() == "Ada")
    assert gait.until(lambda: ears.diagnosis("gait_node").get("network")) == "gaitset_small_v5_stream"
    assert not is_loaded(loading_server, "gaitset_small_v5")
    heard = len(ears.heard["gait_identities"])  # nobody was seen meanwhile: if that was long, she is looked at anew
    gait.until(lambda: len(ears.heard["gait_identities"]) > heard + 1 and name() == "Ada")
    gait.apart = 300.0  # who is near may be the other: then nothing seen before counts
    gait.widths["bbbbb"] = 14
    gait.until(lambda: ears.diagnosis("gait_node").get("network") == "gaitset_small_v5")
    assert ears.diagnosis("gait_node")["embeddings"] == "comparable with the gallery's"
    node.wait_until_says("names and evidence are kept")
    gait.until(lambda: ears.heard["gait_identities"][-1].model == "gaitset_small_v5")
    since = [message for message in ears.heard["gait_identities"] if message.model == "gaitset_small_v5"]
    hers = [each for message in since for each in message.identities if each.body_id == "aaaaa"]
    assert hers
    assert GaitIdentity.STATUS_COLLECTING not in {identity.status for identity in hers}  # her look still counts
    del gait.widths["bbbbb"]
    gait.until(lambda: ears.diagnosis("gait_node").get("network") == "gaitset_small_v5_stream")
    gait.until(lambda: ears.heard["gait_identities"][-1].model == "gaitset_small_v5_stream" and name() == "Ada")
    gait.until(lambda: not is_loaded(loading_server, "gaitset_small_v5"))


def test_a_lighter_networks_mover_that_is_closed_meanwhile_is_read_once():
    said = []

    class Stepped:
        problem = "slow"

        def step(self, people):
            node._mover = None  # as another thread does that stops the node

        def notices(self):
            return []

    node = SimpleNamespace(_mover=Stepped(), faults=SimpleNamespace(tell=lambda *words: said.append(words)))
    GaitNode._move(node, 1)
    assert said == [("networks", "slow")]


def test_a_lighter_network_of_which_nothing_is_known_ends_the_node_with_one_line(in_turn, tmp_path):
    bad = [
        ({"capacity": "0.0"}, "nobody has measured how many looks a second gaitset_small_v5_stream carries here"),
        ({"capacity": "200.0"}, "gaitset_small_v5 carries 100 looks a second and gaitset_small_v5_stream 200"),
        ({"model_light": "gaitset_small_v5_stream"}, "name another network, or none"),
        ({"frame_rate": "0.0"}, "model_light needs a frame_rate above 0"),
    ]
    common = {"gallery": f"'{tmp_path}/people.gallery'"} | LIGHTER
    for (code, said), (_, line) in zip(in_turn(*(words("gait_node", common | change) for change, _ in bad)), bad,
                                       strict=True):  # fmt: skip
        assert code == 2
        assert line in said
        assert "Traceback" not in said
