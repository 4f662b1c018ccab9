"""The network that a recogniser uses, and the one before it."""

from rt_gait_ros.gait.model import describe
from rt_gait_ros.gait.network import Network
from rt_gait_ros.gait.stream_embedder import embedder_for
from rt_gait_ros.serving.inference import ModelUnavailable


def test_what_a_former_network_failed_with_says_nothing_of_the_one_in_use(scene, client, config, walk):
    recognizer = scene.recognizer
    client.error = ModelUnavailable("angle is not there")
    scene.show(walk("aaaaa", 20), images=20)
    assert (recognizer.problem, recognizer.lost) == ("angle is not there", True)
    client.hold = True
    scene.show(walk("aaaaa", 20), images=20)  # one more is asked
    next_one = type(client)()
    model = describe(next_one, "angle")
    recognizer.use_network(Network(model, embedder_for(next_one, model, config.window, config.deadline)))
    assert (recognizer.problem, recognizer.lost) == ("", False)
    assert recognizer.in_transit
    client.release()
    scene.show(walk("aaaaa", 20), images=2)
    assert (recognizer.problem, recognizer.lost) == ("", False)
    next_one.error = ModelUnavailable("gone, too")
    scene.show(walk("aaaaa", 20), images=20)
    assert (recognizer.problem, recognizer.lost) == ("gone, too", True)


def test_what_a_former_network_answers_does_not_end_an_outage(scene, client, config, walk):
    recognizer = scene.recognizer
    client.hold = True
    scene.show(walk("aaaaa", 20), images=20)
    next_one = type(client)()
    next_one.error = ModelUnavailable("gone")
    model = describe(next_one, "angle")
    recognizer.use_network(Network(model, embedder_for(next_one, model, config.window, config.deadline)))
    scene.show(walk("aaaaa", 20), walk("bbbbb", 60), images=20)  # the second one is asked about here
    assert (recognizer.problem, recognizer.lost) == ("gone", True)
    next_one.hold = True
    client.release()
    scene.show(walk("aaaaa", 20), walk("bbbbb", 60))
    assert (recognizer.problem, recognizer.lost) == ("gone", True)
