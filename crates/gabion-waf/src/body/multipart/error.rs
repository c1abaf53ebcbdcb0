//! What makes a multipart body unreadable.

/// Why a body or a part of it could not be read. The text is for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A Content-Type other than `multipart/form-data`.
    #[error("content type is not multipart/form-data")]
    MediaType,
    /// A Content-Type above 1,024 bytes.
    #[error("content type too long")]
    ContentTypeLong,
    /// A Content-Type without a boundary.
    #[error("no boundary in the content type")]
    NoBoundary,
    /// More than one boundary.
    #[error("more than one boundary in the content type")]
    BoundaryRepeated,
    /// Something around the boundary parameter that does not belong there.
    #[error("malformed boundary parameter")]
    BoundaryParameter,
    /// An empty boundary, half quoted, or with bytes that it must not have. RFC 2046 section 5.1.1.
    #[error("malformed boundary")]
    BoundaryValue,
    /// A line that begins like a boundary and goes on, or has quotes or white space before it.
    #[error("malformed boundary line")]
    BoundaryLine,
    /// No boundary in the body.
    #[error("no boundary in the body")]
    BoundaryMissing,
    /// The body ends before the last boundary.
    #[error("last boundary missing")]
    LastBoundaryMissing,
    /// A boundary inside the header of a part.
    #[error("a boundary in a part header")]
    HeaderCut,
    /// NUL in the header of a part.
    #[error("NUL in a part header")]
    HeaderNul,
    /// More bytes of a part header than are read.
    #[error("part header too long")]
    HeaderLong,
    /// More part headers than are read.
    #[error("too many part headers")]
    HeadersMany,
    /// A part header without a colon or without a name.
    #[error("malformed part header")]
    HeaderMalformed,
    /// A part whose first header line is a continuation.
    #[error("a continued part header without a beginning")]
    FoldingFirst,
    /// The same part header twice.
    #[error("part header repeated")]
    HeaderRepeated,
    /// A part without Content-Disposition.
    #[error("no Content-Disposition in a part")]
    NoDisposition,
    /// A malformed Content-Disposition.
    #[error("malformed Content-Disposition")]
    Disposition,
    /// A Content-Disposition without a name.
    #[error("no name in a Content-Disposition")]
    NoName,
}
