#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sip_core::fuzz::header::p_called_party_id(data));
