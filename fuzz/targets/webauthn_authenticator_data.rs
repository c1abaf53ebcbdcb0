#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gabion_webauthn::fuzz::authenticator_data(bytes));
