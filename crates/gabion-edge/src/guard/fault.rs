//! What can be wrong with a request's head or with the framing of its body.

use http::StatusCode;

/// Why a request was refused before anybody else read it. The text is for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A line that ends in LF alone, or a CR in the middle of one. RFC 9112 section 2.2.
    #[error("a line that does not end in CR LF")]
    LineEnd,
    /// NUL or another control character in the head.
    #[error("a control character in the head")]
    Control,
    /// A request line that is not method, target and version with one space between. RFC 9112 section 3.
    #[error("malformed request line")]
    RequestLine,
    /// HTTP/0.9, the preface of HTTP/2, or something that does not exist. RFC 9110 section 15.6.6.
    #[error("a version other than HTTP/1.0 and HTTP/1.1")]
    Version,
    /// CONNECT, TRACE or TRACK.
    #[error("a method that is not forwarded")]
    Method,
    /// Not a method of capital letters. RFC 9110 section 15.6.2.
    #[error("an unknown method")]
    MethodUnknown,
    /// More bytes of target than are read. RFC 9110 section 15.5.15.
    #[error("target too long")]
    TargetLong,
    /// A byte that must be escaped in a target. RFC 3986 section 2.
    #[error("a byte in the target that must be escaped")]
    TargetByte,
    /// `%` without two hexadecimal digits, or `%00`, in the path.
    #[error("malformed escape in the path")]
    TargetEscape,
    /// Neither a path, nor `http://` or `https://` with a host, nor `*` with OPTIONS. RFC 9112 section 3.2.
    #[error("a target that is no path")]
    TargetForm,
    /// User information in front of a target's host. RFC 9110 section 4.2.4.
    #[error("user information in the target")]
    UserInfo,
    /// More bytes of head than are read. RFC 6585 section 5.
    #[error("head too long")]
    HeadLong,
    /// More fields than are read. RFC 6585 section 5.
    #[error("too many header fields")]
    FieldsMany,
    /// A line without a colon, or without a valid name before it; white space before the colon counts.
    /// RFC 9112 section 5.1.
    #[error("malformed field name")]
    FieldName,
    /// A field continued on the next line. RFC 9112 section 5.2.
    #[error("a folded field")]
    FieldFold,
    /// A name that some servers take for one of the fields that say where a request ends, such as `Content_Length`.
    #[error("a field name that looks like one of framing")]
    FieldShadow,
    /// Bytes that are no text in a field that concerns the connection.
    #[error("malformed connection field")]
    FieldHop,
    /// No `Host` where HTTP/1.1 demands one. RFC 9112 section 3.2.
    #[error("no Host header")]
    HostMissing,
    /// More than one `Host`.
    #[error("more than one Host header")]
    HostRepeated,
    /// A `Host` that is no host.
    #[error("malformed Host header")]
    HostMalformed,
    /// A `Host` other than the one in the target.
    #[error("Host and target differ")]
    HostDiffers,
    /// A `Content-Length` that is not one plain decimal number. RFC 9110 section 8.6.
    #[error("malformed Content-Length")]
    Length,
    /// More than one `Content-Length`, equal or not.
    #[error("more than one Content-Length")]
    LengthRepeated,
    /// Both framings at once. RFC 9112 section 6.1.
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndCoding,
    /// A `Transfer-Encoding` that is no list of codings.
    #[error("malformed Transfer-Encoding")]
    Coding,
    /// More than one `Transfer-Encoding`.
    #[error("more than one Transfer-Encoding")]
    CodingRepeated,
    /// A transfer coding other than `chunked`. RFC 9112 section 6.1.
    #[error("a transfer coding other than chunked")]
    CodingUnknown,
    /// A `Transfer-Encoding` in HTTP/1.0. RFC 9112 section 6.1.
    #[error("Transfer-Encoding in HTTP/1.0")]
    CodingOld,
    /// An `Expect` other than `100-continue`. RFC 9110 section 10.1.1.
    #[error("unknown expectation")]
    Expectation,
    /// A chunk size that is no plain hexadecimal number of bounded length. RFC 9112 section 7.1.
    #[error("malformed chunk size")]
    ChunkSize,
    /// Chunk extensions that are malformed or longer than is read. RFC 9112 section 7.1.1.
    #[error("malformed or long chunk extension")]
    ChunkExtension,
    /// A chunk that is longer or shorter than it says.
    #[error("a chunk that does not end where it should")]
    ChunkEnd,
    /// A malformed trailer field, too many of them, or one that must not be a trailer. RFC 9110 section 6.5.1.
    #[error("malformed or forbidden trailer field")]
    Trailer,
    /// The head did not arrive in time. RFC 9110 section 15.5.9.
    #[error("head did not arrive in time")]
    Slow,
    /// hyper told of a request that the guard had not let through.
    #[error("two readings of one connection")]
    Unmatched,
}

impl Fault {
    /// The status the client gets. RFC 9110 section 15.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::MethodUnknown | Self::CodingUnknown => StatusCode::NOT_IMPLEMENTED,
            Self::TargetLong => StatusCode::URI_TOO_LONG,
            Self::HeadLong | Self::FieldsMany => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
