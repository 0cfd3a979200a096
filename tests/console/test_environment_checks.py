"""Variables that stop a connection: which values are problems, and what is told of them."""

from importlib.machinery import ModuleSpec

from console import environment_checks
from console.environment_checks import certificate_problem, proxy_problem

import certifi
import pytest


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HTTPS_PROXY": ""},
        {"https_proxy": "http://user:secret@proxy:8080"},
        {"HTTP_PROXY": "proxy.example:3128"},
        {"ALL_PROXIES": "socks5://x"},
    ],
)
def test_usable_proxy_is_no_problem(environ):
    assert proxy_problem(environ) is None


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks_is_named_with_what_it_needs(name, scheme):
    found = proxy_problem({name: f"{scheme}://user:secret@127.0.0.1:1080"})

    assert found is not None
    assert str(found) == f"{name} names a SOCKS proxy, which needs socksio and python-socks"
    assert name in found.attempt and "-m pip install socksio python-socks" in found.attempt
    assert "secret" not in f"{found} {found.why} {found.attempt}"


def test_socks_is_no_problem_where_it_is_supported(monkeypatch):
    monkeypatch.setattr(environment_checks, "find_spec", lambda name: ModuleSpec(name, None))

    assert proxy_problem({"ALL_PROXY": "socks5://127.0.0.1:1080"}) is None


@pytest.mark.parametrize(
    "value", ["ftp://x", "socks4://x", "http://", "http://[", "http://x:y", ":::"]
)
def test_value_that_is_no_proxy_is_named(value):
    found = proxy_problem({"HTTPS_PROXY": value})

    assert str(found) == "HTTPS_PROXY is not the address of a proxy"


def test_certificates_are_read(tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")

    assert certificate_problem({}) is None
    assert certificate_problem({"SSL_CERT_FILE": certifi.where()}) is None
    gone = certificate_problem({"SSL_CERT_FILE": str(tmp_path / "gone.pem")})
    assert str(gone) == f"SSL_CERT_FILE names a file that is not there: {tmp_path / 'gone.pem'}"
    without = certificate_problem({"SSL_CERT_FILE": str(empty)})
    assert str(without) == f"SSL_CERT_FILE names a file without certificates: {empty}"
    folder = certificate_problem({"SSL_CERT_FILE": str(tmp_path)})
    assert str(folder).startswith("SSL_CERT_FILE names a file that is not there")
