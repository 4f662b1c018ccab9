from contextlib import closing

import pytest

from rt_gait_ros.msg import GaitIdentity, GaitIdentityArray
from rt_gait_ros.nodes import people_listener
from rt_gait_ros.nodes.graph import joined


@pytest.fixture(scope="module", autouse=True)
def ros(domain: int) -> None:
    """The listener joins by itself."""


def test_a_message_that_makes_no_sense_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_listener, "SILENCE", 1e9)  # seconds: how busy the machine is says nothing
    nonsense = GaitIdentityArray(identities=[GaitIdentity(body_id="aaaaa", status=99)])
    sense = GaitIdentityArray(identities=[GaitIdentity(body_id="bbbbb")])
    with joined() as signals, closing(people_listener.PeopleListener(signals, {"door": "/door"})) as listener:
        publisher = listener.create_publisher(GaitIdentityArray, "/door/gait_identities", 10)
        for _ in range(3000):
            publisher.publish(nonsense)
            publisher.publish(sense)
            listener.spin(0.1)
            if listener.present():
                break
        assert [(camera, identity.body_id) for camera, identity in listener.present()] == [("door", "bbbbb")]
