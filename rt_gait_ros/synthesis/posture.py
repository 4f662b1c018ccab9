"""How somebody holds trunk, head and shoulders while walking.

Recorded gaits say how these move; how they are held is lost where a skeleton of markers is put into another body. The
means here were set so that the mean silhouettes of generated people lie on those of CASIA-B's 001 to 074, view by view
(`rt-gait bench realism`).
"""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.synthesis.skeleton import BONE

# Means and deviations between people, degrees.
LEAN, LEAN_SPREAD = -2.0, 2.5
PEER, PEER_SPREAD = 20.0, 5.0
SPREAD, SPREAD_SPREAD = 5.0, 2.5
REACH, REACH_SPREAD = 3.0, 1.5
DROOP, DROOP_SPREAD = 8.0, 4.0
# Shares of the lean that the spine takes on from the hips up.
_SPINE = {"hips": 0.2, "lower_back": 0.6, "upper_back": 1.0, "thorax": 1.0}


@dataclass(frozen=True, slots=True)
class Posture:
    """Angles against the recorded mean, degrees. lean: of the trunk, ahead. peer: of the neck, ahead. reach: of the
    legs, ahead. droop: of the shoulders, down. spread: of the arms, away from the trunk."""

    lean: float = LEAN
    peer: float = PEER
    reach: float = REACH
    droop: float = DROOP
    spread: float = SPREAD

    def take(self, rotations: np.ndarray) -> None:
        """Hold a walker so; in place. rotations: (T, bones, 3, 3) in the world, of `Gait.pose`."""
        for bone, share in _SPINE.items():
            rotations[:, BONE[bone]] = _about(1, share * self.lean) @ rotations[:, BONE[bone]]
        for bone in ("neck", "upper_neck"):
            rotations[:, BONE[bone]] = _about(1, self.peer) @ rotations[:, BONE[bone]]
        for bone in ("l_thigh", "l_shank", "r_thigh", "r_shank"):
            rotations[:, BONE[bone]] = _about(1, -self.reach) @ rotations[:, BONE[bone]]
        for side, sign in (("l_", -1.0), ("r_", 1.0)):
            clavicle = BONE[f"{side}clavicle"]
            for bone in ("upper_arm", "forearm", "hand"):
                arm = BONE[f"{side}{bone}"]
                rotations[:, arm] = _about(0, -sign * self.spread) @ rotations[:, arm]
            rotations[:, clavicle] = _about(1, self.lean) @ _about(0, sign * self.droop) @ rotations[:, clavicle]


# Of those who walk as tabled: styles say how trunk, head and arms are held, but not how shoulders slope.
TABLED = Posture(lean=0.0, peer=0.0, reach=0.0, spread=0.0)


def draw_posture(random: np.random.Generator, spread: float = 1.0) -> Posture:
    """Some person's. spread: factor on the deviations between people."""
    lean, peer, reach, droop, arms = spread * np.clip(random.standard_normal(5), -2.5, 2.5)
    return Posture(
        lean=LEAN + lean * LEAN_SPREAD,
        peer=PEER + peer * PEER_SPREAD,
        reach=REACH + reach * REACH_SPREAD,
        droop=DROOP + droop * DROOP_SPREAD,
        spread=SPREAD + arms * SPREAD_SPREAD,
    )


def _about(axis: int, degrees: float) -> np.ndarray:
    """The rotation (3, 3) about one axis of the world."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[first, first] = turn[second, second] = cosine
    turn[first, second], turn[second, first] = -sine, sine
    return turn
