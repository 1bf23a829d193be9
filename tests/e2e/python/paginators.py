"""Lists, one item a page."""

from instance import Person, client, sign_in

portal = client("sso")
_, token = sign_in(client("sso-oidc"), Person())
access = {"accessToken": token["accessToken"]}
one = {"PaginationConfig": {"PageSize": 1}}

pages = list(portal.get_paginator("list_accounts").paginate(**access, **one))
assert [len(page["accountList"]) for page in pages] == [1, 1], pages
accounts = [page["accountList"][0]["accountId"] for page in pages]
assert accounts == ["111122223333", "444455556666"], accounts
for account in accounts:
    roles = portal.get_paginator("list_account_roles").paginate(**access, accountId=account, **one)
    pages = list(roles)
    assert [len(page["roleList"]) for page in pages] == [1, 1], pages
    names = [page["roleList"][0]["roleName"] for page in pages]
    assert names == ["Developer", "ReadOnly"], names
