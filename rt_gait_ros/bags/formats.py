"""The files that bags are made of."""

# File formats by the names that rosbag2 has for them, and how their files' names end.
STORAGES = {"mcap": ".mcap", "sqlite3": ".db3"}
