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
PEER, PEER_SPREAD = 21.0, 5.0
SPREAD, SPREAD_SPREAD = 9.5, 2.5
REACH, REACH_SPREAD = 7.0, 1.5
DROOP, DROOP_SPREAD = 9.0, 4.0
HUNCH, HUNCH_SPREAD = 10.0, 4.0
TUCK, TUCK_SPREAD = 13.0, 4.0
STANCE, STANCE_SPREAD = 1.3, 0.8
# Shares of the lean that the spine takes on from the hips up.
_SPINE = {"hips": 0.2, "lower_back": 0.6, "upper_back": 1.0, "thorax": 1.0}
# The same of the hunch, which bends the back outwards.
_HUNCH = {"lower_back": -0.5, "upper_back": 0.3, "thorax": 1.0, "l_clavicle": 1.0, "r_clavicle": 1.0}


@dataclass(frozen=True, slots=True)
class Posture:
    """Angles against the recorded mean, degrees. lean: of the trunk, ahead. peer: of the neck, ahead. reach: of the
    legs, ahead. droop: of the shoulders, down. spread: of the arms, away from the trunk. hunch: of the upper back,
    ahead. tuck: of forearms and hands, towards the thighs. stance: of the legs, towards each other."""

    lean: float = LEAN
    peer: float = PEER
    reach: float = REACH
    droop: float = DROOP
    spread: float = SPREAD
    hunch: float = HUNCH
    tuck: float = TUCK
    stance: float = STANCE

    def take(self, rotations: np.ndarray) -> None:
        """Hold a walker so; in place. rotations: (T, bones, 3, 3) in the world, of `Gait.pose`."""
        for bone, share in _SPINE.items():
            rotations[:, BONE[bone]] = _about(1, share * self.lean) @ rotations[:, BONE[bone]]
        for bone, share in _HUNCH.items():
            rotations[:, BONE[bone]] = _about(1, share * self.hunch) @ rotations[:, BONE[bone]]
        for bone in ("neck", "upper_neck"):
            rotations[:, BONE[bone]] = _about(1, self.peer) @ rotations[:, BONE[bone]]
        for bone in ("l_thigh", "l_shank", "r_thigh", "r_shank"):
            rotations[:, BONE[bone]] = _about(1, -self.reach) @ rotations[:, BONE[bone]]
        for side, sign in (("l_", -1.0), ("r_", 1.0)):
            clavicle = BONE[f"{side}clavicle"]
            for bone, tuck in (("upper_arm", 0.0), ("forearm", self.tuck), ("hand", self.tuck)):
                arm = BONE[f"{side}{bone}"]
                rotations[:, arm] = _about(0, -sign * (self.spread - tuck)) @ rotations[:, arm]
            for bone in ("thigh", "shank"):
                leg = BONE[f"{side}{bone}"]
                rotations[:, leg] = _about(0, sign * self.stance) @ rotations[:, leg]
            rotations[:, clavicle] = _about(1, self.lean) @ _about(0, sign * self.droop) @ rotations[:, clavicle]


# Of those who walk as tabled: styles say how trunk, head and arms are held, but not how shoulders slope.
TABLED = Posture(lean=0.0, peer=0.0, reach=0.0, droop=8.0, spread=0.0, hunch=0.0, tuck=0.0, stance=0.0)


def draw_posture(random: np.random.Generator, spread: float = 1.0) -> Posture:
    """Some person's. spread: factor on the deviations between people."""
    lean, peer, reach, droop, arms, hunch, tuck, stance = spread * np.clip(random.standard_normal(8), -2.5, 2.5)
    return Posture(
        lean=LEAN + lean * LEAN_SPREAD,
        peer=PEER + peer * PEER_SPREAD,
        reach=REACH + reach * REACH_SPREAD,
        droop=DROOP + droop * DROOP_SPREAD,
        spread=SPREAD + arms * SPREAD_SPREAD,
        hunch=HUNCH + hunch * HUNCH_SPREAD,
        tuck=TUCK + tuck * TUCK_SPREAD,
        stance=STANCE + stance * STANCE_SPREAD,
    )


def _about(axis: int, degrees: float) -> np.ndarray:
    """The rotation (3, 3) about one axis of the world."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[first, first] = turn[second, second] = cosine
    turn[first, second], turn[second, first] = -sine, sine
    return turn
