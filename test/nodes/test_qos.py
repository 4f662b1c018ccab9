from std_msgs.msg import String

from rt_gait_ros.nodes import qos


def test_what_is_published_last_has_arrived_before_its_publisher_goes(ears, monkeypatch):
    done = []
    publisher = ears.create_publisher(String, "said", 10)
    waiting, destroying = publisher.wait_for_all_acked, ears.destroy_publisher
    monkeypatch.setattr(
        type(publisher), "wait_for_all_acked", lambda self, limit: done.append("waited") or waiting(limit), raising=True
    )
    monkeypatch.setattr(ears, "destroy_publisher", lambda gone: done.append("destroyed") or destroying(gone))
    heard = ears.listen(String, "said")
    ears.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(String(data="goodbye"))
    qos.retire(ears, publisher)
    assert done == ["waited", "destroyed"]
    ears.until(lambda: heard)
