-- Machine keys, what may be presented once only, and sessions made from sessions.

CREATE TABLE machine_keys (
  key_id      TEXT PRIMARY KEY,
  application TEXT NOT NULL,
  secret      BYTEA NOT NULL,  -- sealed with the key file's key, bound to key_id
  state       TEXT NOT NULL,  -- active | disabled
  created_at  BIGINT NOT NULL
);

CREATE TABLE replay (
  digest BYTEA PRIMARY KEY,  -- SHA-256 of what was presented, told apart by kind
  exp    BIGINT NOT NULL               -- until when it could be presented again
);
CREATE INDEX replay_by_end ON replay (exp);

ALTER TABLE sessions ADD COLUMN parent BYTEA;  -- the session it was made from, and dies with

CREATE INDEX users_by_email ON users (email);
