//! Problems as pages.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use gabion_page::shell::Shell;
use gabion_web::plane::ErrorPage;
use gabion_web::{Problem, RequestId};

use crate::Console;

#[derive(Template)]
#[template(path = "error_problem.html")]
struct Page<'a> {
    shell: &'a Shell,
    detail: &'a str,
    code: &'a str,
    request_id: String,
}

pub(crate) fn page(console: Console) -> ErrorPage {
    std::sync::Arc::new(move |problem, id| show(&console, problem, id))
}

fn show(console: &Console, problem: &Problem, id: RequestId) -> Response {
    let title = match problem.status().as_u16() {
        401 => "Please sign in",
        403 => "Not allowed",
        404 => "Nothing here",
        409 => "Changed meanwhile",
        400..=499 => "That did not work",
        503 => "Not possible right now",
        _ => "Something went wrong",
    };
    let shell = Shell { title: title.to_owned(), site_name: console.0.control.name(), ..Shell::default() };
    let page =
        Page { shell: &shell, detail: problem.detail(), code: problem.code(), request_id: id.to_string() };
    match page.render() {
        Ok(html) => problem.answer((problem.status(), Html(html)).into_response()),
        Err(_) => problem.document(Some(&id.to_string())),
    }
}
