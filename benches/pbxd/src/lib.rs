//! The parts of the benchmark of `pbxd`: the server under test, SIPp as its phones, RTP streams, and the kernel's account of
//! what the server has used.

pub mod account;
pub mod books;
pub mod rtp;
pub mod server;
pub mod sipp;
pub mod trace;

/// Whatever went wrong: a benchmark that cannot measure ends with a message.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Prints a figure for people and scripts alike.
pub fn figure(name: &str, value: f64, unit: &str) {
    println!("FIGURE {name} {value:.3} {unit}");
}
