//! From a SIP URI to the addresses that a request can be sent to, in order (RFC 3263), as a machine without I/O: names
//! in, DNS questions out; answers in, ordered targets out.
//!
//! A [`Resolver`] is asked with [`Resolver::resolve`]. It puts [`Output::Ask`] into its queue for each DNS question that its
//! cache cannot answer; whoever owns the sockets asks any DNS client and hands the answer to [`Resolver::answer`]. In the
//! end comes [`Output::Resolved`] with [`Targets`], an iterator over everything worth trying, the best first, or
//! [`Output::Unresolved`].
//!
//! ```
//! use machine::{Machine, Time};
//! use sip_core::Transport;
//! use sip_core::resolver::{
//!     Answer, Destination, DnsName, Families, Kind, Output, Question, Record, RecordData, Resolver, ResolverConfig,
//! };
//!
//! let mut config = ResolverConfig::default();
//! config.families = Families::V4Only;
//! let mut resolver = Resolver::new(config, [7; 32]);
//!
//! // What a DNS client would find.
//! let name = |text: &str| DnsName::new(text).unwrap();
//! let dns = |question: &Question| {
//!     let data = match (question.name.as_str(), question.kind) {
//!         ("_sip._udp.example.com", Kind::Srv) => {
//!             let (target, priority, weight, port) = (name("pbx.example.com"), 1, 0, 5080);
//!             RecordData::Srv { priority, weight, port, target }
//!         }
//!         ("pbx.example.com", Kind::A) => RecordData::A([192, 0, 2, 9].into()),
//!         _ => return Answer::Absent { ttl: None },
//!     };
//!     Answer::Records(vec![Record::new(question.name.clone(), 300, data)])
//! };
//!
//! let now = Time::from_secs(1_000);
//! resolver.resolve(now, Destination::new(&"sip:bob@example.com".parse()?)?)?;
//! let mut targets = loop {
//!     match resolver.poll_output() {
//!         Some(Output::Ask(question)) => resolver.answer(now, &question, dns(&question)),
//!         Some(Output::Resolved { targets, .. }) => break targets,
//!         other => panic!("{other:?}"),
//!     }
//! };
//! let target = targets.next().unwrap();
//! assert_eq!((target.transport, target.address), (Transport::Udp, "192.0.2.9:5080".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # With an endpoint
//!
//! Neither knows the other. The embedder resolves first and gives the targets to the request; the
//! [`Endpoint`](crate::Endpoint) sends to the first, fails over to the next by itself (503, no response, broken transport), and
//! tells with [`Event::HopFailed`](crate::Event::HopFailed) which one failed, so that [`Resolver::failed`] keeps others from
//! it for a while:
//!
//! ```
//! use machine::{Machine, Time};
//! use sip_core::resolver::{Destination, Output as Dns, Resolver, ResolverConfig};
//! use sip_core::{Endpoint, EndpointConfig, Event, Invite, NameAddr, Output, Transport, Uri};
//!
//! # let now = Time::from_secs(1_000);
//! let mut endpoint = Endpoint::new(EndpointConfig::new([(Transport::Udp, "192.0.2.1:5060".parse()?)]), [1; 32]);
//! let mut resolver = Resolver::new(ResolverConfig::default(), [2; 32]);
//!
//! let bob: Uri = "sip:bob@192.0.2.2".parse()?; // with a name, `Dns::Ask` comes first
//! resolver.resolve(now, Destination::new(&bob)?)?;
//! if let Some(Dns::Resolved { targets, .. }) = resolver.poll_output() {
//!     let me = NameAddr::new("sip:alice@example.com".parse()?);
//!     endpoint.invite(now, Invite::new(bob.clone(), me, NameAddr::new(bob)).by(targets))?;
//! }
//! while let Some(output) = endpoint.poll_output() {
//!     match output {
//!         Output::Event(Event::HopFailed { flow, retry_after, .. }) => {
//!             resolver.failed(now, flow.transport, flow.remote, retry_after);
//!         }
//!         Output::Transmit(transmit) => assert_eq!(transmit.flow.remote, "192.0.2.2:5060".parse()?),
//!         _ => {}
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be relied upon
//!
//! - Every lookup ends: with an answer, or when [`ResolverConfig::question_timeout`] has passed for each of its
//!   steps (NAPTR, SRV, addresses, at most eight aliases of each). Once an address is known, what is still missing has
//!   [`ResolverConfig::grace`] to come.
//! - The same questions are asked once, however many lookups wait for them; answers are kept for their TTL, absences and
//!   failures for a shorter time, all within [`ResolverConfig::max_cached`].
//! - `sips` resolves to TLS (or secure WebSocket) and nothing else. [`Target::name`] is what the certificate has to prove: the
//!   name of the URI, never one that came out of the DNS (RFC 5922 §4).
//! - Records that nobody asked for are not looked at.

mod cache;
mod config;
mod destination;
#[doc(hidden)]
pub mod fuzz;
mod lookup;
mod name;
mod order;
mod plan;
mod record;
mod target;

pub use config::{Families, ResolverConfig};
pub use destination::{Destination, DestinationError};
pub use lookup::{LookupId, Output, ResolveError, Resolver, Unresolved};
pub use name::{BadName, DnsName};
pub use record::{Answer, Kind, Question, Record, RecordData};
pub use target::{Target, Targets};

#[cfg(test)]
mod tests;
