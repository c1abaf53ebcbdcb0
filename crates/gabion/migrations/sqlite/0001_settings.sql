CREATE TABLE settings_version (
    number      INTEGER NOT NULL PRIMARY KEY,
    at          INTEGER NOT NULL,
    author      TEXT   NOT NULL,
    author_name TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    changes     TEXT   NOT NULL,
    overlay     TEXT   NOT NULL
) STRICT;
