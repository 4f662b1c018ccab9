"""PoseFrame and PersonPoseArray."""

import array

from rt_gait_ros.msg import PersonPose as PersonPoseMessage
from rt_gait_ros.msg import PersonPoseArray
from rt_gait_ros.nodes.conversions.parts import (
    floats,
    gait_frame_message,
    read_fraction,
    read_gait_frame,
    read_keypoints,
    read_motion,
    read_rois,
    roi_messages,
)
from rt_gait_ros.nodes.headers import from_time, to_header
from rt_gait_ros.nodes.whole_message import maker
from rt_gait_ros.pose.person import PersonPose, PoseFrame

_poses, _pose = maker(PersonPoseArray), maker(PersonPoseMessage)


def poses_to_message(frame: PoseFrame) -> PersonPoseArray:
    """PoseFrame to PersonPoseArray."""
    rois = roi_messages([person.box for person in frame.people], frame.width, frame.height)
    return _poses(
        header=to_header(frame.stamp, frame.frame_id),
        image_width=frame.width,
        image_height=frame.height,
        keypoint_layout=frame.layout,
        gait_frame_kind=frame.gait_frame_kind,
        people=[
            _pose(
                keypoints=floats(person.keypoints),
                roi=roi,
                confidence=float(person.confidence),
                gait_frame=gait_frame_message(person.gait_frame, frame.gait_frame_kind),
                quality=float(person.quality),
            )
            for person, roi in zip(frame.people, rois, strict=True)
        ],
        camera_motion=array.array("f") if frame.camera_motion is None else floats(frame.camera_motion),
    )


def poses_from_message(message: PersonPoseArray) -> PoseFrame:
    """PersonPoseArray to PoseFrame. Raises MalformedMessage."""
    layout, kind = message.keypoint_layout, message.gait_frame_kind
    joints = read_keypoints([(person.keypoints, layout) for person in message.people])
    boxes = read_rois([person.roi for person in message.people])
    people = []
    for person, keypoints, box in zip(message.people, joints, boxes, strict=True):
        frame = read_gait_frame(person.gait_frame, kind)
        people.append(
            PersonPose(
                keypoints=keypoints,
                box=box,
                confidence=read_fraction(person.confidence, "confidence"),
                gait_frame=frame,
                quality=read_fraction(person.quality, "quality") if frame is not None else 0.0,
            )
        )
    return PoseFrame(
        stamp=from_time(message.header.stamp),
        frame_id=message.header.frame_id,
        width=message.image_width,
        height=message.image_height,
        layout=layout,
        gait_frame_kind=kind,
        people=people,
        camera_motion=read_motion(message.camera_motion),
    )
