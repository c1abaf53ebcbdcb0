//! Copies of what clients wrote, in one piece of memory, each cut to a size.

/// Bytes kept of a path, a query, a referrer and a user agent. Clients choose them; the rest is cut.
pub(crate) const PATH_BYTES_MAX: usize = 1024;
const QUERY_BYTES_MAX: usize = 2048;
const REFERER_BYTES_MAX: usize = 1024;
const AGENT_BYTES_MAX: usize = 512;
const HOST_BYTES_MAX: usize = 255;

/// The texts of one line. They are copied, because what they are copied from keeps a whole connection's buffer alive.
pub(crate) struct Texts {
    bytes: Box<[u8]>,
    ends: [u16; 5],
}

impl Texts {
    /// Copies; what is longer than its limit is cut.
    pub(crate) fn new(path: &[u8], query: &[u8], host: &[u8], referer: &[u8], agent: &[u8]) -> Self {
        let parts = [
            cut(path, PATH_BYTES_MAX),
            cut(query, QUERY_BYTES_MAX),
            cut(host, HOST_BYTES_MAX),
            cut(referer, REFERER_BYTES_MAX),
            cut(agent, AGENT_BYTES_MAX),
        ];
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        let ends = parts.map(|part| {
            bytes.extend_from_slice(part);
            u16::try_from(bytes.len()).expect("the limits together are below 64 KiB")
        });
        Self { bytes: bytes.into_boxed_slice(), ends }
    }

    pub(crate) fn path(&self) -> &[u8] {
        self.part(0)
    }

    pub(crate) fn query(&self) -> &[u8] {
        self.part(1)
    }

    pub(crate) fn host(&self) -> &[u8] {
        self.part(2)
    }

    pub(crate) fn referer(&self) -> &[u8] {
        self.part(3)
    }

    pub(crate) fn agent(&self) -> &[u8] {
        self.part(4)
    }

    fn part(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| usize::from(self.ends[before]));
        &self.bytes[start..usize::from(self.ends[index])]
    }
}

/// Cuts, and takes away what could be the beginning of a card number that can no longer be seen as one.
fn cut(text: &[u8], most: usize) -> &[u8] {
    if text.len() <= most {
        return text;
    }
    let part = |b: &u8| b.is_ascii_digit() || matches!(b, b' ' | b'-' | b'+' | b'%');
    let kept = text[..most].iter().rposition(|b| !part(b)).map_or(0, |last| last + 1);
    &text[..kept]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_each_for_itself() {
        let long = vec![b'a'; 5000];
        let texts = Texts::new(&long, b"q=1", b"", &long, b"agent");
        assert_eq!(
            (texts.path().len(), texts.query(), texts.host()),
            (PATH_BYTES_MAX, &b"q=1"[..], &b""[..])
        );
        assert_eq!((texts.referer().len(), texts.agent()), (REFERER_BYTES_MAX, &b"agent"[..]));
    }

    #[test]
    fn a_cut_leaves_no_part_of_a_card_number() {
        let path = format!("{}4242-4242-4242-4242", "a".repeat(PATH_BYTES_MAX - 14));
        assert!(Texts::new(path.as_bytes(), b"", b"", b"", b"").path().iter().all(|b| *b == b'a'));
    }
}
