-- Counters that several processes share. Lost when the server crashes, which costs nobody more than one burst.
-- Updates stay on their page (fillfactor, no index but the key), so that a busy counter leaves nothing behind.
CREATE UNLOGGED TABLE gabion_counter (
    key BIGINT PRIMARY KEY,
    due BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    allowed BOOLEAN NOT NULL
) WITH (fillfactor = 50);
