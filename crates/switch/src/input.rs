//! What goes into a switch, and what comes out.

use std::net::SocketAddr;

use bytes::Bytes;
use sip_core::{ConnectionId, Flow, Transport};

use crate::config::Config;
use crate::event::Event;
use crate::queue::AgentCommand;

/// Everything that can happen to a [`Switch`](crate::Switch), as a value: it can be journalled, replayed and fuzzed.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Input {
    /// A SIP datagram, or bytes of a SIP connection.
    Sip {
        /// Where it came from.
        flow: Flow,
        /// What it says.
        data: Bytes,
    },
    /// A SIP connection was accepted, or one that was asked for was opened. `flow.connection` is set.
    SipConnectionOpened(Flow),
    /// A SIP connection is closed.
    SipConnectionClosed(ConnectionId),
    /// A packet could not be sent, or a connection could not be opened.
    SipUnreachable {
        /// By which transport.
        transport: Transport,
        /// Where to.
        remote: SocketAddr,
    },
    /// The media engine has something to tell.
    Media(rtp_media::Event),
    /// Another configuration ([`Switch::configure`](crate::Switch::configure)); [`Event::Configured`] or
    /// [`Event::ConfigurationRefused`] follows.
    Configure(Box<Config>),
    /// An agent signs on or off, pauses or goes on, asked for by something else than his phone. What he cannot do now is not
    /// done.
    Agent {
        /// His number.
        number: String,
        /// What he does.
        command: AgentCommand,
    },
    /// A queue's working hours begin or end. A closed one lets nobody in; who waits stays.
    QueueOpen {
        /// The queue's number.
        queue: String,
        /// Whether it lets callers in from now on.
        open: bool,
    },
    /// The switch ends all calls and takes no new ones.
    Shutdown,
}

/// What a [`Switch`](crate::Switch) wants done, or has to tell.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Output {
    /// Send this SIP packet.
    Sip(sip_core::Transmit),
    /// Close this SIP connection.
    CloseConnection(ConnectionId),
    /// Hand this to the media engine.
    Media(rtp_media::Command),
    /// Something happened that a log, a store or a console may want to know.
    Event(Event),
}
