import numpy as np
import pytest

from rt_gait_ros.tracking.kalman import AGILITY, SIZE_DECAY, KalmanBank


def reference(boxes, noise, dt, acceleration):
    """The textbook filter with full matrices; returns mean (8,), covariance (8, 8)."""
    decay = np.exp(-SIZE_DECAY * dt)
    reach = np.array([dt if rate == 0 else (1 - np.exp(-rate * dt)) / rate for rate in SIZE_DECAY])
    transition = np.block([[np.eye(4), np.diag(reach)], [np.zeros((4, 4)), np.diag(decay)]])
    measure = np.hstack((np.eye(4), np.zeros((4, 4))))
    first = KalmanBank.start(boxes[:1], noise[None])
    mean = np.concatenate((first.mean[0], first.velocity[0]))
    covariance = np.diag(np.concatenate((first.variance[0], first.rate_variance[0])))
    for box in boxes[1:]:
        power = np.diag(np.tile((acceleration * AGILITY * mean[3]) ** 2, 2))
        wander = np.block([[np.eye(4) * dt**3 / 3, np.eye(4) * dt**2 / 2], [np.eye(4) * dt**2 / 2, np.eye(4) * dt]])
        mean, covariance = transition @ mean, transition @ covariance @ transition.T + power @ wander
        gain = covariance @ measure.T @ np.linalg.inv(measure @ covariance @ measure.T + np.diag(noise))
        mean = mean + gain @ (box - measure @ mean)
        covariance = (np.eye(8) - gain @ measure) @ covariance
    return mean, covariance


def test_states_and_covariances_are_those_of_the_textbook_filter():
    random = np.random.default_rng(0)
    boxes = np.array([100, 200, 80, 200]) + np.cumsum(random.normal(2, 3, (12, 4)), axis=0)
    noise, dt, acceleration = np.array([100.0, 100, 90, 80]), 0.04, 0.5
    bank = KalmanBank.start(boxes[:1], noise[None])
    for box in boxes[1:]:
        bank.predict(dt, acceleration)
        bank.update(np.array([0]), box[None], noise[None])
    mean, covariance = reference(boxes, noise, dt, acceleration)
    np.testing.assert_allclose(np.concatenate((bank.mean[0], bank.velocity[0])), mean)
    np.testing.assert_allclose(bank.variance[0], np.diag(covariance)[:4])
    np.testing.assert_allclose(bank.cross[0], np.diag(covariance[:4, 4:]))
    np.testing.assert_allclose(bank.rate_variance[0], np.diag(covariance)[4:])


def test_one_long_step_predicts_as_many_short_ones():
    boxes, noise = np.array([[100.0, 200, 80, 200]]), np.full((1, 4), 100.0)
    long, short = KalmanBank.start(boxes, noise), KalmanBank.start(boxes, noise)
    for bank in (long, short):
        bank.velocity[:, :2] = (50, -20)
    long.predict(0.5, 0.5)
    for _ in range(50):
        short.predict(0.01, 0.5)
    np.testing.assert_allclose(long.mean, short.mean)
    np.testing.assert_allclose(long.variance[:, :2], short.variance[:, :2])


def test_a_box_never_vanishes():
    bank = KalmanBank.start(np.array([[100.0, 200, 80, 200]]), np.full((1, 4), 100.0))
    bank.velocity[:, 2:] = -1000
    bank.predict(2.0, 0.5)
    assert (bank.mean[:, 2:] >= 1).all()


@pytest.mark.parametrize("angle", [0.0, 0.1])
def test_a_warp_moves_positions_and_turns_velocities(angle):
    bank = KalmanBank.start(np.array([[100.0, 200, 80, 200]]), np.full((1, 4), 100.0))
    bank.velocity[:, :2] = (10, 0)
    scale = 1.5
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    affine = np.column_stack((linear, (7, -3)))
    bank.warp(affine)
    np.testing.assert_allclose(bank.mean[0, :2], linear @ (100, 200) + (7, -3))
    np.testing.assert_allclose(bank.mean[0, 2:], (120, 300))
    np.testing.assert_allclose(bank.velocity[0, :2], linear @ (10, 0))
    np.testing.assert_allclose(bank.variance, 225)
