//! How files stand in a request: as parts of a form, in JSON, or as all of its body.

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap};
use http::{Method, Request};
use percent_encoding::percent_decode;

use gabion_upload::{Kind, runs_on_server};

use crate::Body;
use crate::guard::is_grpc;

/// How files stand in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// As parts of a form, by this Content-Type.
    Form {
        /// The whole header value: it says where parts begin.
        content_type: Vec<u8>,
    },
    /// As base64 in strings.
    Json,
    /// Perhaps as JSON under the type of something else, which many programs read all the same.
    Text,
    /// The body is one.
    File(Said),
    /// The body may be one, of a type that nobody knows.
    Unknown {
        /// The type.
        declared: Vec<u8>,
    },
}

/// What a client says of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Its name; empty where there is none.
    pub(super) name: Vec<u8>,
    /// Its type; empty where there is none.
    pub(super) declared: Vec<u8>,
}

impl Carrier {
    /// One for each Content-Type of a request: there should be one, and readers disagree which of several counts. None
    /// for requests that call for something and carry no file.
    pub(super) fn of(request: &Request<Body>) -> Vec<Self> {
        let headers = request.headers();
        let mut types: Vec<&[u8]> =
            headers.get_all(CONTENT_TYPE).iter().map(|value| value.as_bytes()).collect();
        if types.is_empty() {
            types.push(b"");
        }
        let (name, puts_script) = name(request);
        types.into_iter().filter_map(|declared| Self::by_type(declared, &name, puts_script)).collect()
    }

    fn by_type(declared: &[u8], name: &[u8], puts_script: bool) -> Option<Self> {
        let said = || Said { name: name.to_vec(), declared: declared.to_vec() };
        let unknown = || Self::Unknown { declared: declared.to_vec() };
        match Sort::of(declared) {
            Sort::Form => Some(Self::Form { content_type: declared.to_vec() }),
            Sort::Json => Some(Self::Json),
            Sort::Text | Sort::Call if puts_script => Some(unknown()),
            Sort::Text => Some(Self::Text),
            Sort::Call => None,
            Sort::File => Some(Self::File(said())),
            Sort::Unknown if !name.is_empty() => Some(Self::File(said())),
            Sort::Unknown => Some(unknown()),
        }
    }
}

/// What a media type says of the bytes under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Parts of a form.
    Form,
    /// JSON.
    Json,
    /// Parameters and texts that a program reads; the WAF looks at them.
    Text,
    /// Messages that a program reads.
    Call,
    /// A file.
    File,
    /// Anything.
    Unknown,
}

/// Types under which programs send what they like: `curl` sends the first unless it is told otherwise.
const TEXTS: &[&str] = &["application/x-www-form-urlencoded", "text/plain"];
/// Types of calls. Not here: `image/svg+xml`.
const CALLS: &[&str] =
    &["application/xml", "text/xml", "application/graphql", "application/x-protobuf", "application/protobuf"];

impl Sort {
    pub(super) fn of(declared: &[u8]) -> Self {
        let declared = String::from_utf8_lossy(declared).to_ascii_lowercase();
        // PHP ends the type at a comma or a space, too.
        let essence = declared.trim_start().split([';', ',', ' ']).next().unwrap_or_default();
        let known = || Kind::all().any(|kind| kind.media_types().contains(&essence));
        let media = || ["image/", "audio/", "video/", "font/"].iter().any(|top| essence.starts_with(top));
        match essence {
            // Whoever looks for it anywhere finds it; whoever reads strictly sees that something is odd.
            _ if declared.contains("multipart/form-data") => Self::Form,
            "application/json" | "text/json" => Self::Json,
            _ if essence.ends_with("+json") => Self::Json,
            _ if TEXTS.contains(&essence) => Self::Text,
            _ if CALLS.contains(&essence) || is_grpc(essence.as_bytes()) => Self::Call,
            "application/octet-stream" | "binary/octet-stream" => Self::File,
            _ if media() || known() => Self::File,
            _ if essence.ends_with("+xml") => Self::Call,
            _ => Self::Unknown,
        }
    }
}

/// What a body that is a file is called: by its Content-Disposition, or where it is put. A PUT to a script may be a call
/// of it, as old interfaces have them, or may want to put one there: the name does not count then, and the second says
/// so.
fn name(request: &Request<Body>) -> (Vec<u8>, bool) {
    let disposed = disposed_name(request.headers());
    if request.method() != Method::PUT || disposed.is_some() {
        return (disposed.unwrap_or_default(), false);
    }
    let last = request.uri().path().rsplit('/').next().unwrap_or_default();
    let last: Vec<u8> = percent_decode(last.as_bytes()).collect();
    let runs = runs_on_server(&String::from_utf8_lossy(&last)).is_some();
    (if last.contains(&b'.') && !runs { last } else { Vec::new() }, runs)
}

/// `filename` of a Content-Disposition. RFC 6266 section 4.3; where only `filename*` is there, without its charset.
fn disposed_name(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(CONTENT_DISPOSITION)?.as_bytes();
    let parameter = |wanted: &str| {
        value.split(|byte| *byte == b';').skip(1).find_map(|parameter| {
            let at = parameter.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (parameter[..at].trim_ascii(), parameter[at + 1..].trim_ascii());
            name.eq_ignore_ascii_case(wanted.as_bytes()).then_some(value)
        })
    };
    let plain = |value: &[u8]| {
        let inner = value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\""));
        inner.unwrap_or(value).to_vec()
    };
    let extended = |value: &[u8]| {
        let encoded = value.rsplit(|byte| *byte == b'\'').next().unwrap_or_default();
        percent_decode(encoded).collect()
    };
    parameter("filename").map(plain).or_else(|| parameter("filename*").map(extended))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carriers(method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<Carrier> {
        let builder = Request::builder().method(method).uri(path);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        Carrier::of(&builder.body(Body::empty()).expect("a request"))
    }

    fn file(name: &str, declared: &str) -> Carrier {
        Carrier::File(Said { name: name.into(), declared: declared.into() })
    }

    #[test]
    fn forms_json_and_files_are_told_from_calls() {
        let post = |declared: &str| carriers("POST", "/a", &[("content-type", declared)]);
        let form = "Multipart/Form-Data; boundary=x";
        assert_eq!(post(form), [Carrier::Form { content_type: form.into() }]);
        for json in ["application/json", "application/vnd.api+json; charset=utf-8"] {
            assert_eq!(post(json), [Carrier::Json], "{json}");
        }
        for declared in
            ["image/png", "image/svg+xml", "application/pdf", "application/octet-stream", "video/x"]
        {
            assert_eq!(post(declared), [file("", declared)], "{declared}");
        }
        for text in ["application/x-www-form-urlencoded", "text/plain; charset=utf-8"] {
            assert_eq!(post(text), [Carrier::Text], "{text}");
        }
        for call in ["text/xml", "application/soap+xml", "application/grpc+proto"] {
            assert_eq!(post(call), [], "{call}");
        }
        for unknown in ["multipart/mixed", "application/x-own"] {
            assert_eq!(post(unknown), [Carrier::Unknown { declared: unknown.into() }], "{unknown}");
        }
        assert_eq!(carriers("POST", "/a", &[]), [Carrier::Unknown { declared: Vec::new() }]);
    }

    #[test]
    fn names_stand_in_a_header_or_in_the_path_of_a_put() {
        let disposition =
            [("content-type", "image/png"), ("content-disposition", "attachment; filename=\"a.png\"")];
        assert_eq!(carriers("POST", "/a", &disposition), [file("a.png", "image/png")]);
        let extended =
            [("content-type", "image/png"), ("content-disposition", "inline; filename*=utf-8''a%20b.png")];
        assert_eq!(carriers("POST", "/a", &extended), [file("a b.png", "image/png")]);
        let put = |declared: &str| carriers("PUT", "/files/a%2ephp", &[("content-type", declared)]);
        assert_eq!(put("text/plain"), [Carrier::Unknown { declared: "text/plain".into() }]);
        assert_eq!(put("image/png"), [file("", "image/png")]);
        assert_eq!(carriers("PUT", "/products/7", &[("content-type", "text/xml")]), []);
        assert_eq!(carriers("PUT", "/products/7.xml", &[("content-type", "text/xml")]), []);
        assert_eq!(carriers("PUT", "/files/a.bin", &[]), [file("a.bin", "")]);
    }

    #[test]
    fn each_of_several_types_counts() {
        let both = [("content-type", "text/plain"), ("content-type", "multipart/form-data; boundary=x")];
        assert_eq!(
            carriers("POST", "/a", &both),
            [Carrier::Text, Carrier::Form { content_type: both[1].1.into() }]
        );
        let one = "text/plain, multipart/form-data; boundary=x";
        let form = [Carrier::Form { content_type: one.into() }];
        assert_eq!(carriers("POST", "/a", &[("content-type", one)]), form);
    }
}
