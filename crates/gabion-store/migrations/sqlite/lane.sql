CREATE TABLE IF NOT EXISTS gabion_event (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    site TEXT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT,
    subject_key TEXT,
    entities TEXT NOT NULL,
    fields TEXT NOT NULL,
    sealed INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS gabion_event_kind ON gabion_event (kind, position);

CREATE TABLE IF NOT EXISTS gabion_event_entity (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (kind, id, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS gabion_event_entity_event ON gabion_event_entity (event);
