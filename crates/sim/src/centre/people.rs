//! Callers and agents, as a run keeps them, and what they are made from.

use core::time::Duration;

use acd::{AgentState, Arrival};
use machine::Time;
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use smallvec::SmallVec;

use super::arrivals::{Recorded, Stream};
use super::distribution::Sampler;
use super::scenario::{AgentGroup, CallBack, ContactType, ScenarioError};
use super::tally::Place;

/// Fast, and the same on every machine.
pub(crate) type Chance = Xoshiro256PlusPlus;

/// Independent chance for each purpose. What callers bring with them does not depend on who serves them, so that the same seed
/// brings the same callers whatever the staff and the strategy are: differences are then those of the staff and the strategy.
pub(crate) struct Seeds(ChaCha12Rng);

impl Seeds {
    pub(crate) fn new(seed: u64, replication: u64) -> Self {
        let mut seeds = ChaCha12Rng::seed_from_u64(seed);
        seeds.set_stream(replication);
        Self(seeds)
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        rand_core::Rng::fill_bytes(&mut self.0, &mut bytes);
        bytes
    }

    pub(crate) fn chance(&mut self) -> Chance {
        Chance::from_seed(self.bytes())
    }
}

/// Contacts of a type.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(crate) arrival: Arrival<u32>,
    pub(crate) stream: Stream,
    /// The next one.
    pub(crate) next: Option<Recorded>,
    pub(crate) chance: Chance,
    pub(crate) patience: Option<Sampler>,
    pub(crate) service: Sampler,
    pub(crate) wrap_up: Option<Sampler>,
    pub(crate) threshold: Duration,
    pub(crate) redial: Option<(f64, Sampler)>,
    pub(crate) call_back: Option<(CallBack, Sampler)>,
}

impl Kind {
    pub(crate) fn new(number: usize, of: &ContactType, seeds: &mut Seeds) -> Result<Self, ScenarioError> {
        let wrong = |error| ScenarioError::Type(number, error);
        let mut arrival = Arrival::call(of.queue);
        arrival.channel = of.channel;
        arrival.priority = of.priority;
        arrival.needs = of.needs.clone();
        let mut kind = Self {
            name: of.name.clone(),
            arrival,
            stream: of
                .arrivals
                .stream()
                .map_err(|error| ScenarioError::Arrivals(number, error))?,
            next: None,
            chance: seeds.chance(),
            patience: of
                .patience
                .as_ref()
                .map(|patience| patience.sampler())
                .transpose()
                .map_err(wrong)?,
            service: of.service.sampler().map_err(wrong)?,
            wrap_up: of
                .wrap_up
                .as_ref()
                .map(|wrap_up| wrap_up.sampler())
                .transpose()
                .map_err(wrong)?,
            threshold: of.threshold,
            redial: match &of.redial {
                Some(redial) => Some((redial.share, redial.after.sampler().map_err(wrong)?)),
                None => None,
            },
            call_back: match &of.call_back {
                Some(back) => Some((back.clone(), back.ring.sampler().map_err(wrong)?)),
                None => None,
            },
        };
        kind.next = kind.stream.next(&mut kind.chance);
        Ok(kind)
    }
}

/// A contact that is there.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) id: u64,
    pub(crate) kind: u16,
    pub(crate) place: Place,
    pub(crate) arrived: Time,
    pub(crate) service: Duration,
    pub(crate) wrap_up: Option<Duration>,
    /// Since when an agent has had it, and which.
    pub(crate) talks: Option<(Time, u32)>,
    /// Nobody is on the line.
    pub(crate) hung_up: bool,
    /// The agent who waits while the customer is called.
    pub(crate) dialled: Option<u32>,
}

/// An agent.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) group: u16,
    /// His number in the group, from 1.
    pub(crate) number: u32,
    /// Offers that ring: their serial numbers and contacts.
    pub(crate) offers: SmallVec<[(u32, u64); 1]>,
    pub(crate) next_offer: u32,
    pub(crate) talks: u32,
    pub(crate) state: AgentState,
    /// What the talk that ended last leaves to do, and the serial number of the wrap-up.
    pub(crate) wrap_up: Option<Duration>,
    pub(crate) wrap_ups: u32,
}

impl Worker {
    pub(crate) fn new(group: u16, number: u32) -> Self {
        Self {
            group,
            number,
            offers: SmallVec::new(),
            next_offer: 0,
            talks: 0,
            state: AgentState::Off,
            wrap_up: None,
            wrap_ups: 0,
        }
    }
}

/// A group of agents.
#[derive(Debug)]
pub(crate) struct Team {
    pub(crate) name: String,
    pub(crate) answer: Sampler,
    /// Whether they answer at once, always.
    pub(crate) at_once: bool,
    pub(crate) rejects: f64,
    pub(crate) misses: f64,
    pub(crate) pace: f64,
    /// How many contacts one of them may have.
    pub(crate) capacity: u32,
}

impl Team {
    pub(crate) fn new(number: usize, of: &AgentGroup) -> Result<Self, ScenarioError> {
        let wrong = |error| ScenarioError::Group(number, error);
        if !(0.01..=100.0).contains(&of.pace) {
            return Err(wrong(super::text::TextError::Number));
        }
        Ok(Self {
            name: of.name.clone(),
            answer: of.answer.sampler().map_err(wrong)?,
            at_once: of.answer == super::Distribution::Fixed(Duration::ZERO) && of.rejects == 0.0 && of.misses == 0.0,
            rejects: of.rejects,
            misses: of.misses,
            pace: of.pace,
            capacity: of.config.capacity.iter().map(|(_, most)| u32::from(*most)).sum(),
        })
    }
}

/// Whether an agent in that state counts as staffed.
pub(crate) const fn is_staffed(state: AgentState) -> bool {
    matches!(
        state,
        AgentState::Ready | AgentState::Reserved | AgentState::Ringing | AgentState::Busy | AgentState::WrapUp
    )
}

/// Whether he is occupied.
pub(crate) const fn is_occupied(state: AgentState) -> bool {
    matches!(state, AgentState::Busy | AgentState::WrapUp)
}
