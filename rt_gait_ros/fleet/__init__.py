"""One gallery for many robots: on PostgreSQL, with a copy on each robot that goes on when the server is away."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.fleet.connection import AccessDenied as AccessDenied
    from rt_gait_ros.fleet.connection import ServerAway as ServerAway
    from rt_gait_ros.fleet.opening import open_gallery as open_gallery

__getattr__, __dir__ = exports(
    __name__, {"AccessDenied": ".connection", "ServerAway": ".connection", "open_gallery": ".opening"}
)
