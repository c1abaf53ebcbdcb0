//! Numbers and pieces of foreign bytes. Nothing here can read past the end.

/// A position in bytes that only moves forward.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Cursor<'b> {
    pub(crate) fn new(bytes: &'b [u8], at: usize) -> Self {
        Self { bytes, at: at.min(bytes.len()) }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn rest(&self) -> &'b [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The next `count` bytes, and a step behind them; `None` leaves the position where it is.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let piece = self.rest().get(..count)?;
        self.at += count;
        Some(piece)
    }

    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|piece| piece[0])
    }

    pub(crate) fn u16_le(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u16_be(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32_le(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u32_be(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64_le(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u64_be(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N).and_then(|piece| piece.try_into().ok())
    }
}

/// A length or offset that a file states. One that no memory could hold reaches past every end.
pub(crate) fn index(stated: impl TryInto<usize>) -> usize {
    stated.try_into().unwrap_or(usize::MAX)
}

/// Whether `bytes` begin with `prefix`, whatever the case of ASCII letters.
pub(crate) fn starts_with_nocase(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut cursor = Cursor::new(&[1, 2, 3], 1);
        assert_eq!(cursor.u32_le(), None);
        assert_eq!(cursor.at(), 1);
        assert_eq!(cursor.u16_be(), Some(0x0203));
        assert!(cursor.is_at_end());
        assert_eq!(cursor.u8(), None);
        assert!(Cursor::new(&[1], 9).rest().is_empty());
    }
}
