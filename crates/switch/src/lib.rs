//! Call control without I/O: a back-to-back user agent with extensions, transfers and parking.
//!
//! A [`Switch`] takes everything that happens as one [`Input`] (SIP packets, what the media engine tells, a shutdown) and
//! says what is to be done as one queue of [`Output`]s: packets to send, commands for the media engine, events for a log.
//! It has no socket, no clock and no thread, so the same machine serves phones, runs in a simulator, and can be replayed.
//!
//! ```
//! use bytes::Bytes;
//! use machine::{Machine, Time};
//! use sip_core::Flow;
//! use switch::{Config, Extension, Input, Lot, Output, Switch};
//!
//! let mut config = Config::new("pbx.test");
//! config.extensions.push(Extension::new("1001", "Reception", "secret"));
//! config.extensions.push(Extension::new("1002", "Workshop", "secret too"));
//! config.lots.push(Lot::new("700", 701..=720));
//! let mut switch = Switch::new(config, [7; 32])?;
//!
//! // A packet came in by the socket:
//! let packet = "REGISTER sip:pbx.test SIP/2.0\r\n\
//!     Via: SIP/2.0/UDP 127.0.0.1:40001;branch=z9hG4bK1;rport\r\n\
//!     Max-Forwards: 70\r\n\
//!     From: <sip:1001@pbx.test>;tag=a\r\n\
//!     To: <sip:1001@pbx.test>\r\n\
//!     Call-ID: 1\r\n\
//!     CSeq: 1 REGISTER\r\n\
//!     Contact: <sip:1001@127.0.0.1:40001>\r\n\
//!     Content-Length: 0\r\n\r\n";
//! let flow = Flow::udp("127.0.0.1:5060".parse()?, "127.0.0.1:40001".parse()?);
//! let now = Time::from_secs(1_800_000_000); // the embedder's clock
//! switch.handle(now, Input::Sip { flow, data: Bytes::from(packet) });
//!
//! // What is to be done about it: the phone is asked who it is.
//! while let Some(output) = switch.poll_output() {
//!     if let Output::Sip(transmit) = output {
//!         assert!(transmit.data.starts_with(b"SIP/2.0 401 Unauthorized\r\n"));
//!         assert_eq!(transmit.flow.remote, flow.remote);
//!     }
//! }
//! // Call `handle_timeout` when this says so.
//! assert!(switch.poll_timeout().is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it thinks
//!
//! A *leg* is one phone's part in a call: a SIP session, a media stream and an offer/answer negotiation with the switch. It is always in
//! exactly one [`Place`]. A *hunt* rings all phones of a number for a leg that waits. Each phone negotiates with the switch alone, so
//! that hold, transfer and parking of one party never touch the other party's dialog.
//!
//! # Limits
//!
//! [`Config::max_calls`] calls at once (503 beyond), one port pair of [`Config::media_ports`] a leg (503 beyond), [`MAX_SLOTS`] slots a lot,
//! [`MAX_RECALL_TARGETS`] targets a recall, one supervisor a call, [`MAX_MEMBERS`] members a group ([`MAX_RUNG`] with those of groups within it, [`MAX_GROUP_DEPTH`] deep),
//! [`MAX_DIVERSIONS`] diversions a call, [`MAX_DIALOGS`] calls a NOTIFY, as many digits as the feature code has, and the limits of
//! [`sip_core::Endpoint`], [`sip_core::registrar::Registrar`] and [`park::Lot`].
//!
//! # Writing it out
//!
//! With feature `serde` a whole [`Switch`] can be written at any moment between two steps and read back, what it has still to say
//! included; it goes on with its calls. What is written holds the extensions' passwords.

mod audit;
mod board;
mod calls;
mod changes;
mod config;
mod configure;
mod event;
mod feature;
mod group;
mod hunt;
mod input;
mod invite;
mod leg;
mod media;
mod parking;
mod ports;
mod queue;
#[cfg(feature = "serde")]
mod saved;
mod sip;
mod supervise;
mod switch;
mod transfer;
mod watch;

pub use acd;
pub use audit::Fault;
pub use board::{Board, BoardAgent, BoardQueue};
pub use changes::{Changes, Difference, Setting};
pub use config::{Config, ConfigError, Extension, Lot, MAX_RECALL_TARGETS, MAX_SLOTS, RecallTarget};
pub use event::{CallId, CallRecord, EndCause, Event};
pub use group::{
    Chase, Group, MAX_CHASE, MAX_DIVERSIONS, MAX_GROUP_DEPTH, MAX_MEMBERS, MAX_RUNG, Member, Mode, Otherwise,
};
pub use input::{Input, Output};
pub use leg::{LegId, LegView, Place};
pub use park::{Choice, SlotNumber};
pub use queue::{
    Agent, AgentCodes, AgentCommand, AgentView, ContactId, Elsewhere, KeyAction, MAX_AGENTS, MAX_QUEUES, NotTaken,
    Queue, QueueEvent, QueueMember, QueueView, sounds,
};
pub use rtp_media::say::Language;
pub use supervise::{EVERYBODY, Supervising, SupervisorCodes};
pub use switch::{Stats, Switch};
pub use watch::MAX_DIALOGS;

/// The sound that a party on hold hears, by its name in the engine's library.
pub const DEFAULT_MUSIC: &str = "default";
