#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gabion_password::fuzz::leak_filter(bytes));
