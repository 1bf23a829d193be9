-- The RSA key of an epoch, wrapped as its root is: ID tokens by RS256 (OpenID Connect Core §15.1). Nothing until one is made.

ALTER TABLE keyring ADD COLUMN rsa BYTEA;
