//! What the switch tells, as lines of the log.

use switch::{Board, Changes, Event};
use tracing::{error, info, warn};

/// Logs an event under the target `switch`.
pub(crate) fn tell(event: &Event) {
    match event {
        Event::Registered {
            number,
            contact,
            source,
        } => {
            info!(target: "switch", %number, %source, %contact, "registered");
        }
        Event::Unregistered { number, contact } => info!(target: "switch", %number, %contact, "unregistered"),
        Event::AuthenticationFailed { source, user, cause } => {
            warn!(target: "switch", %source, user = ?user, %cause, "authentication failed");
        }
        Event::SourceBanned { source, until, user } => {
            warn!(target: "switch", %source, ?user, until = until.as_secs(), "banned");
        }
        Event::SourceUnbanned { source } => info!(target: "switch", %source, "no longer banned"),
        Event::UserAttacked { user } => warn!(target: "switch", ?user, "many fail with this name"),
        Event::Configured(changes) => configured(changes),
        Event::ConfigurationRefused(error) => error!(target: "switch", %error, "the new configuration is not taken"),
        Event::Queue {
            contact,
            call,
            queue,
            what,
            ..
        } => {
            info!(target: "queue", contact = contact.0, call = call.0, queue, event = ?what);
        }
        Event::Agent { agent, from, to, .. } => info!(target: "queue", agent, ?from, ?to, "agent"),
        Event::CallStarted { call, from, to } => info!(target: "switch", call = call.0, ?from, ?to, "call"),
        Event::CallAnswered { call, by } => info!(target: "switch", call = call.0, ?by, "answered"),
        Event::CallEnded(record) => {
            let seconds = (record.ended - record.started).as_secs();
            let cause = record.cause;
            info!(target: "switch", call = record.call.0, seconds, ?cause, "ended");
        }
        Event::Transferred { call, by, to, attended } => {
            info!(target: "switch", call = call.0, ?by, ?to, attended, "transferred");
        }
        Event::TransferFailed { call, by, status } => {
            info!(target: "switch", call = call.0, ?by, status, "transfer failed");
        }
        Event::Diverted { call, from, to, status } => {
            info!(target: "switch", call = call.0, ?from, ?to, status, "nobody answers, goes on");
        }
        Event::Supervised { call, by, agent, how } => match how {
            Some(how) => info!(target: "switch", call = call.0, ?by, ?agent, ?how, "supervised"),
            None => info!(target: "switch", call = call.0, ?by, ?agent, "no longer supervised"),
        },
        Event::Parked { call, lot, slot, by } => info!(target: "switch", call = call.0, lot, %slot, ?by, "parked"),
        Event::RecallStarted { call, slot, target } => {
            info!(target: "switch", call = call.0, %slot, ?target, "recall");
        }
        Event::ParkedAgain { call, slot } => info!(target: "switch", call = call.0, %slot, "parked again"),
        Event::Retrieved {
            call,
            slot,
            by,
            recall,
            waited,
        } => {
            info!(target: "switch", call = call.0, %slot, ?by, recall, seconds = waited.as_secs(), "retrieved");
        }
        Event::Abandoned { call, slot, waited } => {
            info!(target: "switch", call = call.0, %slot, seconds = waited.as_secs(), "abandoned");
        }
        other => info!(target: "switch", event = ?other, "event"),
    }
}

/// What a new configuration changed, and what it could not.
fn configured(changes: &Changes) {
    if changes.is_empty() {
        info!(target: "switch", "the configuration is the same as before");
    }
    let lists = [
        ("extensions", &changes.extensions),
        ("lots", &changes.lots),
        ("groups", &changes.groups),
        ("queues", &changes.queues),
        ("agents", &changes.agents),
    ];
    for (what, difference) in lists.into_iter().filter(|(_, difference)| !difference.is_empty()) {
        let (added, removed, changed) = (&difference.added, &difference.removed, &difference.changed);
        info!(target: "switch", ?added, ?removed, ?changed, "configuration: {what}");
    }
    for setting in &changes.settings {
        info!(target: "switch", "configuration: {setting} changed");
    }
    for setting in &changes.at_restart {
        warn!(target: "switch", "configuration: {setting} cannot be changed while the server runs: restart it for that");
    }
}

/// Writes the board, a line of it a line of the log.
pub(crate) fn board(board: &Board) {
    for line in board.to_string().lines() {
        info!(target: "board", "{}", line.trim_end());
    }
}
