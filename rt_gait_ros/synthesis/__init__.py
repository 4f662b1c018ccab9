"""Generated walkers: people who are nobody, their walks, and what a camera and a mask network make of them."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.synthesis.render import Renderer as Renderer
    from rt_gait_ros.synthesis.scenes import crowd as crowd
    from rt_gait_ros.synthesis.truth import truths as truths
    from rt_gait_ros.synthesis.walks import random_silhouettes as random_silhouettes

__getattr__, __dir__ = exports(
    __name__,
    {
        "Renderer": ".render",
        "crowd": ".scenes",
        "random_silhouettes": ".walks",
        "truths": ".truth",
    },
)
