//! The strategies as plain functions: what is known of an agent goes in, his rank comes out, and the lowest rank gets the contact.
//! Of equal ranks, who has been idle for longest does.
//!
//! Ranks are taken when an agent comes free, so that choosing one of thousands costs no more than choosing one of ten. All of these depend on
//! nothing that changes while he is free. An embedder's own strategy is such a function, too:
//!
//! ```
//! use acd::{Acd, AgentConfig, Arrival, Candidate, Limits, Output, QueueConfig, QueueId, Strategy, rank};
//! use machine::{Machine, Time};
//!
//! /// Whoever has had fewer than three contacts comes first, then who is best at it.
//! fn let_them_learn(agent: &Candidate<'_>) -> u64 {
//!     if agent.contacts < 3 { 0 } else { rank::skill_based(agent) }
//! }
//!
//! let (now, sales, own) = (Time::from_secs(1), QueueId(1), Strategy::Custom(1));
//! let mut acd: Acd<u64, &str> = Acd::new(Limits::default(), [7; 32]);
//! acd.set_rank(1, let_them_learn);
//! acd.set_queue(now, sales, QueueConfig::new(own))?;
//! acd.set_agent(now, "anna", AgentConfig::in_queues([sales]))?;
//! acd.sign_on(now, &"anna")?;
//! acd.arrive(now, 1, Arrival::call(sales))?;
//! assert!(std::iter::from_fn(|| acd.poll_output()).any(|said| matches!(said, Output::Offer { agent: "anna", .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::time::Duration;

use machine::Time;

use crate::Candidate;

/// Who has been free for longest since his last contact (FreeSWITCH `longest-idle-agent`, Avaya's most idle agent). Also the order in which
/// [`RingAll`](crate::Strategy::RingAll) and [`RingProgressively`](crate::Strategy::RingProgressively) ring.
#[must_use]
pub fn longest_idle(agent: &Candidate<'_>) -> u64 {
    agent.idle_since.as_nanos()
}

/// Whose last contact of this queue ended the longest ago; who had none is first (Asterisk `leastrecent`).
#[must_use]
pub fn least_recent(agent: &Candidate<'_>) -> u64 {
    agent.last.map_or(0, Time::as_nanos)
}

/// Who has had the fewest contacts of this queue (Asterisk `fewestcalls`).
#[must_use]
pub fn fewest_calls(agent: &Candidate<'_>) -> u64 {
    u64::from(agent.contacts)
}

/// Who has talked for the shortest time since he signed on, over all queues (FreeSWITCH `agent-with-least-talk-time`).
#[must_use]
pub fn least_talk_time(agent: &Candidate<'_>) -> u64 {
    nanos(agent.talk)
}

/// Who was occupied for the smallest share of his time since he signed on, as it was when he came free (Avaya's least occupied agent: that share
/// gives the place among the available).
#[must_use]
pub fn least_occupied(agent: &Candidate<'_>) -> u64 {
    u64::from(agent.occupancy)
}

/// By position (Asterisk `linear` and `rrmemory`, FreeSWITCH `top-down`, `round-robin`, `sequentially-by-agent-order`); of equal positions, who
/// came to the queue first.
#[must_use]
pub fn position(agent: &Candidate<'_>) -> u64 {
    u64::from(agent.membership.position)
}

/// Who has the highest sum of levels in the skills that the contact needs.
#[must_use]
pub fn skill_based(agent: &Candidate<'_>) -> u64 {
    u64::from(u32::MAX - agent.skills.score(agent.needed))
}

/// Whose work for this queue is the smallest part of his share ([`Membership::weight`](crate::Membership::weight)) (Avaya's percent allocation: the
/// lowest ratio of work time to target allocation).
#[must_use]
pub fn share(agent: &Candidate<'_>) -> u64 {
    nanos(agent.work) / u64::from(agent.membership.weight.max(1))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
