"""Alice signs in on a device, and the token lies where AWS clients look for it."""

import argparse

from instance import Person, client, keep, sign_in

options = argparse.ArgumentParser()
options.add_argument("--expires-in", type=int, default=3600)
keep(*sign_in(client("sso-oidc"), Person()), options.parse_args().expires_in)
