"""What pytest sees: the option, the marker and the fixtures."""

import importlib
import os
import shutil
import sys

import pytest

from .instance import Claviger

#: What would lead AWS clients elsewhere than to the instance.
MISLEADING = (
    "AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN "
    "AWS_SECURITY_TOKEN AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN AWS_ENDPOINT_URL "
    "AWS_ENDPOINT_URL_STS AWS_ENDPOINT_URL_SSO AWS_ENDPOINT_URL_SSO_OIDC "
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS AWS_CA_BUNDLE"
).split()

#: The classes of botocore that look up HOME once, when they are made.
REMEMBERING = {"botocore.credentials": "SSOProvider", "botocore.tokens": "SSOTokenProvider"}


def pytest_addoption(parser):
    """Adds `--claviger`."""
    parser.getgroup("claviger").addoption(
        "--claviger",
        metavar="PATH",
        help="the claviger binary; CLAVIGER_BIN, else the one on PATH, where left out",
    )


def pytest_configure(config):
    """Registers the marker."""
    config.addinivalue_line("markers", "claviger(*flags): pass these flags to `claviger dev`")


@pytest.fixture(scope="session")
def claviger_binary(pytestconfig):
    """Where the binary is."""
    option = pytestconfig.getoption("--claviger")
    variable = os.environ.get("CLAVIGER_BIN")
    named = option or variable or "claviger"
    if os.path.dirname(named):
        # A test may have gone to another directory since.
        named = os.path.join(pytestconfig.invocation_params.dir, named)
    found = shutil.which(named)
    if found:
        return os.path.abspath(found)
    if option:
        problem = f"--claviger names {option}, which is no program"
    elif variable:
        problem = f"CLAVIGER_BIN names {variable}, which is no program"
    else:
        problem = "there is no claviger on PATH"
    remedy = (
        "install it with `cargo install --path crates/claviger` or build it with `cargo build`, "
        "then put it on PATH, or name it with --claviger PATH or CLAVIGER_BIN"
    )
    pytest.fail(f"{problem}; {remedy}", pytrace=False)


@pytest.fixture
def claviger(request, claviger_binary, tmp_path, monkeypatch):
    """An instance of this test's own, and an environment in which AWS clients find it."""
    marker = request.node.get_closest_marker("claviger")
    home = tmp_path / "home"
    home.mkdir()
    instance = Claviger(claviger_binary, *(marker.args if marker else ()), home=home)
    try:
        _point_clients_at(instance, monkeypatch)
        yield instance
    finally:
        instance.stop()


@pytest.fixture(scope="session")
def claviger_session(claviger_binary, tmp_path_factory):
    """One instance for the whole run; the environment stays as it is."""
    instance = Claviger(claviger_binary, home=tmp_path_factory.mktemp("claviger-home"))
    try:
        yield instance
    finally:
        instance.stop()


def _point_clients_at(instance, monkeypatch):
    # Imported before HOME changes: what botocore remembers is then the person's own again after
    # the test, and not this test's, which is gone by then.
    for module in ("boto3", *REMEMBERING):
        try:
            importlib.import_module(module)
        except ImportError:
            pass
    for name in MISLEADING:
        monkeypatch.delenv(name, raising=False)
    for name, value in instance.environment.items():
        monkeypatch.setenv(name, value)
    for module, name in REMEMBERING.items():
        if module in sys.modules:
            remembering = getattr(sys.modules[module], name)
            cache = str(instance.token_file.parent)
            monkeypatch.setattr(remembering, "_SSO_TOKEN_CACHE_DIR", cache, raising=False)
    if "boto3" in sys.modules:
        # The session behind boto3.client() is that of the first caller, with its config file.
        monkeypatch.setattr(sys.modules["boto3"], "DEFAULT_SESSION", None)
