"""Drawing people, tracks and names on images."""

from rt_gait_ros.overlay.draw import Trails, draw_overlay, track_colours
from rt_gait_ros.overlay.palette import colour_of, colours_of
from rt_gait_ros.overlay.sheet import contact_sheet

__all__ = ["Trails", "colour_of", "colours_of", "contact_sheet", "draw_overlay", "track_colours"]
