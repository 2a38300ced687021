"""The tables of both files, as steps from each version of a schema to the next.

Each store has the index of the design document's data model: posts by `postId`, feeds by `userId`,
comments and likes by `postId`, follows by user from both sides.
"""

_FIRST = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE users (
  user_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  password_hash TEXT,
  followers INTEGER NOT NULL DEFAULT 0,
  followees INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE tokens (
  digest BLOB PRIMARY KEY, user_id INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX tokens_by_expiry ON tokens (expires_at_ms);

CREATE TABLE posts (
  post_id INTEGER PRIMARY KEY,
  author_id INTEGER NOT NULL,
  text TEXT, media_url TEXT, description TEXT,
  hashtags TEXT NOT NULL,
  is_deleted INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX posts_by_author ON posts (author_id, post_id) WHERE is_deleted = 0;
CREATE TABLE post_counts (
  post_id INTEGER PRIMARY KEY,
  likes INTEGER NOT NULL DEFAULT 0,
  comments INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE follows (
  follower_id INTEGER NOT NULL,
  followee_id INTEGER NOT NULL,
  edge_id INTEGER NOT NULL,
  is_settled INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (follower_id, followee_id)
) WITHOUT ROWID;
CREATE INDEX follows_by_follower ON follows (follower_id, edge_id);
CREATE INDEX follows_by_followee ON follows (followee_id, edge_id);
CREATE TABLE pulled_authors (author_id INTEGER PRIMARY KEY);

CREATE TABLE feeds (
  user_id INTEGER PRIMARY KEY,
  floor INTEGER NOT NULL,
  read_at_ms INTEGER NOT NULL,
  tail BLOB NOT NULL DEFAULT x''
);
CREATE INDEX feeds_by_reading ON feeds (read_at_ms);
CREATE INDEX feeds_with_long_tails ON feeds (user_id) WHERE length(tail) > 1024;
CREATE TABLE feed_bodies (user_id INTEGER PRIMARY KEY, entries BLOB NOT NULL);

CREATE TABLE comments (
  comment_id INTEGER PRIMARY KEY,
  post_id INTEGER NOT NULL,
  author_id INTEGER NOT NULL,
  text TEXT NOT NULL,
  parent_id INTEGER
);
CREATE INDEX comments_by_post ON comments (post_id, comment_id);

CREATE TABLE likes (
  post_id INTEGER NOT NULL,
  user_id INTEGER NOT NULL,
  like_id INTEGER NOT NULL,
  reaction TEXT NOT NULL,
  PRIMARY KEY (post_id, user_id)
) WITHOUT ROWID;
CREATE INDEX likes_by_post ON likes (post_id, like_id);

CREATE TABLE notifications (
  notification_id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  actor_id INTEGER NOT NULL,
  post_id INTEGER NOT NULL,
  comment_id INTEGER,
  source TEXT NOT NULL,
  is_read INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX notifications_by_user ON notifications (user_id, notification_id);
CREATE UNIQUE INDEX notifications_by_source ON notifications (user_id, source);

CREATE TABLE events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  kind TEXT NOT NULL,
  user_id INTEGER NOT NULL,
  subject_id INTEGER NOT NULL,
  comment_id INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at_ms INTEGER NOT NULL DEFAULT 0,
  queued_at_ms INTEGER NOT NULL
);
CREATE INDEX events_by_queue ON events (queue, sequence);
CREATE TABLE dead_letters (
  sequence INTEGER PRIMARY KEY,
  queue TEXT NOT NULL,
  kind TEXT NOT NULL,
  user_id INTEGER NOT NULL,
  subject_id INTEGER NOT NULL,
  comment_id INTEGER,
  reason TEXT NOT NULL,
  buried_at_ms INTEGER NOT NULL
);
"""

_IDEMPOTENCY_KEYS = """
CREATE TABLE idempotency_keys (
  digest BLOB PRIMARY KEY,
  fingerprint BLOB NOT NULL,
  reserved_id INTEGER NOT NULL,
  status INTEGER, location TEXT, body BLOB
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (reserved_id);
"""

# Feeds moved to a file of their own; they are built again when they are read.
_FEEDS_ELSEWHERE = """
DROP TABLE feeds;
DROP TABLE feed_bodies;
DELETE FROM pulled_authors;
DELETE FROM settings WHERE name = 'design';
INSERT OR IGNORE INTO settings VALUES ('last_id', '0');
"""

# `orphaned_at_ms` is set while no post shows it.
_MEDIA = """
CREATE TABLE media (
  media_id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  owner_id INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  state TEXT NOT NULL,
  width INTEGER, height INTEGER,
  renditions TEXT NOT NULL,
  poster_key TEXT, playlist_key TEXT, failure TEXT,
  orphaned_at_ms INTEGER
);
CREATE INDEX media_orphans ON media (orphaned_at_ms) WHERE orphaned_at_ms IS NOT NULL;
CREATE INDEX posts_by_media ON posts (media_url) WHERE media_url IS NOT NULL;
"""

# They are counted for each queue every second.
_DEAD_LETTERS_BY_QUEUE = """
CREATE INDEX dead_letters_by_queue ON dead_letters (queue);
"""

_FEEDS = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE feeds (
  user_id INTEGER PRIMARY KEY,
  floor INTEGER NOT NULL,
  read_at_ms INTEGER NOT NULL,
  entries BLOB NOT NULL DEFAULT x''
);
CREATE INDEX feeds_by_reading ON feeds (read_at_ms);
CREATE TABLE feed_tails (bucket_and_number INTEGER PRIMARY KEY, entries BLOB NOT NULL);
"""

# A file at version n gets the steps from the n-th on. A step that was released stays as is.
STEPS = (_FIRST, _IDEMPOTENCY_KEYS, _FEEDS_ELSEWHERE, _MEDIA, _DEAD_LETTERS_BY_QUEUE)
FEEDS_STEPS = (_FEEDS,)
