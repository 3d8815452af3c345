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
