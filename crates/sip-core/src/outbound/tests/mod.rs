mod flow;
mod registration;

use machine::{Machine, Time};

use super::*;
use crate::{ConnectionId, Flow, Transport};

pub(super) fn at(secs: u64) -> Time {
    Time::from_secs(secs)
}

pub(super) fn udp() -> Flow {
    Flow::udp("192.0.2.7:5060".parse().unwrap(), "192.0.2.10:5060".parse().unwrap())
}

pub(super) fn drain<M: Machine>(machine: &mut M) -> Vec<M::Output> {
    core::iter::from_fn(|| machine.poll_output()).collect()
}
