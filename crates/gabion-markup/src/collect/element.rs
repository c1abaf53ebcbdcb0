//! What happens at a start tag.

use std::sync::{Arc, Mutex};

use lol_html::HandlerResult;
use lol_html::html_content::EndTag;
use lol_html::send::Element;

use super::tag::{Attributes, Kind, may_hold_script, name};
use super::{State, lock};

/// Bytes of `<script`: what is put into a script's tag goes behind them, where it wins over what the tag says later.
const SCRIPT_BYTES: u64 = 7;
const SVG: &str = "http://www.w3.org/2000/svg";

/// Looks at the start tag of `found`, and sees to it that its end is heard of where that matters.
pub(super) fn start(state: &Arc<Mutex<State>>, found: &mut Element<'_, '_>) -> HandlerResult {
    let range = found.source_location().bytes();
    let mut locked = lock(state);
    let State { inventory, output } = &mut *locked;
    let raw = output.raw(&range);
    let kind = Kind::of(raw);
    let may_hold_script = may_hold_script(raw);
    let is_interesting = kind != Kind::Other || may_hold_script;
    if !inventory.has_head {
        inventory.put_into_head(kind, &range, output);
    }
    if !is_interesting {
        return Ok(());
    }
    let element = String::from_utf8_lossy(name(output.raw(&range))).to_ascii_lowercase();
    let attributes = Attributes::of(found, output, inventory.encoding());
    if may_hold_script {
        inventory.handlers(&element, &attributes);
    }
    match kind {
        Kind::Script => {
            let is_svg = found.namespace_uri() == SVG;
            let tag = range.start as u64;
            let is_open = found.can_have_content();
            inventory.script(&attributes, is_svg, tag, tag + SCRIPT_BYTES, output);
            if is_open {
                let state = Arc::clone(state);
                return on_end(found, move || lock(&state).script_ends());
            }
            inventory.script_ends(output);
        }
        Kind::Form => {
            inventory.form(&attributes);
            if found.can_have_content() {
                let state = Arc::clone(state);
                return on_end(found, move || lock(&state).inventory.form_ends());
            }
        }
        Kind::Base => inventory.base(&attributes),
        Kind::Field => inventory.field(&element, &attributes),
        Kind::Button => inventory.action(attributes.get("formaction")),
        Kind::Frame => inventory.frame(element, &attributes),
        Kind::Media => inventory.media(&attributes),
        Kind::Link => inventory.link(&attributes),
        Kind::Meta => inventory.meta(&attributes),
        Kind::Html | Kind::Head | Kind::Other => {}
    }
    Ok(())
}

fn on_end(found: &mut Element<'_, '_>, then: impl FnOnce() + Send + 'static) -> HandlerResult {
    found.on_end_tag(Box::new(move |_: &mut EndTag<'_>| {
        then();
        Ok(())
    }))
}
