//! Which rules the page is read by at a place: those of HTML, or those inside `svg` and `math`.
//!
//! It matters because `<style>` in HTML hides tags up to its end and in `svg` it does not. Outside `svg` and `math`
//! nothing has to be remembered of open elements. Inside, they are, as far as tags say. Where that depends on elements
//! outside, on ends that browsers imply, or on the age of the browser, the place is called ambiguous: a page that
//! hides something from one reader and not from another is of interest by itself.
//!
//! Source: HTML Standard, sections 13.2.6.5 (foreign content) and 13.2.6.4 (where start tags change the tokenizer).

use super::tokens::Content;

/// Elements that may be open inside `svg` or `math`. Drawings nest some dozens.
pub(super) const DEPTH_MAX: usize = 256;
/// Bytes of their names; the longest known one has 19.
const NAMES_BYTES_MAX: usize = 64 * 1024;

/// Start tags of HTML that end `svg` and `math`.
const BREAKOUTS: [&[u8]; 44] = [
    b"b",
    b"big",
    b"blockquote",
    b"body",
    b"br",
    b"center",
    b"code",
    b"dd",
    b"div",
    b"dl",
    b"dt",
    b"em",
    b"embed",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"head",
    b"hr",
    b"i",
    b"img",
    b"li",
    b"listing",
    b"menu",
    b"meta",
    b"nobr",
    b"ol",
    b"p",
    b"pre",
    b"ruby",
    b"s",
    b"small",
    b"span",
    b"strong",
    b"strike",
    b"sub",
    b"sup",
    b"table",
    b"tt",
    b"u",
    b"ul",
    b"var",
];
/// Elements of HTML without an end.
const VOID: [&[u8]; 20] = [
    b"area",
    b"base",
    b"basefont",
    b"bgsound",
    b"br",
    b"col",
    b"embed",
    b"frame",
    b"hr",
    b"image",
    b"img",
    b"input",
    b"keygen",
    b"link",
    b"meta",
    b"param",
    b"source",
    b"spacer",
    b"track",
    b"wbr",
];

/// Whose element it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    Html,
    Svg,
    Math,
}

/// What may be in an element of `svg` or `math` as if it were outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Point {
    Nothing,
    /// HTML.
    Html,
    /// HTML but for two elements.
    MathText,
    /// An `svg`.
    Annotation,
}

#[derive(Clone, Copy)]
struct Open {
    namespace: Namespace,
    point: Point,
    /// Where its name begins in [`Ground::names`].
    name: usize,
}

/// What of a start tag decides where it goes.
pub(super) struct Start<'a> {
    /// In lower case.
    pub(super) name: &'a [u8],
    pub(super) is_self_closing: bool,
    /// Whether it has `color`, `face` or `size`.
    pub(super) has_font: bool,
    /// Whether its `encoding` is that of a page.
    pub(super) is_annotation_of_html: bool,
}

/// See above.
#[derive(Default)]
pub(super) struct Ground {
    /// Open elements from the outermost `svg` or `math` on; empty in HTML.
    open: Vec<Open>,
    names: Vec<u8>,
    /// The place in `open` of a script of `svg` or `math`.
    script: Option<usize>,
    has_select: bool,
    has_frameset: bool,
    /// A template has begun, and nothing in it says yet what it is for.
    has_template: bool,
    /// Browsers may read something else from some place on.
    pub(super) is_ambiguous: bool,
    /// More is open than [`DEPTH_MAX`] and [`NAMES_BYTES_MAX`].
    pub(super) is_too_deep: bool,
}

impl Ground {
    /// Whether `<![CDATA[` is known here.
    pub(super) fn is_foreign(&self) -> bool {
        self.open.last().is_some_and(|open| open.namespace != Namespace::Html)
    }

    /// Whether a script of `svg` or `math` is open.
    pub(super) fn has_script(&self) -> bool {
        self.script.is_some()
    }

    /// A start tag: whose element it makes, and how what follows is read.
    pub(super) fn start(&mut self, tag: &Start<'_>) -> (Namespace, Content) {
        let Some(namespace) = self.foreign_at_start(tag.name) else { return self.start_html(tag) };
        if BREAKOUTS.contains(&tag.name) || (tag.name == b"font" && tag.has_font) {
            self.leave();
            return self.start_html(tag);
        }
        let point = match (namespace, tag.name) {
            (Namespace::Svg, b"foreignobject" | b"desc" | b"title") => Point::Html,
            (Namespace::Math, b"mi" | b"mo" | b"mn" | b"ms" | b"mtext") => Point::MathText,
            (Namespace::Math, b"annotation-xml") if tag.is_annotation_of_html => Point::Html,
            (Namespace::Math, b"annotation-xml") => Point::Annotation,
            _ => Point::Nothing,
        };
        self.push(tag, namespace, point);
        (namespace, Content::Markup)
    }

    /// An end tag, not one that ends raw text; its name in lower case.
    pub(super) fn end(&mut self, name: &[u8]) {
        if !self.is_foreign() {
            self.has_select &= name != b"select";
            return self.end_html(name);
        }
        if matches!(name, b"br" | b"p") {
            return self.leave();
        }
        let foreign = self.open.iter().rposition(|open| open.namespace == Namespace::Html);
        let first = foreign.map_or(0, |html| html + 1);
        match (first..self.open.len()).rev().find(|place| self.name(*place) == name) {
            Some(place) => self.truncate(place),
            // It ends an element around the `svg` or `math`, if one is open that has this name.
            None => {
                self.is_ambiguous = true;
                self.truncate(first);
            }
        }
    }

    /// An end tag where HTML stands inside `svg` or `math`.
    fn end_html(&mut self, name: &[u8]) {
        let Some(last) = self.open.len().checked_sub(1) else { return };
        if self.name(last) != name {
            self.is_ambiguous = true;
        }
        let mut inner = (0..=last).rev().take_while(|place| self.open[*place].namespace == Namespace::Html);
        if let Some(place) = inner.find(|place| self.name(*place) == name) {
            self.truncate(place);
        }
    }

    /// Whose rules a start tag follows; `None` for those of HTML.
    fn foreign_at_start(&self, name: &[u8]) -> Option<Namespace> {
        let open = self.open.last()?;
        let is_html = match open.point {
            Point::Html => true,
            Point::MathText => !matches!(name, b"mglyph" | b"malignmark"),
            Point::Annotation => name == b"svg",
            Point::Nothing => open.namespace == Namespace::Html,
        };
        (!is_html).then_some(open.namespace)
    }

    fn start_html(&mut self, tag: &Start<'_>) -> (Namespace, Content) {
        let content = match tag.name {
            b"script" => Content::Raw(b"script"),
            b"style" => Content::Raw(b"style"),
            b"title" => Content::Raw(b"title"),
            b"textarea" => Content::Raw(b"textarea"),
            // With scripting on, and that is where scripts matter, its content is text.
            b"noscript" => Content::Raw(b"noscript"),
            b"iframe" => Content::Raw(b"iframe"),
            b"xmp" => Content::Raw(b"xmp"),
            b"noembed" => Content::Raw(b"noembed"),
            b"noframes" => Content::Raw(b"noframes"),
            b"plaintext" => Content::Plain,
            _ => Content::Markup,
        };
        self.look_for_ambiguity(tag.name, content);
        match tag.name {
            b"svg" => self.push(tag, Namespace::Svg, Point::Nothing),
            b"math" => self.push(tag, Namespace::Math, Point::Nothing),
            name if content == Content::Markup && !self.open.is_empty() && !VOID.contains(&name) => {
                let tag = Start { is_self_closing: false, ..*tag };
                self.push(&tag, Namespace::Html, Point::Nothing);
            }
            _ => {}
        }
        match tag.name {
            b"svg" => (Namespace::Svg, content),
            b"math" => (Namespace::Math, content),
            _ => (Namespace::Html, content),
        }
    }

    /// Browsers ignore some start tags at some places, and then what follows is no text. Which ones inside `select`
    /// depends on their age.
    fn look_for_ambiguity(&mut self, name: &[u8], content: Content) {
        let is_raw = content != Content::Markup;
        self.is_ambiguous |= match name {
            b"script" | b"textarea" => self.has_frameset,
            b"svg" | b"math" => self.has_select || self.has_frameset,
            b"template" => self.has_select,
            b"col" => self.has_template,
            b"noframes" => self.has_select,
            _ => is_raw && (self.has_select || self.has_frameset),
        };
        match name {
            b"select" => self.has_select = !self.has_select,
            b"input" => self.has_select = false,
            b"frameset" => self.has_frameset = true,
            b"template" => self.has_template = true,
            _ => {}
        }
        // What may stand in a head leaves it open what a template is for; a column comes first or not at all.
        let leaves_open = matches!(
            name,
            b"base"
                | b"basefont"
                | b"bgsound"
                | b"link"
                | b"meta"
                | b"noframes"
                | b"script"
                | b"style"
                | b"template"
                | b"title"
        );
        self.has_template &= leaves_open;
    }

    /// Leaves `svg` or `math` as far as to the next HTML.
    fn leave(&mut self) {
        let is_html = |open: &Open| {
            open.namespace == Namespace::Html || matches!(open.point, Point::Html | Point::MathText)
        };
        let place = self.open.iter().rposition(is_html).map_or(0, |place| place + 1);
        self.truncate(place);
    }

    fn push(&mut self, tag: &Start<'_>, namespace: Namespace, point: Point) {
        if tag.is_self_closing {
            return;
        }
        if self.open.len() == DEPTH_MAX || self.names.len() + tag.name.len() > NAMES_BYTES_MAX {
            self.is_too_deep = true;
            return;
        }
        if tag.name == b"script" {
            self.script = Some(self.open.len());
        }
        self.open.push(Open { namespace, point, name: self.names.len() });
        self.names.extend_from_slice(tag.name);
    }

    fn truncate(&mut self, length: usize) {
        if let Some(first) = self.open.get(length) {
            self.names.truncate(first.name);
        }
        self.open.truncate(length);
        self.script = self.script.filter(|place| *place < length);
    }

    fn name(&self, place: usize) -> &[u8] {
        let end = self.open.get(place + 1).map_or(self.names.len(), |next| next.name);
        &self.names[self.open[place].name..end]
    }
}
