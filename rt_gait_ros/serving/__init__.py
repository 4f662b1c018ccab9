"""Networks behind one interface: a Triton client, an embedded Triton server, ONNX Runtime in process."""
