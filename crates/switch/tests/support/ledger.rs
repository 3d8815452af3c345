//! An account of the switch's events: each call begins and ends once, each slot is filled and emptied by turns.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a ledger of calls and slots books nothing else"
)]

use std::collections::BTreeMap;

use switch::acd::AgentState;
use switch::{CallId, ContactId, Event, QueueEvent};

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Calls begun and not ended, and whether they were answered.
    pub(crate) calls: BTreeMap<CallId, bool>,
    last: Option<CallId>,
    /// Who is in each slot.
    pub(crate) slots: BTreeMap<u32, CallId>,
    /// Contacts of queues that came and did not end, and by whom each was answered.
    pub(crate) contacts: BTreeMap<ContactId, Option<String>>,
    /// What each agent was last told to do.
    pub(crate) agents: BTreeMap<String, AgentState>,
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
            Event::Queue { contact, what, .. } => self.book_contact(*contact, what),
            Event::Agent { agent, from, to, .. } => {
                let before = self.agents.insert(agent.clone(), *to);
                assert_eq!(before.unwrap_or(AgentState::Off), *from, "{event:?}");
            }
            _ => {}
        }
    }

    fn book_contact(&mut self, contact: ContactId, what: &QueueEvent) {
        let known = self.contacts.get(&contact).cloned();
        match what {
            QueueEvent::Arrived { .. } => assert_eq!(known, None, "came twice"),
            _ => assert!(known.is_some(), "{contact:?} ended before: {what:?}"),
        }
        match what {
            QueueEvent::Arrived { .. } | QueueEvent::AgentLost { .. } => {
                self.contacts.insert(contact, None);
            }
            QueueEvent::Moved { cause: None, .. } => {
                self.contacts.insert(contact, None);
            }
            QueueEvent::Answered { agent, .. } => {
                assert_eq!(known, Some(None), "answered twice: {what:?}");
                self.contacts.insert(contact, Some(agent.clone()));
            }
            QueueEvent::Abandoned { .. } | QueueEvent::Left { .. } => {
                assert_eq!(known, Some(None), "{what:?} in a talk");
                self.contacts.remove(&contact);
            }
            what if what.is_last() => {
                self.contacts.remove(&contact);
            }
            _ => {}
        }
    }
}
