//! Runs requests through zentinel-modsec and prints what a transaction costs; `cases` says what the arguments are.

#[path = "../cases.rs"]
mod cases;
#[path = "../cost.rs"]
mod cost;

use std::error::Error;

use cases::Request;
use zentinel_modsec::ModSecurity;

fn main() -> Result<(), Box<dyn Error>> {
    cases::measure(|rules| Ok(ModSecurity::from_file(rules)?), ask)
}

/// One transaction, as a proxy runs it: it ends where rules stop it.
fn ask(rules: &ModSecurity, request: &Request) -> Result<bool, Box<dyn Error>> {
    let mut transaction = rules.new_transaction();
    transaction.process_uri(&request.target, &request.method, "HTTP/1.1")?;
    for (name, value) in &request.headers {
        transaction.add_request_header(name, value)?;
    }
    transaction.process_request_headers()?;
    if !transaction.has_intervention() {
        transaction.append_request_body(&request.body)?;
        transaction.process_request_body()?;
    }
    if !transaction.has_intervention() {
        transaction.add_response_header("Content-Type", "application/json")?;
        transaction.process_response_headers()?;
    }
    if !transaction.has_intervention() {
        transaction.process_response_body()?;
    }
    transaction.process_logging()?;
    Ok(transaction.has_intervention())
}
