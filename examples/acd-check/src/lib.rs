//! Random stories of callers and agents. After every step, what the distribution said is held against a naive model that
//! keeps lists and scans them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of what the distribution says, the model needs a part"
)]

mod choice;
mod story;
mod truth;

pub use choice::{Record, Work};
pub use story::{Report, Story};
pub use truth::{Agent, Contact, Link, Place, Truth, Violation};
