//! What `sip-core` is measured by: one message, what is done with it, and whole calls.

pub mod calls;
pub mod invite;
pub mod ours;
pub mod proxied;
