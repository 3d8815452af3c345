//! What a plain user agent makes of a SIP message that comes as one UDP datagram.
//!
//! [`judge`] gives the datagram to a fresh [`Endpoint`] with the [`agent`] as its application, and says what was sent back:
//!
//! ```
//! use sip_torture::{Answer, judge};
//!
//! let verdict = judge(b"OPTIONS sip:bob@example.com SIP/3.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
//!     From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n");
//! assert!(!verdict.accepted);
//! assert!(matches!(verdict.answer, Answer::Status(status) if status.code() == 505));
//! ```

pub mod agent;

use bytes::Bytes;
use core::fmt;
use machine::{Machine, Time};
use sip_core::{Endpoint, EndpointConfig, Flow, Message, Method, Output, ParseError, StatusCode, Transport};

use agent::Agent;

/// What became of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Whether it is a well-formed message, fit for the application.
    pub accepted: bool,
    /// What was sent back.
    pub answer: Answer,
    /// What was wrong with it, if it was not accepted.
    pub fault: Option<ParseError>,
}

/// What was sent back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A final response.
    Status(StatusCode),
    /// Nothing: it was a response that nobody waited for, or could not be answered.
    Drop,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{}", status.code()),
            Self::Drop => f.write_str("drop"),
        }
    }
}

impl fmt::Display for Verdict {
    /// Verdict, status and reason, with tabs between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.accepted { "accept" } else { "reject" };
        write!(f, "{verdict}\t{}\t", self.answer)?;
        match (self.fault, self.answer) {
            (Some(fault), _) => write!(f, "{fault}"),
            (None, Answer::Status(status)) => f.write_str(status.reason()),
            (None, Answer::Drop) => f.write_str("nobody waits for it"),
        }
    }
}

/// Gives `datagram` to a fresh user agent.
#[must_use]
pub fn judge(datagram: &[u8]) -> Verdict {
    let data = Bytes::copy_from_slice(datagram);
    let fault = Message::parse(data.clone())
        .and_then(|message| message.validate())
        .err();
    Verdict {
        accepted: fault.is_none(),
        answer: answer(data),
        fault,
    }
}

fn answer(datagram: Bytes) -> Answer {
    let (local, remote) = (([192, 0, 2, 200], 5060).into(), ([192, 0, 2, 201], 5060).into());
    let flow = Flow::udp(local, remote);
    let mut config = EndpointConfig::new([(Transport::Udp, local)]);
    // A mere user agent sends nothing on (RFC 4475 §3.3.11).
    config.refuse_zero_max_forwards = false;
    config.methods = vec![
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Options,
        Method::Message,
        Method::Register,
    ];
    let mut endpoint = Endpoint::new(config, [0; 32]);
    let mut agent = Agent::default();
    let now = Time::from_secs(1);
    endpoint.receive(now, flow, datagram);
    let mut answer = Answer::Drop;
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Event(event) => agent.handle(now, &mut endpoint, event),
            Output::Transmit(sent) => {
                if let Ok(Message::Response(response)) = Message::parse(sent.data)
                    && response.status().is_final()
                {
                    answer = Answer::Status(response.status());
                }
            }
            Output::CloseConnection(_) => {}
        }
    }
    answer
}
