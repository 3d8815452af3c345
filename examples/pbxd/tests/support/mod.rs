//! What the tests of the running server share: the server itself, phones, and measured sound.
#![allow(dead_code, reason = "each test program uses its part of this")]

pub(crate) mod baresip;
pub(crate) mod call;
pub(crate) mod phone;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod rtp;
pub(crate) mod server;
pub(crate) mod sipp;
pub(crate) mod sound;
