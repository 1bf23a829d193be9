-- The first schema, table by table that of SQLite. Text that rows are put in order by has the order of
-- its bytes, whatever the database's own. Never edited after release: expand, then contract.

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE keyring (
  epoch   BIGINT PRIMARY KEY,  -- 1..255, part of every token
  state   TEXT NOT NULL,                -- staged | active | verifying | retired | burned
  wrapped BYTEA NOT NULL,  -- the epoch's root key under the key-encryption key
  kek_id  TEXT NOT NULL,
  since   BIGINT NOT NULL
);

CREATE TABLE users (
  uid           BYTEA PRIMARY KEY,
  name          TEXT COLLATE "C" NOT NULL,
  name_key      TEXT COLLATE "C" NOT NULL UNIQUE, -- the canonical form that people are found under
  display_name  TEXT NOT NULL,
  email         TEXT,
  state         TEXT NOT NULL,          -- active | disabled
  user_epoch    BIGINT NOT NULL,
  password_hash TEXT,
  created_at    BIGINT NOT NULL
);

CREATE TABLE user_groups (
  gid  BYTEA PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE memberships (
  uid BYTEA NOT NULL,
  gid BYTEA NOT NULL,
  PRIMARY KEY (uid, gid)
);

CREATE TABLE accounts (
  account_id TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  email      TEXT NOT NULL
);

CREATE TABLE roles (
  account_id TEXT NOT NULL,
  role_name  TEXT COLLATE "C" NOT NULL,
  target     TEXT NOT NULL,
  role_arn   TEXT NOT NULL,
  duration   BIGINT NOT NULL,
  PRIMARY KEY (account_id, role_name)
);

CREATE TABLE assignments (
  principal_id BYTEA NOT NULL,  -- a uid or a gid
  account_id   TEXT NOT NULL,
  role_name    TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (principal_id, account_id, role_name)
);

CREATE TABLE web_sessions (
  wid            BYTEA PRIMARY KEY,
  uid            BYTEA NOT NULL,
  user_epoch     BIGINT NOT NULL,
  auth_time      BIGINT NOT NULL,
  address        TEXT NOT NULL,
  user_agent     TEXT,
  created_at     BIGINT NOT NULL,
  idle_exp       BIGINT NOT NULL,
  abs_exp        BIGINT NOT NULL,
  revoked_at     BIGINT
);
CREATE INDEX web_sessions_of_user ON web_sessions (uid);
CREATE INDEX web_sessions_by_end ON web_sessions (abs_exp);

CREATE TABLE devices (
  did            BYTEA PRIMARY KEY,
  cref           BYTEA NOT NULL,
  client_name    TEXT NOT NULL,
  dialect        TEXT NOT NULL,
  scopes         TEXT NOT NULL,
  req_address    TEXT NOT NULL,
  req_agent      TEXT,
  state          TEXT NOT NULL,         -- pending | approved | denied | redeemed
  created_at     BIGINT NOT NULL,
  exp            BIGINT NOT NULL,
  decided_by     BYTEA,
  decided_at     BIGINT,
  decided_auth   BIGINT,
  decided_epoch  BIGINT,
  sid            BYTEA,
  redeemed_at    BIGINT
);
CREATE INDEX devices_by_end ON devices (exp);

CREATE TABLE user_codes (
  uc_mac BYTEA PRIMARY KEY,  -- HMAC of the code, never the code
  did    BYTEA NOT NULL,
  exp    BIGINT NOT NULL
);
CREATE INDEX user_codes_by_end ON user_codes (exp);

CREATE TABLE auth_codes (
  cid          BYTEA PRIMARY KEY,
  cref         BYTEA NOT NULL,
  client_name  TEXT NOT NULL,
  dialect      TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  challenge    TEXT,
  scopes       TEXT NOT NULL,
  uid          BYTEA NOT NULL,
  user_epoch   BIGINT NOT NULL,
  wid          BYTEA NOT NULL,
  auth_time    BIGINT NOT NULL,
  exp          BIGINT NOT NULL,
  fails        BIGINT NOT NULL,
  sid          BYTEA
);
CREATE INDEX auth_codes_by_end ON auth_codes (exp);

CREATE TABLE sessions (
  sid          BYTEA PRIMARY KEY,
  uid          BYTEA NOT NULL,
  user_epoch   BIGINT NOT NULL,
  cref         BYTEA NOT NULL,
  client_name  TEXT NOT NULL,
  dialect      TEXT NOT NULL,
  scopes       TEXT NOT NULL,
  origin       TEXT NOT NULL,           -- device | authorization_code
  secret       BYTEA NOT NULL,  -- the second lock of every token of the session
  gen          BIGINT NOT NULL,
  gen_epoch    BIGINT NOT NULL,
  used_gen     BIGINT NOT NULL,
  rot_at1      BIGINT,
  rot_at2      BIGINT,
  rot_at3      BIGINT,
  rot_at4      BIGINT,
  rot_net      BYTEA,
  late_answers BIGINT NOT NULL,
  auth_time    BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  idle_exp     BIGINT NOT NULL,
  abs_exp      BIGINT NOT NULL,
  revoked_at   BIGINT,
  end_reason   TEXT
) WITH (fillfactor = 70);                -- room for the next generation beside the row
CREATE INDEX sessions_of_user ON sessions (uid, created_at);
CREATE INDEX sessions_by_end ON sessions (abs_exp);

CREATE TABLE throttle (
  key_mac      BYTEA NOT NULL,  -- HMAC of what is counted
  window_start BIGINT NOT NULL,
  count        BIGINT NOT NULL,
  PRIMARY KEY (key_mac, window_start)
);
CREATE INDEX throttle_by_window ON throttle (window_start);

CREATE TABLE audit (
  node    TEXT COLLATE "C" NOT NULL,
  seq     BIGINT NOT NULL,
  at      BIGINT NOT NULL,
  action  TEXT NOT NULL,
  actor   TEXT NOT NULL,
  subject TEXT NOT NULL,
  sid     BYTEA,
  client  TEXT,
  address TEXT,
  detail  TEXT NOT NULL,
  PRIMARY KEY (node, seq)
);

CREATE INDEX audit_by_time ON audit (at);

CREATE TABLE denied_clients (
  cref   BYTEA PRIMARY KEY,
  reason TEXT NOT NULL,
  since  BIGINT NOT NULL
);
