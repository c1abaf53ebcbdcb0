//! What can be odd about a multipart body without being an error.

/// ModSecurity's `MULTIPART_*` variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `MULTIPART_BOUNDARY_QUOTED`: the boundary stands in quotes.
    pub boundary_quoted: bool,
    /// `MULTIPART_BOUNDARY_WHITESPACE`: white space around the `=` of the boundary.
    pub boundary_whitespace: bool,
    /// `MULTIPART_DATA_BEFORE`: something before the first boundary.
    pub data_before: bool,
    /// `MULTIPART_DATA_AFTER`: something after the last boundary.
    pub data_after: bool,
    /// `MULTIPART_HEADER_FOLDING`: a part header continued on the next line.
    pub header_folding: bool,
    /// `MULTIPART_LF_LINE`: a line of a header or boundary that ends in LF alone.
    pub lf_line: bool,
    /// A line of a header or boundary that ends in CR LF, which is as it should be.
    pub crlf_line: bool,
    /// `MULTIPART_MISSING_SEMICOLON`: none before the boundary parameter.
    pub missing_semicolon: bool,
    /// `MULTIPART_INVALID_QUOTING`: single quotes around or in a parameter of a Content-Disposition, or something
    /// behind a quoted one.
    pub invalid_quoting: bool,
    /// `MULTIPART_INVALID_PART`: a boundary where the content of a part should begin.
    pub invalid_part: bool,
    /// `MULTIPART_INVALID_HEADER_FOLDING`: one with other white space than spaces and tabs.
    pub invalid_header_folding: bool,
    /// `MULTIPART_FILE_LIMIT_EXCEEDED`: more files than the limit.
    pub file_limit_exceeded: bool,
    /// `MULTIPART_UNMATCHED_BOUNDARY`: 1 when the last line that looked like a boundary was none, 2 when it was one
    /// and not the first, else 0.
    pub unmatched_boundary: u8,
}

impl Flags {
    /// `MULTIPART_CRLF_LF_LINES`: lines of both ends.
    pub const fn crlf_lf_lines(&self) -> bool {
        self.crlf_line && self.lf_line
    }

    /// Whether one is set that `MULTIPART_STRICT_ERROR` counts.
    pub(super) const fn any(&self) -> bool {
        self.boundary_quoted
            || self.boundary_whitespace
            || self.data_before
            || self.data_after
            || self.header_folding
            || self.lf_line
            || self.missing_semicolon
            || self.invalid_quoting
            || self.invalid_part
            || self.invalid_header_folding
            || self.file_limit_exceeded
    }
}
