//! Types for what messages carry, beside SDP and the documents of [event packages](crate::event).

pub mod xml;
