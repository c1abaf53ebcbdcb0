//! What happens at a start tag and at an end tag.

use super::State;
use super::ground::{Namespace, Start};
use super::tag::{Attributes, Kind, Lower, may_hold_script};

/// Bytes of `<script`: what is put into a script's tag goes behind them, where it wins over what the tag says later.
const SCRIPT_BYTES: u64 = 7;

impl State {
    /// Looks at the start tag that the tokenizer has.
    pub(super) fn tag_starts(&mut self) {
        let Self { tokenizer, ground, inventory, output } = self;
        let tag = tokenizer.tag();
        let range = tag.range();
        let raw = &output.held[range.clone()];
        let lower = Lower::of(tag.name(raw));
        let name = lower.as_bytes();
        let has = |known: &str| tag.attributes.iter().any(|attribute| attribute.known == Some(known));
        let had_script = ground.has_script();
        let (namespace, content) = ground.start(&Start {
            name,
            is_self_closing: tag.is_self_closing,
            has_font: name == b"font" && ["color", "face", "size"].into_iter().any(has),
            is_annotation_of_html: name == b"annotation-xml"
                && Attributes::of(tag, raw, inventory.encoding()).is_of_html(),
        });
        tokenizer.enter(content);
        if had_script && !ground.has_script() {
            inventory.script_ends(output);
        }
        let tag = tokenizer.tag();
        let raw = &output.held[range.clone()];
        let kind = Kind::of(name);
        let may_hold_script = may_hold_script(tag, raw);
        let attributes =
            (kind != Kind::Other || may_hold_script).then(|| Attributes::of(tag, raw, inventory.encoding()));
        let place = output.start + range.start as u64..output.start + range.end as u64;
        if !inventory.has_head {
            inventory.put_into_head(kind, &place, output);
        }
        let Some(attributes) = attributes else { return };
        if may_hold_script {
            inventory.handlers(name, &attributes);
        }
        match kind {
            Kind::Script => {
                let is_svg = namespace == Namespace::Svg;
                let seam = place.start + SCRIPT_BYTES;
                inventory.script(&attributes, is_svg, place.start, seam, output);
                if namespace != Namespace::Html && tag.is_self_closing {
                    inventory.script_ends(output);
                }
            }
            Kind::Form => inventory.form(&attributes),
            Kind::Base => inventory.base(&attributes),
            Kind::Field => inventory.field(name, &attributes),
            Kind::Button => inventory.action(attributes.get("formaction")),
            Kind::Frame => inventory.frame(name, &attributes),
            Kind::Media => inventory.media(&attributes),
            Kind::Link => inventory.link(&attributes),
            Kind::Meta => inventory.meta(&attributes),
            Kind::Html | Kind::Head | Kind::Other => {}
        }
    }

    /// Looks at the end tag that the tokenizer has.
    pub(super) fn tag_ends(&mut self, ends_raw_text: bool) {
        let Self { tokenizer, ground, inventory, output } = self;
        let tag = tokenizer.tag();
        let lower = Lower::of(tag.name(&output.held[tag.range()]));
        let name = lower.as_bytes();
        let had_script = ground.has_script();
        if !ends_raw_text {
            ground.end(name);
        }
        if (ends_raw_text && name == b"script") || (had_script && !ground.has_script()) {
            inventory.script_ends(output);
        }
        if name == b"form" {
            inventory.form_ends();
        }
    }
}
