//! The demo: Tidewater Tea, a small, real and deliberately naive shop.
//!
//! `gabion demo` starts it as a child process and stands in front of it, so that there is something to protect.
//! It never faces a network: it binds loopback only, refuses foreign `Host` names (DNS rebinding), keeps
//! everything it writes inside one throwaway folder, and bounds bodies, uploads, sessions, sockets and queries.
//!
//! # Deliberately naive
//!
//! These are the mistakes real shops make. Each is marked in the code by a comment "Deliberately naive".
//!
//! | mistake | request that shows it |
//! |---|---|
//! | search builds SQL from text | `GET /search?q=zzz' UNION SELECT 'x', email, password_hash, 0 FROM customers --` |
//! | database errors are shown to everybody | `GET /search?q='` |
//! | review text is not escaped | `POST /products/{slug}/reviews` with `text=<script>alert(1)</script>` |
//! | a path is joined from a parameter | `GET /download?file=../config/shop.conf` |
//! | sign-in attempts are not counted | `POST /account/sign-in` for `nora@example.com` until `sunshine` fits |
//! | passwords are kept as an unsalted checksum | the search request above |
//! | order numbers are a sequence, order pages ask for no one | `GET /orders/1007` |
//! | an upload keeps the client's file name and type | `POST /products/{slug}/reviews` with `picture` as `x.html`, `text/html` |
//! | forms carry no anti-forgery token | a form on another page that posts to `/cart` |
//! | the session cookie is plain and survives sign-in | `document.cookie` in a review's script |
//! | card fields stand in the shop's own page | `GET /checkout` with something in the cart |
//! | banner headers name product and version | `HEAD /` answers `Server` and `X-Powered-By` |
//!
//! The traversal leaves the guides' folder but never the throwaway folder; the secrets it finds there are made up.

mod art;
mod catalog;
mod db;
mod fault;
mod folder;
mod format;
mod guard;
mod live;
mod page;
mod seed;
mod server;
mod store;
mod visitor;

pub use server::{DEFAULT_HOSTS, Shop, ShopConfig, ShopError};
