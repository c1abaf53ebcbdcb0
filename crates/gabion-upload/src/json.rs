//! Files inside JSON bodies: base64 in strings, as `data:` addresses or plain.
//!
//! A shop's interfaces take files this way, Magento's `base64_encoded_data` among them, and a scanner that looks at
//! multipart only never sees them. Each string that may be a file is decoded as leniently as PHP does, and inspected
//! under the name and type that stand in the same object or the nearest around it.

mod base64;

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::inspection::is_known;
use crate::name::running_extension;
use crate::reason::{Code, Reason};
use crate::{Inspection, Inspector, Kind, Policy, Upload, Verdict};

/// How much of a body is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// Bytes of the body. 32 MiB by default.
    pub body_bytes_max: usize,
    /// Strings that are decoded. 256 by default: a cart has a few files, and each is an inspection.
    pub files_max: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self { body_bytes_max: 32 * 1024 * 1024, files_max: 256 }
    }
}

/// Why nobody knows what is in a body.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is no JSON, or is nested more than 128 deep.
    #[error("the body is no JSON that can be read")]
    Syntax(#[from] serde_json::Error),
    /// It is longer than allowed.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// It has more strings that may be files than allowed.
    #[error("the body has more than {0} strings that may be files")]
    TooManyFiles(usize),
}

/// A file that was found in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonInspection {
    /// The key under which it stood; empty for an element of a list.
    pub key: String,
    /// What was found of it.
    pub inspection: Inspection,
    /// The file itself, for whoever has to look at it in another way.
    pub bytes: Vec<u8>,
}

/// The strings of a body that may be files. Finding them is cheap; [`JsonFiles::inspect`] is not.
#[derive(Debug)]
pub struct JsonFiles(Vec<Candidate>);

impl JsonFiles {
    /// Reads a body.
    ///
    /// # Errors
    /// A body that is no JSON, or has more than `limits` allow: then nobody knows what is in it.
    pub fn find(body: &[u8], limits: &JsonLimits) -> Result<Self, JsonError> {
        if body.len() > limits.body_bytes_max {
            return Err(JsonError::TooLarge(limits.body_bytes_max));
        }
        let mut found = Found { list: Vec::new(), files_max: limits.files_max, is_full: false };
        let mut reader = serde_json::Deserializer::from_slice(body);
        let read = Node { found: &mut found, key: "" }.deserialize(&mut reader).and_then(|_| reader.end());
        if found.is_full {
            return Err(JsonError::TooManyFiles(limits.files_max));
        }
        read?;
        Ok(Self(found.list))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Inspects each under the name and type beside it. Strings that turn out to be no files are left out.
    #[must_use]
    pub fn inspect(&self, inspector: &Inspector, policy: &Policy) -> Vec<JsonInspection> {
        self.0.iter().flat_map(|candidate| candidate.inspect(inspector, policy)).collect()
    }
}

/// Characters of a string that is decoded without a hint: about 64 bytes. Shorter ones hold no file that does harm.
const PLAIN_CHARS_MIN: usize = 86;
/// Characters of one that is decoded under the key of a file: about 12 bytes. No program of a server is shorter.
const FILE_CHARS_MIN: usize = 16;
/// Names and types that are kept of one object.
const SIBLINGS_MAX: usize = 8;
/// Characters of a key that are kept.
const KEY_CHARS_MAX: usize = 60;

/// Keys beside a file that give its name, and its type, and under which a file stands. Compared without case, `_` and
/// `-`. What stands under the second list is a name only where it looks like the name of a file: products have names.
const FILE_NAME_KEYS: &[&str] = &["filename", "originalname", "originalfilename"];
const NAME_KEYS: &[&str] = &["name", "title", "file", "label", "path"];
const TYPE_KEYS: &[&str] = &["type", "mimetype", "contenttype", "mediatype", "mime"];
const FILE_KEYS: &[&str] = &[
    "content",
    "contents",
    "data",
    "file",
    "filedata",
    "filecontent",
    "body",
    "bytes",
    "image",
    "picture",
    "attachment",
];

/// A string that may be a file.
#[derive(Debug, Default)]
struct Candidate {
    key: String,
    value: String,
    names: Vec<String>,
    types: Vec<String>,
}

impl Candidate {
    /// Inspects everything that somebody could decode this string to.
    fn inspect(&self, inspector: &Inspector, policy: &Policy) -> Vec<JsonInspection> {
        let (data_type, text) = match data_address(&self.value) {
            Some((media_type, text)) => (Some(media_type), text),
            None => (None, self.value.as_str()),
        };
        let hinted = data_type.is_some()
            || is_hint(&self.key)
            || !self.names.is_empty()
                && is_long_base64(text)
                && FILE_KEYS.contains(&plain(&self.key).as_str());
        let declared = data_type.or(self.types.first().map(String::as_str)).unwrap_or_default();
        let inspections = base64::readings(text).into_iter().filter_map(|bytes| {
            let inspection = if hinted || is_known(&bytes) {
                Some(self.inspect_file(inspector, policy, declared, &bytes))
            } else {
                inspector.inspect_code(&bytes)
            };
            Some(JsonInspection { key: self.key.clone(), inspection: inspection?, bytes })
        });
        let mut inspections: Vec<JsonInspection> = inspections.collect();
        // Of several readings one may be noise: a file that passes in none of them is refused once.
        if let Some(pass) = inspections.iter().position(|found| found.inspection.passes())
            && inspections
                .iter()
                .all(|other| other.inspection.passes() || other.inspection.facts.kind == Some(Kind::Unknown))
        {
            inspections = vec![inspections.swap_remove(pass)];
        }
        inspections
    }

    fn inspect_file(
        &self,
        inspector: &Inspector,
        policy: &Policy,
        declared: &str,
        bytes: &[u8],
    ) -> Inspection {
        let name = self.names.first().map(String::as_str).unwrap_or_default();
        let upload = Upload { name: name.as_bytes(), declared_type: declared.as_bytes(), bytes };
        let mut inspection = inspector.inspect(&upload, policy);
        // Readers of JSON disagree about which of two equal keys counts.
        if self.names.iter().any(|other| other != name) {
            let reason = Reason { code: Code::NameAmbiguous, detail: String::new(), inside: Vec::new() };
            inspection.verdict = match inspection.verdict {
                Verdict::Pass { .. } => Verdict::Refuse { reasons: vec![reason] },
                Verdict::Refuse { mut reasons } => {
                    reasons.push(reason);
                    Verdict::Refuse { reasons }
                }
            };
        }
        inspection
    }
}

/// The media type and the text of a `data:` address. RFC 2397.
fn data_address(value: &str) -> Option<(&str, &str)> {
    let scheme = value.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:"))?;
    let (head, text) = value[scheme.len()..].split_once(',')?;
    let media_type = head.split(';').next().unwrap_or_default();
    head.to_ascii_lowercase().contains("base64").then_some((media_type, text))
}

/// A key without case, `_` and `-`.
fn plain(key: &str) -> String {
    key.chars().filter(|next| !matches!(next, '_' | '-')).map(|next| next.to_ascii_lowercase()).collect()
}

/// Whether a text has the extension of a file, or one that runs anywhere in it.
fn is_file_name(text: &str) -> bool {
    let extension = text.rsplit_once('.').map_or("", |(_, extension)| extension);
    let named = (2..=10).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && extension.bytes().any(|byte| byte.is_ascii_alphabetic());
    named || running_extension(text).is_some()
}

/// Whether a key says that its value is a file.
fn is_hint(key: &str) -> bool {
    key.to_ascii_lowercase().contains("base64")
}

/// What walks the body.
struct Found {
    list: Vec<Candidate>,
    files_max: usize,
    is_full: bool,
}

impl Found {
    /// Keeps a string that may be a file; `false` when there are too many.
    fn add(&mut self, key: &str, value: &str) -> bool {
        let may_be_file = data_address(value).is_some()
            || is_hint(key)
            || is_long_base64(value)
            || is_plain_base64(value) && FILE_KEYS.contains(&plain(key).as_str());
        if !may_be_file {
            return true;
        }
        self.is_full = self.list.len() == self.files_max;
        if !self.is_full {
            let key = key.chars().take(KEY_CHARS_MAX).collect();
            self.list.push(Candidate { key, value: value.to_owned(), ..Candidate::default() });
        }
        !self.is_full
    }
}

/// Texts have spaces and signs; base64 has letters, digits, and now and then a line end.
fn is_long_base64(value: &str) -> bool {
    let value = value.as_bytes();
    let signs = value.iter().filter(|byte| !base64::is_digit(**byte)).count();
    value.len() >= PLAIN_CHARS_MIN && signs <= value.len() / 16
}

/// Nothing but base64: a short string under the key of a file may be a short program.
fn is_plain_base64(value: &str) -> bool {
    value.len() >= FILE_CHARS_MIN && value.trim_end_matches('=').bytes().all(base64::is_digit)
}

/// One value of the body. Yields the string it is, where it is a short one.
struct Node<'n> {
    found: &'n mut Found,
    key: &'n str,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Option<String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Characters of a string that may be a name.
const NAME_CHARS_MAX: usize = 1_024;

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
        if !self.found.add(self.key, value) {
            return Err(E::custom("too many files"));
        }
        Ok((value.len() <= NAME_CHARS_MAX).then(|| value.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let first = self.found.list.len();
        let (mut names, mut types) = (Vec::new(), Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Node { found: &mut *self.found, key: &key })?;
            let key = plain(&key);
            let is = |list: &[&str]| list.contains(&key.as_str());
            let Some(value) = value else { continue };
            let list = if is(FILE_NAME_KEYS) || is(NAME_KEYS) && is_file_name(&value) {
                &mut names
            } else if is(TYPE_KEYS) && value.contains('/') {
                &mut types
            } else {
                continue;
            };
            if !list.contains(&value) {
                if list.len() == SIBLINGS_MAX {
                    return Err(A::Error::custom("too many names for one file"));
                }
                list.push(value);
            }
        }
        // What stands in inner objects already has the names beside it.
        for candidate in &mut self.found.list[first..] {
            if candidate.names.is_empty() {
                candidate.names.clone_from(&names);
            }
            if candidate.types.is_empty() {
                candidate.types.clone_from(&types);
            }
        }
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element_seed(Node { found: &mut *self.found, key: self.key })?.is_some() {}
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
