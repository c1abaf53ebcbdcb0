CREATE TABLE IF NOT EXISTS products (
    slug TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    tagline TEXT NOT NULL,
    description TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    stock INTEGER NOT NULL CHECK (stock >= 0)
) STRICT;
CREATE TABLE IF NOT EXISTS customers (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    token TEXT PRIMARY KEY,
    customer INTEGER REFERENCES customers (id),
    seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_age ON sessions (seen_at);
CREATE TABLE IF NOT EXISTS cart_lines (
    session TEXT NOT NULL REFERENCES sessions (token) ON DELETE CASCADE,
    product TEXT NOT NULL REFERENCES products (slug),
    quantity INTEGER NOT NULL,
    PRIMARY KEY (session, product)
) STRICT;
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY,
    customer INTEGER REFERENCES customers (id),
    placed_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    street TEXT NOT NULL,
    town TEXT NOT NULL,
    postcode TEXT NOT NULL,
    country TEXT NOT NULL,
    payment TEXT NOT NULL,
    shipping_cents INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS orders_by_customer ON orders (customer, number);
CREATE TABLE IF NOT EXISTS order_lines (
    order_number INTEGER NOT NULL REFERENCES orders (number),
    product TEXT NOT NULL REFERENCES products (slug),
    name TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    price_cents INTEGER NOT NULL,
    PRIMARY KEY (order_number, product)
) STRICT;
CREATE TABLE IF NOT EXISTS reviews (
    id INTEGER PRIMARY KEY,
    product TEXT NOT NULL REFERENCES products (slug),
    author TEXT NOT NULL,
    rating INTEGER NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    picture TEXT,
    written_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS reviews_by_product ON reviews (product, id);
CREATE TABLE IF NOT EXISTS uploads (
    name TEXT PRIMARY KEY,
    content_type TEXT NOT NULL
) STRICT;
