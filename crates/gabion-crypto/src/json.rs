//! JSON that has one reading: an object in which no member is there twice, at any depth.
//!
//! Readers disagree about which of two equal members counts (RFC 8259 section 4), and who signs may read one while who
//! obeys reads the other.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The members of an object.
pub type Members = serde_json::Map<String, Value>;

/// Bytes that are no such object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object with each member once")]
pub struct InvalidJson;

/// Reads one object, which takes up all of `bytes`. Nesting is limited to 128. Bound the length before.
///
/// # Errors
/// [`InvalidJson`].
pub fn object(bytes: &[u8]) -> Result<Members, InvalidJson> {
    match serde_json::from_slice(bytes) {
        Ok(Strict(Value::Object(members))) => Ok(members),
        _ => Err(InvalidJson),
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with each member once")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            out.push(item);
        }
        Ok(out.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Members::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, _>()? {
            if out.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(out.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_value_is_read() {
        let text = r#" {"a":null,"b":[true,-1,2,1.5,"\u00e9"],"c":{"a":{}}} "#;
        let expected = json!({"a": null, "b": [true, -1, 2, 1.5, "é"], "c": {"a": {}}});
        assert_eq!(object(text.as_bytes()).map(Value::Object), Ok(expected));
    }

    #[test]
    fn members_that_are_there_twice_are_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"b":{"a":1,"a":2}}"#, r#"{"b":[{"a":1,"\u0061":2}]}"#] {
            assert_eq!(object(text.as_bytes()), Err(InvalidJson), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for text in ["", "[]", "1", "null", "{} {}", "{}x", "{'a':1}", "{\"a\":1,}", &deep] {
            assert_eq!(object(text.as_bytes()), Err(InvalidJson), "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(InvalidJson));
    }
}
