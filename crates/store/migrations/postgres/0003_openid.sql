-- What an application wants to find in the ID token of a code (OpenID Connect Core §3.1.2.1).

ALTER TABLE auth_codes ADD COLUMN nonce TEXT;
