//! What the collector finds, held against a parser that builds the tree of a page as browsers do.
//!
//! Either both find the same, or the page says that browsers may read it in different ways.

use std::cell::{Cell, RefCell};

use gabion_markup::page::ScriptSource;
use gabion_markup::{Address, Collector, ContentHash, Page, Partial, Rewrite};
use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use markup5ever_rcdom::{Handle, RcDom};
use proptest::prelude::*;

/// What a page hands to the browser, as far as both say it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Elements, names of attributes, and what they say.
    handlers: Vec<(String, String, ContentHash)>,
    /// The text of an inline script in HTML; `None` of others.
    scripts: Vec<Option<ContentHash>>,
    forms: Vec<String>,
    frames: Vec<String>,
}

/// Notes what passes on its way to the tree.
struct Witness {
    tree: TreeBuilder<Handle, RcDom>,
    found: RefCell<Found>,
    /// The text of the script that is open.
    text: RefCell<Option<String>>,
    /// Whether that text is compared: in a drawing it may have elements, and one that is loaded has none that counts.
    is_compared: Cell<bool>,
}

impl TokenSink for Witness {
    type Handle = Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Handle> {
        let started = match &token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => Some(tag.clone()),
            Token::TagToken(tag) if &*tag.name == "script" => {
                self.script_ends();
                None
            }
            Token::CharacterTokens(text) => {
                self.say(text);
                None
            }
            Token::NullCharacterToken => {
                self.say("\u{fffd}");
                None
            }
            _ => None,
        };
        let result = self.tree.process_token(token, line);
        if let Some(tag) = started {
            self.started(&tag);
        }
        result
    }

    fn end(&self) {
        self.script_ends();
        self.tree.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.tree.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

impl Witness {
    fn say(&self, text: &str) {
        if let Some(open) = &mut *self.text.borrow_mut() {
            open.push_str(text);
        }
    }

    fn script_ends(&self) {
        let Some(text) = self.text.borrow_mut().take() else { return };
        let hash = self.is_compared.get().then(|| ContentHash::of(text.as_bytes()));
        self.found.borrow_mut().scripts.push(hash);
    }

    fn started(&self, tag: &Tag) {
        let element = &*tag.name;
        let value = |name: &str| {
            let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
            found.map(|attribute| attribute.value.to_string())
        };
        if element == "script" {
            self.script_ends();
            let is_foreign = self.adjusted_current_node_present_but_not_in_html_namespace();
            self.is_compared.set(!is_foreign && value("src").is_none());
            *self.text.borrow_mut() = Some(String::new());
        }
        let found = &mut *self.found.borrow_mut();
        for attribute in tag.attrs.iter().filter(|attribute| attribute.name.local.starts_with("on")) {
            let (name, value) = (attribute.name.local.to_string(), attribute.value.as_bytes());
            found.handlers.push((element.to_owned(), name, ContentHash::of(value)));
        }
        match element {
            "form" => {
                let name = value("name").or_else(|| value("id"));
                found.forms.extend(name.filter(|name| !name.is_empty()));
            }
            "iframe" | "frame" | "object" | "embed" => found.frames.push(element.to_owned()),
            _ => {}
        }
    }
}

fn as_browsers(page: &str) -> Found {
    let tree = TreeBuilder::new(RcDom::default(), TreeBuilderOpts::default());
    let witness =
        Witness { tree, found: RefCell::default(), text: RefCell::default(), is_compared: Cell::default() };
    let tokenizer = Tokenizer::new(witness, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(page));
    while let TokenizerResult::Script(_) | TokenizerResult::EncodingIndicator(_) = tokenizer.feed(&input) {}
    tokenizer.end();
    tokenizer.sink.found.take()
}

fn collect(page: &str, cut: usize) -> Page {
    let address = Address::parse("https://shop.example/").expect("an address");
    let mut collector = Collector::new(&address, Some("utf-8"), Rewrite::default());
    let mut out = Vec::new();
    page.as_bytes().chunks(cut).for_each(|piece| collector.write(piece, &mut out));
    let found = collector.finish(&mut out);
    assert!(out == page.as_bytes(), "the page was changed");
    found
}

/// What the collector found; of the text of scripts, what is compared with `expected`.
fn as_found(page: &Page, expected: &Found) -> Found {
    let script = |(at, script): (usize, &gabion_markup::page::Script)| match &script.source {
        ScriptSource::Inline(inline) if !matches!(expected.scripts.get(at), Some(None)) => Some(inline.hash),
        _ => None,
    };
    // The others are `javascript:` addresses, which have their own test.
    let handlers = page.handlers.iter().filter(|handler| handler.attribute.starts_with("on"));
    Found {
        handlers: handlers
            .map(|handler| (handler.element.clone(), handler.attribute.clone(), handler.hash))
            .collect(),
        scripts: page.scripts.iter().enumerate().map(script).collect(),
        forms: page.forms.iter().map(|form| form.name.clone()).filter(|name| !name.is_empty()).collect(),
        frames: page.frames.iter().map(|frame| frame.element.clone()).collect(),
    }
}

/// Both find the same in a page that every browser reads the same.
#[track_caller]
fn check(page: &str) {
    let expected = as_browsers(page);
    for cut in [1, 3, page.len()] {
        let found = collect(page, cut);
        assert_eq!(as_found(&found, &expected), expected, "{page:?} in pieces of {cut}");
        assert!(!found.partial.contains(&Partial::Ambiguous), "{page:?}");
    }
}

/// The page says of itself that it may be read in different ways.
#[track_caller]
fn check_ambiguous(page: &str) {
    for cut in [1, 3, page.len()] {
        assert!(collect(page, cut).partial.contains(&Partial::Ambiguous), "{page:?} in pieces of {cut}");
    }
}

#[test]
fn attributes_begin_and_end_where_they_do_in_browsers() {
    for page in [
        "<a onclick=1 ONCLICK=2 onclick>",
        "<a onclick='1'onload=\"2\"onerror=3>",
        "<a/onclick/onload=/2/>",
        "<a =onclick=1 onclick =\n2 onload= >",
        "<a onclick=a'b\"c=d`e<f oncut=\"a>b\">",
        "<a 'onclick=1' onload=1>",
        "<a onclick=1/><a onclick=\"1\"/onload=2 / >",
        "<a\x0conclick=1\toncopy=2\roncut=3>",
        "<a on\0click=1 onclick=a\0b>",
        "<a\0b onclick=1><A\0B onclick=2>",
        "<a onclick='a\r\nb\rc\n'>",
        "<a onclick='&amp;&ampx&amp=&lt;&quot;&#39;&#x27&#128;&#0;'>",
        "<a onclick=<b onclick=1>",
        "< a onclick=1><1 onclick=1></ onclick><a onclick=1>",
        "</a onclick=1><a onclick=2>",
        "<é onclick=1><aé onclick=2>",
        "<a onclick=1",
        "<a onclick='1>",
        "<a onclick=1><",
        "<a onclick=1></",
    ] {
        check(page);
    }
}

#[test]
fn comments_end_where_they_do_in_browsers() {
    for end in
        ["-->", "--!>", "--->", "---!>", "->", "--", "--!-->", "-- >", "--!", "<!-->", "<!->", "<!--!>"]
    {
        check(&format!("<!--{end}<a onclick=1>--><b onclick=2>"));
        check(&format!("<!--x{end}<a onclick=1>--><b onclick=2>"));
    }
    for page in [
        "<!><a onclick=1>",
        "<!-><a onclick=1>",
        "<!doctype html \"><a onclick=1>\"><b onclick=2>",
        "<![CDATA[><a onclick=1>]]><b onclick=2>",
        "<?x ?><a onclick=1>?><b onclick=2>",
        "</><a onclick=1></ x><b onclick=2>",
        "<!--<a onclick=1>",
        "<!-",
    ] {
        check(page);
    }
}

#[test]
fn scripts_end_where_they_do_in_browsers() {
    for text in [
        "a</scriptx></script",
        "a</SCRIPT\n",
        "a</script/",
        "a</script x='>",
        "<!--</script>",
        "<!--<script></script>b-->c</script>",
        "<!--<script>-->b</script>",
        "<!--<script </script >b</script>",
        "<!--<script/</script/b</script>",
        "<!--<scripty></script>",
        "<!-->b<script></script>",
        "<!--->b<script></script>",
        "<!-- --!><script></script>b</script>",
        "<!--<script></script</script >b</script>",
        "<!--<script>--!></script>b--></script>",
        "<!-<script></script>",
        "a\0b\r\nc\rd</script>",
        "<!--",
        "a</scr",
        "a<",
    ] {
        check(&format!("<script>{text}><a onclick=1>"));
        check(&format!("<script>{text}"));
    }
    check("<script/><a onclick=1></script/><b onclick=2>");
}

#[test]
fn text_that_hides_tags_hides_them_as_in_browsers() {
    for name in ["style", "title", "textarea", "noscript", "iframe", "xmp", "noembed", "noframes"] {
        check(&format!(
            "<{name}><a onclick=1><script>x</script><!--</{name}x></{name}><b onclick=2>--></{name}>"
        ));
        check(&format!("<{name} onclick=0 /><a onclick=1></{} x><b onclick=2>", name.to_uppercase()));
        check(&format!("<body><{name}><a onclick=1>"));
    }
    check("<plaintext onclick=1><a onclick=2></plaintext><b onclick=3>");
    check("<template><script>x</script><style><a onclick=1></style></template><b onclick=2>");
}

#[test]
fn drawings_and_formulas_are_read_by_their_own_rules() {
    for page in [
        "<svg><style><a onclick=1></style></svg><style><b onclick=2></style>",
        "<svg><title><style><a onclick=1></style></title><style><b onclick=2></svg>",
        "<svg><desc><div><style><a onclick=1></style></div></desc></svg><a onclick=2>",
        "<svg><style><p onclick=1><style><b onclick=2></style>",
        "<svg><style><font onclick=1><b onclick=2></style>",
        "<svg><font color=1><style><b onclick=2></style>",
        "<svg><g><path onclick=1 /><script>a<b onclick=2>c</script><script/></g></svg><script>d<e</script>",
        "<svg/><style><a onclick=1></style>",
        "<svg><style/><a onclick=1></svg><style/><b onclick=2></style>",
        "<svg><![CDATA[<a onclick=1>]]>]]><a onclick=2>]]></svg><![CDATA[<a onclick=3>]]>",
        "<svg><![CDATA[]]]><a onclick=1>]]><a onclick=2>",
        "<svg><foreignObject><![CDATA[<a onclick=1>]]></foreignObject></svg>",
        "<svg><foreignObject><div><![CDATA[<a onclick=1>]]></div></foreignObject></svg>",
        "<svg><g></p><style><a onclick=1></style>",
        "<math><mi><style><a onclick=1></style></mi><style><b onclick=2></style></math>",
        "<math><mi><mglyph><style><a onclick=1></style></mglyph></mi></math>",
        "<math><annotation-xml><style><a onclick=1></style></annotation-xml></math>",
        "<math><annotation-xml encoding=text/HTML><style><a onclick=1></style></annotation-xml></math>",
        "<math><annotation-xml><svg><style><a onclick=1></style></svg></annotation-xml></math>",
        "<math><script>a<b onclick=1></script><script>c</script></math>",
        "<svg><foreignobject><svg><style><a onclick=1></style></svg></foreignobject></svg><style><b onclick=2></style>",
        "<svg><foreignobject><img onclick=0><p><style><a onclick=1></style></p></foreignobject></svg>",
        "<table><tr><td><svg><style><a onclick=1></style></svg></table><style><b onclick=2></style>",
    ] {
        check(page);
    }
}

#[test]
fn places_that_browsers_may_read_differently_are_told() {
    for page in [
        "<select><style><script>x</script></style></select>",
        "<select><option><iframe><script>x</script></iframe></select>",
        "<select><svg><style><script>x</script></style></svg></select>",
        "<select><template></select></template><style>x</style></select>",
        "<template><col><style></template><script>x</script></style>",
        "<frameset><style><frame src=//evil.example></style>",
        "<div><svg><g></div><style><script>x</script></style>",
        "<svg><foreignobject><p></foreignobject></svg><style><script>x</script></style>",
    ] {
        check_ambiguous(page);
    }
    for page in [
        "<select><option onclick=1>a<option onclick=2>b</select><style><a onclick=1></style>",
        "<select><script>x</script></select><textarea><a onclick=1></textarea>",
        "<template><table><col></table></template><style><a onclick=1></style>",
    ] {
        check(page);
    }
}

const NASTY: [&str; 78] = [
    "<script>",
    "</script>",
    "</script ",
    "<script src=a>",
    "<SCRIPT/>",
    "<!--",
    "-->",
    "--!>",
    "->",
    "-",
    "!",
    "<!",
    "<style>",
    "</style>",
    "<title>",
    "</title>",
    "<textarea>",
    "</textarea>",
    "<noscript>",
    "</noscript>",
    "<iframe src=a>",
    "</iframe>",
    "<xmp>",
    "</xmp>",
    "<svg>",
    "</svg>",
    "<svg/>",
    "<math>",
    "</math>",
    "<mi>",
    "</mi>",
    "<g>",
    "</g>",
    "<desc>",
    "</desc>",
    "<foreignObject>",
    "</foreignObject>",
    "<annotation-xml>",
    "<annotation-xml encoding='text/html'>",
    "</annotation-xml>",
    "<![CDATA[",
    "]]>",
    "<select>",
    "</select>",
    "<option>",
    "<template>",
    "</template>",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<p>",
    "</p>",
    "<div onclick=1>",
    "</div>",
    "<a onclick='2'",
    "<b/onclick=\"3\"",
    "<path onclick=4 />",
    "<font color=1>",
    "<font>",
    ">",
    "<",
    "</",
    "/",
    "'",
    "\"",
    "=",
    " ",
    "\n",
    "\r",
    "\0",
    "<form name=x>",
    "</form>",
    "<col>",
    "<frameset>",
    "<object>",
    "<input>",
    "é",
];

proptest! {
    #[test]
    fn any_page_is_read_as_browsers_do(
        parts in prop::collection::vec(
            prop_oneof![6 => prop::sample::select(&NASTY[..]).prop_map(str::to_owned), 1 => "[ -~]{0,6}"],
            0..30,
        ),
        cut in 1_usize..40,
    ) {
        let page = parts.concat();
        let found = collect(&page, cut);
        if !found.partial.contains(&Partial::Ambiguous) {
            let expected = as_browsers(&page);
            prop_assert_eq!(as_found(&found, &expected), expected, "{:?}", page);
        }
    }
}
