CREATE TABLE IF NOT EXISTS gabion_migration (
    domain TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (domain, version)
) STRICT;
-- One row per role of which only one process may have it. Every start raises the epoch.
CREATE TABLE IF NOT EXISTS gabion_lease (
    name TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    holder TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    probes INTEGER NOT NULL
) STRICT;
