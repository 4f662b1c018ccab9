"""`rt-gait audit` against a database that answers, one that does not, and one that is none."""

import argparse
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rt_gait_ros.cli import audit
from rt_gait_ros.errors import GaitError


def call(*words: str) -> int:
    parser = argparse.ArgumentParser()
    audit.add_arguments(parser)
    return audit.run(parser.parse_args(words))


@pytest.fixture
def database() -> Iterator[Callable[[Callable[[list], object]], str]]:
    """database(answer): the URL of one whose answer is made of the queries."""
    servers = []

    def start(answer: Callable[[list], object]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(answer(queries)).encode())

            def log_message(self, *_: object) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_what_is_known_is_told(database, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(queries: list) -> object:
        assert all(query["package"]["ecosystem"] == "PyPI" and query["version"] for query in queries)
        return {
            "results": [
                {"vulns": [{"id": "GHSA-1"}]} if query["package"]["name"] == "numpy" else {} for query in queries
            ]
        }

    assert call("--database", database(answer), "--json") == 1
    report = json.loads(capsys.readouterr().out)
    ((name, ids),) = report["vulnerabilities"].items()
    assert (name.split()[0], ids) == ("numpy", ["GHSA-1"])


def test_nothing_known_is_zero(database, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--database", database(lambda queries: {"results": [{} for _ in queries]})) == 0
    assert "0 with known vulnerabilities" in capsys.readouterr().out


def test_without_a_network_it_says_so() -> None:
    with pytest.raises(GaitError, match=r"cannot be asked .*--offline"):
        call("--database", "http://127.0.0.1:9/")


@pytest.mark.parametrize("answer", [[], {}, {"results": [1]}, {"results": [{"vulns": [{}]}]}, {"results": []}])
def test_an_answer_that_is_none_is_no_clean_bill(database, answer: object) -> None:
    with pytest.raises(GaitError, match="answer"):
        call("--database", database(lambda queries: answer))


def test_licences_need_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--offline") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("numpy ")]
    assert "BSD" in line
    assert len({package.name.lower() for package in audit.installed()}) == len(audit.installed())
