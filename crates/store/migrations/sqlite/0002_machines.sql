-- Machine keys, what may be presented once only, and sessions made from sessions.

CREATE TABLE machine_keys (
  key_id      TEXT PRIMARY KEY,
  application TEXT NOT NULL,
  secret      BLOB NOT NULL,            -- sealed with the key file's key, bound to key_id
  state       TEXT NOT NULL,            -- active | disabled
  created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE replay (
  digest BLOB PRIMARY KEY,              -- SHA-256 of what was presented, told apart by kind
  exp    INTEGER NOT NULL               -- until when it could be presented again
) STRICT, WITHOUT ROWID;
CREATE INDEX replay_by_end ON replay (exp);

ALTER TABLE sessions ADD COLUMN parent BLOB;  -- the session it was made from, and dies with

CREATE INDEX users_by_email ON users (email);
