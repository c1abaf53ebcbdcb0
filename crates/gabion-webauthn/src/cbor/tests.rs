use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(hex: &str, expected: Result<Value<'_>, CborError>) {
    let bytes = HEXLOWER.decode(hex.as_bytes()).unwrap();
    assert_eq!(Value::read(&bytes), expected, "{hex}");
}

/// RFC 8949 appendix A, as far as the canonical form of CTAP2 goes.
#[test]
fn examples_of_the_specification_are_read() {
    check("00", Ok(Value::Integer(0)));
    check("17", Ok(Value::Integer(23)));
    check("1818", Ok(Value::Integer(24)));
    check("1903e8", Ok(Value::Integer(1000)));
    check("1a000f4240", Ok(Value::Integer(1_000_000)));
    check("1b000000e8d4a51000", Ok(Value::Integer(1_000_000_000_000)));
    check("20", Ok(Value::Integer(-1)));
    check("3903e7", Ok(Value::Integer(-1000)));
    check("3b7fffffffffffffff", Ok(Value::Integer(i64::MIN)));
    check("f4", Ok(Value::Bool(false)));
    check("f5", Ok(Value::Bool(true)));
    check("f6", Ok(Value::Null));
    check("40", Ok(Value::Bytes(&[])));
    check("4401020304", Ok(Value::Bytes(&[1, 2, 3, 4])));
    check("62c3bc", Ok(Value::Text("ü")));
    check("80", Ok(Value::Array(vec![])));
    check("8201820203", {
        let inner = Value::Array(vec![Value::Integer(2), Value::Integer(3)]);
        Ok(Value::Array(vec![Value::Integer(1), inner]))
    });
    check("a0", Ok(Value::Map(Map::default())));
}

#[test]
fn values_are_found_under_their_keys() {
    let bytes = HEXLOWER.decode(b"a301242041616161f5").unwrap();
    let value = Value::read(&bytes).unwrap();
    let map = value.map().unwrap();
    assert_eq!(map.at(1), Some(&Value::Integer(-5)));
    assert_eq!(map.at(-1), Some(&Value::Bytes(b"a")));
    assert_eq!(map.named("a"), Some(&Value::Bool(true)));
    assert_eq!((map.at(2), map.named("b"), map.len()), (None, None, 3));
}

#[test]
fn what_is_not_canonical_is_refused() {
    for hex in ["1800", "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "580100", "9817", "b800"] {
        check(hex, Err(CborError::NotShortest));
    }
    for hex in ["5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "bfff", "ff", "1f"] {
        check(hex, Err(CborError::Indefinite));
    }
    for hex in ["c074", "f90000", "fa47c35000", "fb3ff199999999999a", "f7", "f0", "f818", "1c", "1e"] {
        check(hex, Err(CborError::Unsupported));
    }
    // Twice, falling, negative before positive, text before bytes, long before short.
    for hex in ["a201000100", "a202000100", "a220000100", "a26161004161f5", "a262616100616200"] {
        check(hex, Err(CborError::KeyOrder));
    }
    for hex in ["a1f500", "a18000", "a1a000", "a1f600"] {
        check(hex, Err(CborError::KeyType));
    }
    for hex in ["1b8000000000000000", "3b8000000000000000", "1bffffffffffffffff"] {
        check(hex, Err(CborError::OutOfRange));
    }
    check("61ff", Err(CborError::NotUtf8));
    check("0000", Err(CborError::Trailing));
}

#[test]
fn what_ends_early_is_refused_and_reserves_no_memory_for_what_it_announces() {
    for hex in ["", "18", "19ff", "41", "62c3", "81", "a1", "a101"] {
        check(hex, Err(CborError::Truncated));
    }
    for hex in ["5bffffffffffffffff", "7b7fffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff"] {
        check(hex, Err(CborError::Truncated));
    }
}

#[test]
fn depth_and_number_of_values_are_limited() {
    let nested = |levels: usize| [vec![0x81; levels], vec![0]].concat();
    assert!(Value::read(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(Value::read(&nested(DEPTH_MAX + 1)), Err(CborError::TooDeep));
    assert_eq!(Value::read(&nested(100_000)), Err(CborError::TooDeep));
    let wide = |values: usize| {
        let count = u16::try_from(values - 1).unwrap().to_be_bytes();
        [vec![0x99, count[0], count[1]], vec![0; values - 1]].concat()
    };
    assert!(Value::read(&wide(VALUES_MAX + 1)).is_err_and(|error| error == CborError::TooMany));
    assert_eq!(Value::read(&[[0x98, 255].as_slice(), &[0; 255]].concat()).map(|_| ()), Ok(()));
}

/// Any value that can be read, written canonically.
fn any_value() -> impl Strategy<Value = Vec<u8>> {
    let head = |major: u8, argument: u64| -> Vec<u8> {
        let wide = argument.to_be_bytes();
        match argument {
            0..=23 => vec![major << 5 | wide[7]],
            24..=0xff => vec![major << 5 | 24, wide[7]],
            0x100..=0xffff => vec![major << 5 | 25, wide[6], wide[7]],
            0x1_0000..=0xffff_ffff => [&[major << 5 | 26], &wide[4..]].concat(),
            _ => [&[major << 5 | 27], wide.as_slice()].concat(),
        }
    };
    let text = move |text: String| [head(3, text.len() as u64), text.into_bytes()].concat();
    let leaf = prop_oneof![
        (0..2u8, 0..=i64::MAX as u64).prop_map(move |(major, argument)| head(major, argument)),
        any::<Vec<u8>>().prop_map(move |bytes| [head(2, bytes.len() as u64), bytes].concat()),
        any::<String>().prop_map(text),
        prop_oneof![Just(vec![0xf4]), Just(vec![0xf5]), Just(vec![0xf6])],
    ];
    leaf.prop_recursive(4, 64, 6, move |inner| {
        let array = prop::collection::vec(inner.clone(), 0..6)
            .prop_map(move |values| [head(4, values.len() as u64), values.concat()].concat());
        let map = prop::collection::btree_map("[a-z]{0,30}", inner, 0..6).prop_map(move |pairs| {
            let mut pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (text(key), value)).collect();
            pairs.sort_by_key(|(key, _)| (key.len(), key.clone()));
            let count = head(5, pairs.len() as u64);
            pairs.into_iter().fold(count, |bytes, (key, value)| [bytes, key, value].concat())
        });
        prop_oneof![array, map]
    })
}

proptest! {
    #[test]
    fn whatever_is_canonical_is_read_and_its_prefixes_are_not(bytes in any_value()) {
        prop_assert!(Value::read(&bytes).is_ok());
        for end in 0..bytes.len() {
            prop_assert_eq!(Value::read(&bytes[..end]), Err(CborError::Truncated));
        }
    }

    #[test]
    fn whatever_is_read_or_not_nothing_panics(bytes in any::<Vec<u8>>()) {
        if let Ok((_, rest)) = Value::read_first(&bytes) {
            prop_assert!(rest.len() < bytes.len());
        }
    }
}
