"""Alice opens the web application of the README, and a stranger's code is not taken for hers."""

from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from instance import ABOUT, Person

WIKI = ABOUT["application"]


class Visitor:
    """A browser at the application, without a cookie yet."""

    def __init__(self):
        self.http = requests.Session()

    def leads(self, path):
        """Where the application sends whoever opens that path."""
        answer = self.http.get(urljoin(WIKI, path), allow_redirects=False, timeout=30)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


def asked(to):
    """The parameters with which the application sends people to Claviger."""
    assert to.startswith(ABOUT["issuer"] + "/authorize?"), to
    return dict(parse_qsl(urlsplit(to).query))


alice = Person()
visitor = Visitor()
assert visitor.leads("/") == "/login"
query = asked(visitor.leads("/login"))
assert query["client_id"] == "wiki" and query["code_challenge_method"] == "S256", query
back = alice.allow(query)

# Another browser that is sent there has begun nothing.
refused = Visitor().http.get(back, timeout=30)
assert refused.status_code == 500, refused.text

assert visitor.http.get(back, timeout=30).text == "Hello Alice Example"
assert visitor.http.get(urljoin(WIKI, "/"), timeout=30).text == "Hello Alice Example"
