"""Where frames come from: video files, cameras, streams, image folders."""
