"""The demo: real footage, four nodes over DDS, a Triton server, and a report of what came out."""
