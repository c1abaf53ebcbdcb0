//! Stylesheet, script, icon and pictures: all compiled in.

use axum::extract::Path;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::fault::Fault;
use crate::{art, catalog};

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// `GET /static/{file}`
pub(crate) async fn file(Path(file): Path<String>) -> Result<Response, Fault> {
    match file.as_str() {
        "shop.css" => Ok(answer(CSS, include_str!("../../static/shop.css").to_owned())),
        "live.js" => Ok(answer(JAVASCRIPT, include_str!("../../static/live.js").to_owned())),
        "checkout.js" => Ok(answer(JAVASCRIPT, include_str!("../../static/checkout.js").to_owned())),
        "icon.svg" => Ok(answer(SVG, include_str!("../../static/icon.svg").to_owned())),
        _ => Err(Fault::NotFound),
    }
}

/// `GET /pay/pay.js`: the script of the made-up payment provider, shared with every origin: browsers then say what it
/// was.
pub(crate) async fn provider() -> Response {
    let script = answer(JAVASCRIPT, include_str!("../../static/pay.js").to_owned());
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], script).into_response()
}

/// `GET /pay/methods.json`: what the provider's script asks for, from whatever page it runs on.
pub(crate) async fn methods() -> Response {
    let body = r#"{"provider":"Harbor Pay","takes":["Tidecard","Longshore","Buoy"]}"#;
    let headers = [(ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (CONTENT_TYPE, "application/json")];
    (headers, body).into_response()
}

/// `GET /static/art/{file}`: the hero by day or night, or `{slug}.svg`
pub(crate) async fn art(Path(file): Path<String>) -> Result<Response, Fault> {
    match file.strip_suffix(".svg").ok_or(Fault::NotFound)? {
        "hero-day" => Ok(answer(SVG, art::hero_day())),
        "hero-night" => Ok(answer(SVG, art::hero_night())),
        slug => Ok(answer(SVG, art::product(catalog::item(slug).ok_or(Fault::NotFound)?))),
    }
}

fn answer(content_type: &'static str, body: String) -> Response {
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, "public, max-age=600")], body).into_response()
}
