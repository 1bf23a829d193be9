-- The first schema. Times are seconds since the epoch; ids are 16 random bytes. Every hot table
-- has one primary key that every hot query names. Never edited after release: expand, then contract.

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keyring (
  epoch   INTEGER PRIMARY KEY,          -- 1..255, part of every token
  state   TEXT NOT NULL,                -- staged | active | verifying | retired | burned
  wrapped BLOB NOT NULL,                -- the epoch's root key under the key-encryption key
  kek_id  TEXT NOT NULL,
  since   INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
  uid           BLOB PRIMARY KEY,
  name          TEXT NOT NULL,
  name_key      TEXT NOT NULL UNIQUE,   -- the canonical form that people are found under
  display_name  TEXT NOT NULL,
  email         TEXT,
  state         TEXT NOT NULL,          -- active | disabled
  user_epoch    INTEGER NOT NULL,
  password_hash TEXT,
  created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_groups (
  gid  BLOB PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE memberships (
  uid BLOB NOT NULL,
  gid BLOB NOT NULL,
  PRIMARY KEY (uid, gid)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  account_id TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  email      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE roles (
  account_id TEXT NOT NULL,
  role_name  TEXT NOT NULL,
  target     TEXT NOT NULL,
  role_arn   TEXT NOT NULL,
  duration   INTEGER NOT NULL,
  PRIMARY KEY (account_id, role_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE assignments (
  principal_id BLOB NOT NULL,           -- a uid or a gid
  account_id   TEXT NOT NULL,
  role_name    TEXT NOT NULL,
  PRIMARY KEY (principal_id, account_id, role_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE web_sessions (
  wid            BLOB PRIMARY KEY,
  uid            BLOB NOT NULL,
  user_epoch     INTEGER NOT NULL,
  auth_time      INTEGER NOT NULL,
  address        TEXT NOT NULL,
  user_agent     TEXT,
  created_at     INTEGER NOT NULL,
  idle_exp       INTEGER NOT NULL,
  abs_exp        INTEGER NOT NULL,
  revoked_at     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX web_sessions_of_user ON web_sessions (uid);
CREATE INDEX web_sessions_by_end ON web_sessions (abs_exp);

CREATE TABLE devices (
  did            BLOB PRIMARY KEY,
  cref           BLOB NOT NULL,
  client_name    TEXT NOT NULL,
  dialect        TEXT NOT NULL,
  scopes         TEXT NOT NULL,
  req_address    TEXT NOT NULL,
  req_agent      TEXT,
  state          TEXT NOT NULL,         -- pending | approved | denied | redeemed
  created_at     INTEGER NOT NULL,
  exp            INTEGER NOT NULL,
  decided_by     BLOB,
  decided_at     INTEGER,
  decided_auth   INTEGER,
  decided_epoch  INTEGER,
  sid            BLOB,
  redeemed_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_by_end ON devices (exp);

CREATE TABLE user_codes (
  uc_mac BLOB PRIMARY KEY,              -- HMAC of the code, never the code
  did    BLOB NOT NULL,
  exp    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX user_codes_by_end ON user_codes (exp);

CREATE TABLE auth_codes (
  cid          BLOB PRIMARY KEY,
  cref         BLOB NOT NULL,
  client_name  TEXT NOT NULL,
  dialect      TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  challenge    TEXT,
  scopes       TEXT NOT NULL,
  uid          BLOB NOT NULL,
  user_epoch   INTEGER NOT NULL,
  wid          BLOB NOT NULL,
  auth_time    INTEGER NOT NULL,
  exp          INTEGER NOT NULL,
  fails        INTEGER NOT NULL,
  sid          BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_codes_by_end ON auth_codes (exp);

CREATE TABLE sessions (
  sid          BLOB PRIMARY KEY,
  uid          BLOB NOT NULL,
  user_epoch   INTEGER NOT NULL,
  cref         BLOB NOT NULL,
  client_name  TEXT NOT NULL,
  dialect      TEXT NOT NULL,
  scopes       TEXT NOT NULL,
  origin       TEXT NOT NULL,           -- device | authorization_code
  secret       BLOB NOT NULL,           -- the second lock of every token of the session
  gen          INTEGER NOT NULL,
  gen_epoch    INTEGER NOT NULL,
  used_gen     INTEGER NOT NULL,
  rot_at1      INTEGER,
  rot_at2      INTEGER,
  rot_at3      INTEGER,
  rot_at4      INTEGER,
  rot_net      BLOB,
  late_answers INTEGER NOT NULL,
  auth_time    INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  idle_exp     INTEGER NOT NULL,
  abs_exp      INTEGER NOT NULL,
  revoked_at   INTEGER,
  end_reason   TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (uid, created_at);
CREATE INDEX sessions_by_end ON sessions (abs_exp);

CREATE TABLE throttle (
  key_mac      BLOB NOT NULL,           -- HMAC of what is counted
  window_start INTEGER NOT NULL,
  count        INTEGER NOT NULL,
  PRIMARY KEY (key_mac, window_start)
) STRICT, WITHOUT ROWID;
CREATE INDEX throttle_by_window ON throttle (window_start);

CREATE TABLE audit (
  node    TEXT NOT NULL,
  seq     INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  action  TEXT NOT NULL,
  actor   TEXT NOT NULL,
  subject TEXT NOT NULL,
  sid     BLOB,
  client  TEXT,
  address TEXT,
  detail  TEXT NOT NULL,
  PRIMARY KEY (node, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_by_time ON audit (at);

CREATE TABLE denied_clients (
  cref   BLOB PRIMARY KEY,
  reason TEXT NOT NULL,
  since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
