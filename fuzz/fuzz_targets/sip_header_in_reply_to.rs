#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sip_core::fuzz::header::in_reply_to(data));
