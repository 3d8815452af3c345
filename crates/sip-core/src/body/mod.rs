//! Types for what messages carry, beside SDP and the documents of [event packages](crate::event).
//!
//! - [`multipart`]: several bodies in one, and which of them have to be understood;
//! - [`dtmf`]: digits in an INFO; [`media_control`]: a wish for a whole picture;
//! - [`sipfrag`]: pieces of messages;
//! - [`xml`]: the bounds within which XML is read.
//!
//! A digit that was dialled during a call:
//!
//! ```
//! use sip_core::body::dtmf::{self, Dtmf};
//!
//! let pressed = Dtmf::parse(dtmf::RELAY, b"Signal=5\nDuration=160")?;
//! assert_eq!(pressed.signal.as_char(), '5');
//! # Ok::<(), dtmf::DtmfError>(())
//! ```

pub mod dtmf;
#[doc(hidden)]
pub mod fuzz;
pub mod media_control;
pub mod multipart;
pub mod sipfrag;
pub mod xml;
