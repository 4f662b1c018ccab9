"""ROS 2 nodes: parameters, topics, services and diagnostics around the domain rooms. No algorithm lives here."""
