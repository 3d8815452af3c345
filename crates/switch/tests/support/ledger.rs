//! An account of the switch's events: each call begins and ends once, each slot is filled and emptied by turns.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a ledger of calls and slots books nothing else"
)]

use std::collections::BTreeMap;

use switch::{CallId, Event};

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Calls begun and not ended, and whether they were answered.
    pub(crate) calls: BTreeMap<CallId, bool>,
    last: Option<CallId>,
    /// Who is in each slot.
    pub(crate) slots: BTreeMap<u32, CallId>,
}

impl Ledger {
    pub(super) fn book(&mut self, event: &Event) {
        match event {
            Event::CallStarted { call, .. } => {
                assert!(self.last < Some(*call), "used again: {event:?}");
                self.last = Some(*call);
                self.calls.insert(*call, false);
            }
            Event::CallAnswered { call, .. } => {
                assert_eq!(self.calls.insert(*call, true), Some(false), "{event:?}");
            }
            Event::CallEnded(record) => {
                let answered = self.calls.remove(&record.call);
                assert_eq!(answered, Some(record.answered.is_some()), "{event:?}");
                assert!(!self.slots.values().any(|call| *call == record.call), "{event:?}");
            }
            Event::Parked { call, slot, .. } => {
                assert!(self.calls.contains_key(call), "{event:?}");
                assert_eq!(self.slots.insert(slot.0, *call), None, "{event:?}");
            }
            Event::RecallStarted { call, slot, .. } | Event::ParkedAgain { call, slot } => {
                assert_eq!(self.slots.get(&slot.0), Some(call), "{event:?}");
            }
            Event::Retrieved { call, slot, .. } | Event::Abandoned { call, slot, .. } => {
                assert_eq!(self.slots.remove(&slot.0), Some(*call), "{event:?}");
            }
            Event::Transferred { call, .. } | Event::TransferFailed { call, .. } => {
                assert!(self.calls.contains_key(call), "{event:?}");
            }
            _ => {}
        }
    }
}
