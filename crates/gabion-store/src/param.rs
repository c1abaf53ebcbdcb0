//! Values that go into statements and come out of rows.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use gabion_core::{EventId, SiteId, SubjectId, Timestamp};

use crate::StoreError;

/// A value of one of the four column types both databases share. Truth is 0 or 1 in a BIGINT column, times are
/// BIGINT microseconds, ids are TEXT.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// No value.
    Null,
    /// BIGINT.
    Int(i64),
    /// DOUBLE.
    Float(f64),
    /// TEXT.
    Text(String),
    /// BLOB or BYTEA.
    Bytes(Vec<u8>),
}

impl Param {
    /// An id or any other value that is kept as the text it prints.
    pub fn text(value: impl fmt::Display) -> Self {
        Self::Text(value.to_string())
    }

    /// The SQL name of the value's type, for messages.
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Int(_) => "BIGINT",
            Self::Float(_) => "DOUBLE",
            Self::Text(_) => "TEXT",
            Self::Bytes(_) => "BLOB",
        }
    }
}

/// Builds the parameter list of a statement: `params![id, &name, now, None::<i64>]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Param::from($value)),*] as &[$crate::Param] };
}

macro_rules! param_from {
    ($($from:ty => |$value:ident| $param:expr;)*) => { $(
        impl From<$from> for Param {
            fn from($value: $from) -> Self {
                $param
            }
        }
    )* };
}

param_from! {
    i64 => |value| Self::Int(value);
    i32 => |value| Self::Int(value.into());
    u32 => |value| Self::Int(value.into());
    u16 => |value| Self::Int(value.into());
    u8 => |value| Self::Int(value.into());
    bool => |value| Self::Int(value.into());
    f64 => |value| Self::Float(value);
    &str => |value| Self::Text(value.to_owned());
    &String => |value| Self::Text(value.clone());
    String => |value| Self::Text(value);
    &[u8] => |value| Self::Bytes(value.to_vec());
    &Vec<u8> => |value| Self::Bytes(value.clone());
    Vec<u8> => |value| Self::Bytes(value);
    Timestamp => |value| Self::Int(value.micros());
    EventId => |value| Self::text(value);
    SubjectId => |value| Self::text(value);
    &SiteId => |value| Self::Text(value.as_str().to_owned());
    SiteId => |value| Self::Text(value.as_str().to_owned());
}

impl<const N: usize> From<[u8; N]> for Param {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Param {
    fn from(value: &[u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<T: Into<Param>> From<Option<T>> for Param {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of a result, detached from the database.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Param>,
}

impl Row {
    pub(crate) fn new(columns: Arc<[String]>, values: Vec<Param>) -> Self {
        Self { columns, values }
    }

    /// The value of a column, by its name in the result.
    ///
    /// # Errors
    /// [`StoreError::Column`] when there is no such column or its value is of another type.
    pub fn get<T: FromParam>(&self, column: &str) -> Result<T, StoreError> {
        let value = self.value(column)?;
        T::from_param(value).ok_or_else(|| StoreError::Column {
            column: column.to_owned(),
            detail: format!("expected {}, found {}", T::EXPECTED, value.type_name()),
        })
    }

    /// The value of a TEXT column, parsed: ids and names.
    ///
    /// # Errors
    /// [`StoreError::Column`] when the column is missing, not text, or its text does not parse.
    pub fn parse<T: FromStr>(&self, column: &str) -> Result<T, StoreError>
    where
        T::Err: fmt::Display,
    {
        parsed(column, &self.get::<String>(column)?)
    }

    /// The value of a TEXT column that may be NULL, parsed.
    ///
    /// # Errors
    /// As [`Row::parse`].
    pub fn parse_opt<T: FromStr>(&self, column: &str) -> Result<Option<T>, StoreError>
    where
        T::Err: fmt::Display,
    {
        self.get::<Option<String>>(column)?.map(|text| parsed(column, &text)).transpose()
    }

    pub(crate) fn into_values(self) -> Vec<Param> {
        self.values
    }

    fn value(&self, column: &str) -> Result<&Param, StoreError> {
        let index = self.columns.iter().position(|name| name == column);
        index.and_then(|index| self.values.get(index)).ok_or_else(|| StoreError::Column {
            column: column.to_owned(),
            detail: format!("not in the result, which has {}", self.columns.join(", ")),
        })
    }
}

fn parsed<T: FromStr>(column: &str, text: &str) -> Result<T, StoreError>
where
    T::Err: fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| StoreError::Column { column: column.to_owned(), detail: error.to_string() })
}

/// A type a column's value can be read as.
pub trait FromParam: Sized {
    /// The column type, for messages.
    const EXPECTED: &'static str;

    /// The value, or `None` when the column holds another type.
    fn from_param(value: &Param) -> Option<Self>;
}

macro_rules! from_param {
    ($($to:ty, $expected:literal, $pattern:pat => $value:expr;)*) => { $(
        impl FromParam for $to {
            const EXPECTED: &'static str = $expected;

            fn from_param(value: &Param) -> Option<Self> {
                match value {
                    $pattern => $value,
                    _ => None,
                }
            }
        }
    )* };
}

from_param! {
    i64, "BIGINT", Param::Int(value) => Some(*value);
    u64, "BIGINT of 0 or more", Param::Int(value) => u64::try_from(*value).ok();
    u32, "BIGINT in the range of u32", Param::Int(value) => u32::try_from(*value).ok();
    u16, "BIGINT in the range of u16", Param::Int(value) => u16::try_from(*value).ok();
    bool, "BIGINT of 0 or 1", Param::Int(value @ (0 | 1)) => Some(*value == 1);
    f64, "DOUBLE", Param::Float(value) => Some(*value);
    String, "TEXT", Param::Text(value) => Some(value.clone());
    Vec<u8>, "BLOB", Param::Bytes(value) => Some(value.clone());
    Timestamp, "BIGINT microseconds", Param::Int(value) => Some(Timestamp::from_micros(*value));
}

impl<T: FromParam> FromParam for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_param(value: &Param) -> Option<Self> {
        match value {
            Param::Null => Some(None),
            value => T::from_param(value).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let columns = ["id", "count", "at"].map(str::to_owned);
        Row::new(columns.into(), vec![Param::from("evt_x"), Param::from(-3_i64), Param::Null])
    }

    #[track_caller]
    fn check<T: FromParam + fmt::Debug>(column: &str, expected: &str) {
        assert_eq!(row().get::<T>(column).expect_err("a mismatch").to_string(), expected);
    }

    #[test]
    fn mismatches_name_the_column_and_both_types() {
        check::<String>("count", "column count: expected TEXT, found BIGINT");
        check::<u32>("count", "column count: expected BIGINT in the range of u32, found BIGINT");
        check::<Timestamp>("at", "column at: expected BIGINT microseconds, found NULL");
        check::<i64>("nope", "column nope: not in the result, which has id, count, at");
    }

    #[test]
    fn null_is_none() {
        assert_eq!(row().get::<Option<Timestamp>>("at").expect("a null"), None);
        assert_eq!(row().parse_opt::<EventId>("at").expect("a null"), None);
    }

    #[test]
    fn foreign_ids_are_refused() {
        let error = row().parse::<EventId>("id").expect_err("no event id");
        assert_eq!(error.to_string(), "column id: not an id of the form evt_ and 26 characters");
    }
}
