#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sip_core::fuzz::header::any(data));
