//! Page layout, design tokens, components, charts and texts by language.
//!
//! Everything Gabion shows gets its look and its words here: the console's pages and the calm error pages that a shop's
//! customers see. This crate draws; it knows no domain, opens no socket and reads no clock.
//!
//! - [`shell`]: what every console page carries (navigation, banners, who is signed in) and the component vocabulary.
//! - `templates/`: layouts and components for other crates. They put an `askama.toml` with
//!   `[general] dirs = ["templates", "../gabion-page/templates"]` beside their manifest, give each page a field
//!   `shell: &Shell`, and write `{% extends "layout/console.html" %}` or `{% extends "layout/plain.html" %}`,
//!   `{% import "components.html" as ui %}` and `{% block content %}`. The comments in `components.html` list the parts.
//! - [`asset`]: stylesheet, icon and scripts under addresses that change with their content.
//! - [`chart`]: accessible SVG without scripts.
//! - [`format`](mod@format): numbers, sizes and times as people read them.
//! - [`qr`]: addresses as pictures for phones.
//! - [`text`](mod@text): texts by language.
//! - [`error_page`](mod@error_page): what customers see when the shop cannot answer.
//! - [`letter`]: what customers are written.

pub mod asset;
pub mod chart;
pub mod error_page;
pub mod format;
pub mod letter;
pub mod qr;
pub mod shell;
pub mod text;

/// Content security policy of every console page: nothing from elsewhere, nothing inline.
///
/// Pages must not use `style` attributes, `<style>` or inline scripts; classes and SVG presentation attributes are fine.
pub const CONSOLE_CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
