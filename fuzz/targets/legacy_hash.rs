#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gabion_crypto::fuzz::legacy_hash(bytes));
