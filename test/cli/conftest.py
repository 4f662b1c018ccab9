import argparse
import os

import pytest


@pytest.fixture
def on_gallery():
    """on_gallery(command, path) gives what runs a subcommand of `command`, with its arguments, on the gallery."""

    def on(command, path):
        def call(name, *arguments):
            parser = argparse.ArgumentParser()
            command.add_arguments(parser)
            return command.run(parser.parse_args([name, "--gallery", os.fspath(path), *arguments]))

        return call

    return on
