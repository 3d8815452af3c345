//! The Strowger PBX server.
fn main() {}
