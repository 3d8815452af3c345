//! Groups: a number that rings several others (row Q10), at once or in turn, and extensions that are to be found elsewhere.

mod config;
mod plan;
mod ring;

pub use config::{
    Chase, Group, MAX_CHASE, MAX_DIVERSIONS, MAX_GROUP_DEPTH, MAX_MEMBERS, MAX_RUNG, Member, Mode, Otherwise,
};

pub(crate) use config::check;
pub(crate) use ring::{Chasing, Diverted};
