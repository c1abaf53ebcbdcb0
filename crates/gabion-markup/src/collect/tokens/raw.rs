//! Text in which only its own end tag counts: scripts, styles, titles.
//!
//! Source: HTML Standard, sections 13.2.5.2 to 13.2.5.31. A script is the hard one: after `<!--` a `<script` in it
//! makes the next `</script` a part of its text.

/// Where the tokenizer is in raw text.
#[derive(Clone, Copy)]
pub(super) struct Raw {
    /// The name whose end tag ends the text, in lower case.
    name: &'static [u8],
    escape: Escape,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    No,
    /// Behind `<!--` in a script.
    Once,
    /// Behind another `<script`: the next `</script` ends nothing but this.
    Twice,
}

impl Raw {
    pub(super) fn new(name: &'static [u8]) -> Self {
        Self { name, escape: Escape::No }
    }

    /// Moves `at` to the `<` of the end tag and says that it is there; or as far as the text is known to go.
    pub(super) fn read(&mut self, input: &[u8], at: &mut usize, is_last: bool) -> bool {
        while let Some(place) = self.mark(input, *at) {
            *at = place;
            let rest = &input[place..];
            let is_short = |what: &[u8]| !is_last && rest.len() < what.len() && what.starts_with(rest);
            if rest[0] == b'>' {
                if input[..place].ends_with(b"--") {
                    self.escape = Escape::No;
                }
            } else {
                match (tag(rest, b"</", self.name, is_last), self.escape) {
                    (None, _) => return false,
                    (Some(true), Escape::No | Escape::Once) => return true,
                    (Some(true), Escape::Twice) => self.escape = Escape::Once,
                    (Some(false), _) => {}
                }
                match self.escape {
                    Escape::No if self.name == b"script" => {
                        if is_short(b"<!--") {
                            return false;
                        }
                        if rest.starts_with(b"<!--") {
                            self.escape = Escape::Once;
                        }
                    }
                    Escape::Once => match tag(rest, b"<", b"script", is_last) {
                        None => return false,
                        Some(true) => self.escape = Escape::Twice,
                        Some(false) => {}
                    },
                    Escape::No | Escape::Twice => {}
                }
            }
            *at += 1;
        }
        *at = input.len();
        false
    }

    /// The next byte that may change something.
    fn mark(&self, input: &[u8], at: usize) -> Option<usize> {
        let found = match self.escape {
            Escape::No => memchr::memchr(b'<', &input[at..]),
            Escape::Once | Escape::Twice => memchr::memchr2(b'<', b'>', &input[at..]),
        };
        found.map(|found| at + found)
    }
}

/// Whether `rest` begins with the tag of that name; `None` when more bytes must say it.
fn tag(rest: &[u8], lead: &[u8], name: &[u8], is_last: bool) -> Option<bool> {
    let known = rest.len().min(lead.len() + name.len());
    let fits = |place: usize| match place.checked_sub(lead.len()) {
        None => rest[place] == lead[place],
        Some(letter) => rest[place].eq_ignore_ascii_case(&name[letter]),
    };
    if !(0..known).all(fits) {
        return Some(false);
    }
    match rest.get(lead.len() + name.len()) {
        Some(next) => Some(matches!(next, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | b'/' | b'>')),
        None if is_last => Some(false),
        None => None,
    }
}
