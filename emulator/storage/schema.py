"""The tables of files, uploads and vector stores; those of the index stand in its own module.

A file is `coming` until its last byte is there, then `kept`; a `gone` one is deleted, but lingers
in searches. A part of an upload is a file, too: `coming`, then a `part` until it is used. `entries`
are the attached files, `batched` says which of them came by which batch, and `place` is the order
in which rows came. Whatever refers to a row is deleted with it.
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS uploads (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL,
    purpose TEXT NOT NULL, status TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    file_expires_after REAL, file_id TEXT
);
CREATE TABLE IF NOT EXISTS files (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, state TEXT NOT NULL DEFAULT 'coming',
    name TEXT NOT NULL DEFAULT '', bytes INTEGER NOT NULL DEFAULT 0,
    purpose TEXT NOT NULL DEFAULT '', created_at REAL NOT NULL, expires_at REAL,
    upload TEXT REFERENCES uploads(id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX IF NOT EXISTS files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS blocks (
    file TEXT NOT NULL REFERENCES files(id) ON DELETE CASCADE ON UPDATE CASCADE,
    number INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (file, number)
);
CREATE TABLE IF NOT EXISTS stores (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, name TEXT NOT NULL, description TEXT,
    metadata TEXT NOT NULL, days INTEGER, created_at REAL NOT NULL, active_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS entries (
    place INTEGER PRIMARY KEY,
    store TEXT NOT NULL REFERENCES stores(id) ON DELETE CASCADE ON UPDATE CASCADE,
    file TEXT NOT NULL REFERENCES files(id) ON DELETE CASCADE ON UPDATE CASCADE,
    created_at REAL NOT NULL, status TEXT NOT NULL, attributes TEXT NOT NULL,
    size INTEGER NOT NULL, overlap INTEGER NOT NULL, error_code TEXT, error_message TEXT,
    usage_bytes INTEGER NOT NULL DEFAULT 0, faults TEXT NOT NULL, ticket TEXT NOT NULL,
    gone_at REAL, UNIQUE (store, file)
);
CREATE INDEX IF NOT EXISTS entries_by_file ON entries (file);
CREATE INDEX IF NOT EXISTS entries_gone ON entries (gone_at) WHERE gone_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS batches (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, created_at REAL NOT NULL,
    store TEXT NOT NULL REFERENCES stores(id) ON DELETE CASCADE ON UPDATE CASCADE,
    is_cancelled INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS batched (
    batch TEXT NOT NULL REFERENCES batches(id) ON DELETE CASCADE ON UPDATE CASCADE,
    store TEXT NOT NULL, file TEXT NOT NULL, UNIQUE (batch, file),
    FOREIGN KEY (store, file) REFERENCES entries(store, file) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX IF NOT EXISTS batched_by_entry ON batched (store, file);
"""
