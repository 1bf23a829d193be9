"""A running `claviger dev` and its control API. Knows nothing of pytest and needs nothing but
Python; what each call does is told by docs/dev.md of Claviger."""

import collections
import hashlib
import http.client
import json
import os
import pathlib
import queue
import re
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "sso:account:access"

#: How many seconds a start, a call and an end may take.
PATIENCE = 30

#: How many seconds pass between two looks at the events.
INTERVAL = 0.01


class ClavigerError(Exception):
    """What went wrong, in the words of the service where it has said any."""


class Claviger:
    """A running instance. `flags` are those of `claviger dev`; AWS clients find their tokens below
    `home`."""

    def __init__(self, binary, *flags, home):
        self.home = pathlib.Path(home)
        self._process = _start(binary, flags)
        self._output, self._errors = queue.Queue(), collections.deque(maxlen=200)
        # Both pipes are read to their end: the instance writes a line for each request, and would
        # stand still before a full pipe.
        self._readers = [
            _reader(_first_line, self._process.stdout, self._output),
            _reader(_all_lines, self._process.stderr, self._errors),
        ]
        try:
            self.about = self._read_about(binary)
        except BaseException:
            self.stop()
            raise
        self.issuer = self.about["issuer"]
        self.start_url = self.about["start_url"]
        self.aws_start_url = self.about["aws_start_url"]
        self.region = self.about["region"]
        self.user = self.about["user"]
        self.password = self.about["password"]
        self.accounts = self.about["accounts"]
        self.control_url = self.about["control_url"]
        self.control_token = self.about["control_token"]
        self._http = _opener(self.about["ca_bundle"])

    def _read_about(self, binary):
        try:
            line = self._output.get(timeout=PATIENCE)
        except queue.Empty:
            raise ClavigerError(self._told(f"{binary} dev tells nothing of itself")) from None
        try:
            return json.loads(line)
        except ValueError:
            raise ClavigerError(self._told(f"{binary} dev did not start")) from None

    def _told(self, problem):
        """A problem, with what the instance has written to standard error."""
        if self._process.poll() is None:
            self._process.kill()
        self._readers[1].join(PATIENCE)
        return f"{problem}:\n{''.join(self._errors)}"

    def stop(self):
        """Ends the instance, waits for its end, and answers its exit status."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(PATIENCE)
        self._process.stdout.close()
        self._process.stderr.close()
        return self._process.returncode

    @property
    def environment(self):
        """The variables that point AWS clients at the instance, and at no key of your own."""
        environment = {
            "HOME": str(self.home),
            "AWS_CONFIG_FILE": self.about["aws_config_file"],
            "AWS_DATA_PATH": self.about["aws_data_path"],
            "AWS_SHARED_CREDENTIALS_FILE": str(self.home / "no-credentials"),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            # Where the credentials of the instance fail, those of the machine must not serve.
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self.about["ca_bundle"]:
            environment["AWS_CA_BUNDLE"] = self.about["ca_bundle"]
            environment["NODE_EXTRA_CA_CERTS"] = self.about["ca_bundle"]
        return environment

    @property
    def token_file(self):
        """Where AWS clients look for the token: it is named after the sso-session."""
        config = pathlib.Path(self.about["aws_config_file"]).read_text()
        session_name = re.search(r"^\[sso-session (\S+)\]", config, re.MULTILINE)[1]
        digest = hashlib.sha1(session_name.encode(), usedforsecurity=False).hexdigest()
        return self.home / ".aws/sso/cache" / f"{digest}.json"

    # Signing in.

    def sign_in(self, user=None, only=None):
        """Signs in by the device grant, to `only` that scope. The token file is written as AWS clients do it; answers
        what CreateToken answered, with `clientId`, `clientSecret` and `clientSecretExpiresAt`."""
        registered = self._oidc(
            "client/register", clientName="pytest", clientType="public", scopes=[SCOPE]
        )
        known = {name: registered[name] for name in ("clientId", "clientSecret")}
        started = self._oidc("device_authorization", **known, startUrl=self.start_url)
        self.approve(started["userCode"], user, only)
        grant = {"grantType": DEVICE_CODE, "deviceCode": started["deviceCode"]}
        tokens = self._oidc("token", **known, **grant)
        tokens.update(known, clientSecretExpiresAt=registered["clientSecretExpiresAt"])
        self._keep(tokens)
        return tokens

    def _keep(self, tokens):
        kept = {
            "startUrl": self.aws_start_url,
            "region": self.region,
            "accessToken": tokens["accessToken"],
            # By this machine's clock, as clients do it.
            "expiresAt": _stamp(time.time() + tokens["expiresIn"]),
            "clientId": tokens["clientId"],
            "clientSecret": tokens["clientSecret"],
            "registrationExpiresAt": _stamp(tokens["clientSecretExpiresAt"]),
            "refreshToken": tokens["refreshToken"],
        }
        self.token_file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(kept, file)

    def approve(self, user_code, user=None, only=None):
        """Approves a device, as `user` or the one who signs in; gives it `only` that scope."""
        self._post("approve", user_code=user_code, user=user, only=only)

    def deny(self, user_code, user=None):
        """Denies a device, as `user` or the one who signs in."""
        self._post("deny", user_code=user_code, user=user)

    def authorize(self, url, user=None, deny=False, only=None):
        """Consents to an authorization request, or denies it; answers where the browser goes."""
        return self._post("authorize", url=url, user=user, deny=deny, only=only)["location"]

    # The directory.

    def add_user(self, name, display_name=None, email=None, groups=()):
        """Adds a person with everybody's password, and the groups that are missing."""
        more = {"display_name": display_name, "email": email, "groups": list(groups)}
        self._post("users", name=name, **more)

    def assign(self, account, role, user=None, group=None):
        """Gives a role to a user or a group; makes account and role where they are missing."""
        self._post("assignments", account=account, role=role, user=user, group=group)

    def put_directory(self, toml):
        """Makes the directory what this text of a directory file says."""
        self._call("PUT", "directory", toml.encode())

    def admin(self, command, **members):
        """Does what `claviger admin` does, and answers what it answers."""
        return self._post("admin", command=command, **members)

    # The server's clock. Each answers how it stands then: `now`, `time`, `ahead`, `frozen`.

    def clock(self):
        """Reads the clock."""
        return self._call("GET", "clock")

    def advance(self, seconds):
        """Moves the clock forward, or back by a negative number."""
        return self._post("clock", advance=seconds)

    def set_time(self, epoch):
        """Sets the clock to so many seconds since 1970."""
        return self._post("clock", now=epoch)

    def freeze(self):
        """Stops the clock."""
        return self._post("clock", frozen=True)

    def unfreeze(self):
        """Lets the clock go on from where it stands."""
        return self._post("clock", frozen=False)

    def expire_tokens(self):
        """Moves the clock past the end of every access token; refresh tokens stay good."""
        return self._post("tokens/expire")

    # What happens.

    def events(self, after=0):
        """What has happened since the event of that number."""
        return self._call("GET", f"events?{urllib.parse.urlencode({'after': after})}")["events"]

    def wait_for_event(self, operation, timeout=10, after=0):
        """Waits for an event of this operation behind number `after`, and answers it."""
        deadline = time.monotonic() + timeout
        while True:
            events = self.events(after)
            for event in events:
                if event["operation"] == operation:
                    return event
            if time.monotonic() >= deadline:
                happened = ", ".join(event["operation"] for event in events) or "nothing"
                raise ClavigerError(f"no {operation} in {timeout} seconds; {happened} happened")
            time.sleep(INTERVAL)

    def fault(self, operation, fault, times=None, **more):
        """Adds a line to the fault script; `more` is `milliseconds` or `seconds`."""
        self._post("faults", operation=operation, fault=fault, times=times, **more)

    def clear_faults(self, operation=None):
        """Clears the faults of an operation, or all."""
        query = f"?{urllib.parse.urlencode({'operation': operation})}" if operation else ""
        self._call("DELETE", f"faults{query}")

    def reset(self):
        """Goes back to the seed: people, sessions, codes, counts, clock, faults, events."""
        self._post("reset")

    # The wire.

    def _post(self, route, **members):
        return self._call("POST", route, json.dumps(members).encode())

    def _call(self, method, route, body=None):
        headers = {"Authorization": f"Bearer {self.control_token}"}
        return self._exchange(method, f"{self.control_url}/{route}", body, headers)

    def _oidc(self, path, **members):
        headers = {"Content-Type": "application/json"}
        return self._exchange(
            "POST", f"{self.issuer}/{path}", json.dumps(members).encode(), headers
        )

    def _exchange(self, method, url, body, headers):
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with self._http.open(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                problem = _words(refused.read()) or f"{method} {url}: {refused}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = f"{method} {url} has no answer that can be read: {error}"
        raise ClavigerError(problem)


def _start(binary, flags):
    named = any(flag.split("=")[0] == "--listen" for flag in flags)
    listen = () if named else ("--listen", "127.0.0.1:0")
    try:
        return subprocess.Popen(
            [binary, "dev", "--json", *listen, *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise ClavigerError(f"{binary} cannot be run: {error}") from None


def _reader(read, stream, kept):
    thread = threading.Thread(target=read, args=(stream, kept), daemon=True)
    thread.start()
    return thread


def _first_line(stream, kept):
    # At the end of a stream this is an empty line, so that nobody waits for one in vain.
    kept.put(stream.readline())
    for _ in stream:
        pass


def _all_lines(stream, kept):
    for line in stream:
        kept.append(line)


def _opener(ca_bundle):
    # The instance is on this machine: no proxy of the environment leads there.
    handlers = [urllib.request.ProxyHandler({})]
    if ca_bundle:
        context = ssl.create_default_context(cafile=ca_bundle)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers)


def _words(body):
    """Why the service refuses: the control API says so in `error`; sso-oidc has a code there, and
    its words in `error_description`."""
    try:
        refusal = json.loads(body)
        return refusal.get("error_description") or refusal.get("error")
    except (ValueError, AttributeError):
        return None


def _stamp(epoch):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
