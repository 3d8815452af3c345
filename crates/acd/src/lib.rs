//! Agents, queues, routing strategies and call-backs, for any kind of contact and agent id, without I/O.
//!
//! An [`Acd`] distributes contacts (calls, chats, e-mails) to agents. A freed agent and the next contact meet in the
//! same step, whatever the number of either. It knows neither SIP nor sound: it says whom to ring and whom to connect, and
//! its owner tells it what came of that.
//!
//! ```
//! use acd::{Acd, AgentConfig, Arrival, Limits, Output, QueueConfig, QueueId, Strategy};
//! use machine::{Machine, Time};
//! use std::time::Duration;
//!
//! let (sales, noon) = (QueueId(1), Time::from_secs(43_200));
//! let mut acd: Acd<u64, &str> = Acd::new(Limits::default(), [7; 32]);
//! acd.set_queue(noon, sales, QueueConfig::new(Strategy::LongestIdle))?;
//! acd.set_agent(noon, "anna", AgentConfig::in_queues([sales]))?;
//! acd.sign_on(noon, &"anna")?;
//!
//! // Two callers. The first is offered to Anna at once, the second waits.
//! acd.arrive(noon, 1, Arrival::call(sales))?;
//! acd.arrive(noon, 2, Arrival::call(sales))?;
//! acd.accept(noon + Duration::from_secs(3), &1, &"anna")?;
//! let talk_ended = noon + Duration::from_secs(90);
//! acd.end(talk_ended, &1)?;
//!
//! let offers: Vec<u64> = std::iter::from_fn(|| acd.poll_output())
//!     .filter_map(|output| match output {
//!         Output::Offer { contact, .. } => Some(contact), // ring Anna's phone
//!         _ => None, // AgentStateChanged, Connect (let them talk), Ended…
//!     })
//!     .collect();
//! assert_eq!(offers, [1, 2], "in the instant in which Anna was free");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Rules
//!
//! - A freed agent and the next contact meet in the step that frees him. No contact waits while an agent is ready who may have it.
//! - At equal priority and skills nobody is overtaken: contacts are served in the order of their arrival, which transfers, re-queues and
//!   call-backs keep.
//! - A contact rings at one agent, or at several where the strategy says so; the first to accept wins, and the others are withdrawn in that step.
//! - Each contact has exactly one [`Output::Ended`]. Each talk is followed by the wrap-up that its queue or agent asks for, also when the contact
//!   goes on to another queue or agent.
//! - An offer ends by itself ([`QueueConfig::ring_time`]); from every state an agent and a contact can leave.
//! - Of inputs at one instant the first to be handed in wins; the others are an `Err` that changed nothing. Of things that are due at one instant,
//!   contacts come to their next stage first, then agents come free, then contacts are given up: who is served at the last instant is served.
//! - Local time is the embedder's: it opens and closes queues by its own calendar ([`Acd::set_open`]).
//!
//! # Cost and limits
//!
//! Contacts with the same needs meet the agents who are fit for them in a *pool* of their queue; a step looks at the pools of one agent or one
//! contact, and costs the same with ten contacts and with a hundred thousand. An agent who comes free looks at as many pools as he is fit for:
//! at those of his queues whose needs he has, not at others. What can grow has a bound in [`Limits`].
//!
//! # Features
//!
//! - `serde`: the whole state can be written and read back, and goes on as if nothing had happened. Strategies of the embedder's own are
//!   functions, and have to be [set again](Acd::set_rank).

mod acd;
mod admin;
mod agent;
mod arrive;
mod audit;
mod config;
mod contact;
mod customers;
mod due;
mod error;
mod event;
mod expected;
mod finish;
#[doc(hidden)]
pub mod fuzz;
mod limits;
mod matching;
mod name;
mod offer;
mod pool;
mod positions;
mod queue;
pub mod rank;
mod ringing;
#[cfg(feature = "serde")]
mod saved;
mod sign;
mod skill;
mod strategy;
mod view;

pub use acd::{Acd, Id};
pub use config::{
    Abandoned, AgentConfig, Announcements, CallBacks, Channel, Counted, Membership, Order, QueueConfig, QueueId,
    Rights, Ring, Target, WrapUp,
};
pub use contact::{Arrival, CallBackTime};
pub use customers::Served;
pub use error::{AgentError, ArriveError, ContactError, QueueError};
pub use event::{AgentState, Outcome, Output, OverflowCause, PauseReason, Withdrawal};
pub use limits::Limits;
pub use name::NameError;
pub use offer::{CalledBack, Decline};
pub use queue::Population;
pub use skill::{SkillId, Skills};
pub use strategy::{Candidate, Rank, Strategy};
pub use view::{ContactView, Live, QueueView};
