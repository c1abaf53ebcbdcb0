//! A PostgreSQL database of its own for each test.

use std::sync::atomic::{AtomicU32, Ordering};

/// The server's address without a database, such as `postgres://gabion@127.0.0.1:5432`; databases may be created there.
pub const SERVER: &str = "GABION_TEST_POSTGRES";

/// A fresh database; dropped with its content.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Creates one on the test server; none, with a message, when there is no server.
    ///
    /// # Panics
    /// When the server does not let us.
    #[expect(clippy::print_stdout, reason = "a skipped test says so")]
    pub fn create() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let Ok(server) = std::env::var(SERVER) else {
            println!("skipped: {SERVER} is not set; `cargo xtask test` starts a PostgreSQL");
            return None;
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("gabion_test_{}_{number}", std::process::id());
        let database = Self { server: server.trim_end_matches('/').to_owned(), name };
        database.on_server(format!("CREATE DATABASE {}", database.name));
        Some(database)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Runs statements in it, behind the back of whoever uses it.
    ///
    /// # Panics
    /// When one fails.
    pub fn run(&self, sql: &str) {
        run(self.url(), sql.to_owned());
    }

    fn on_server(&self, sql: String) {
        run(format!("{}/postgres", self.server), sql);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.on_server(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// The driver must not run inside the test's runtime.
fn run(url: String, sql: String) {
    let work = move || postgres::Client::connect(&url, postgres::NoTls)?.batch_execute(&sql);
    std::thread::spawn(work)
        .join()
        .expect("the driver does not panic")
        .expect("the server does as it is told");
}
