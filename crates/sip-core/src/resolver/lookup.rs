//! The machine: lookups under way, questions under way, and what is kept.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use slotmap::SlotMap;

use super::cache::Expiring;
use super::plan::{Plan, plan};
use super::record::Found;
use super::{Answer, Destination, Kind, Question, ResolverConfig, Target, Targets};
use crate::{StatusCode, Transport};

slotmap::new_key_type! {
    /// One lookup, from [`Resolver::resolve`] to its result.
    pub struct LookupId;
}

/// The machine. See the [module](super) for examples.
///
/// With feature `serde` its whole state can be written and read back.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Resolver {
    config: ResolverConfig,
    rng: ChaCha12Rng,
    now: Time,
    lookups: SlotMap<LookupId, Lookup>,
    #[cfg_attr(feature = "serde", serde(with = "crate::endpoint::saved::by_remote"))]
    asked: BTreeMap<Question, Asked>,
    due: BTreeSet<(Time, Due)>,
    cache: Expiring<Question, Found>,
    avoided: Expiring<(Transport, SocketAddr), ()>,
    outputs: VecDeque<Output>,
}

/// What a resolver wants done or has to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Output {
    /// Ask the DNS, and hand what it says to [`Resolver::answer`]. It is waited for as long as
    /// [`ResolverConfig::question_timeout`].
    Ask(Question),
    /// Where to send, the best first. The lookup is over.
    Resolved {
        /// Which lookup.
        lookup: LookupId,
        /// At least one target.
        targets: Targets,
    },
    /// There is nowhere to send. The lookup is over.
    Unresolved {
        /// Which lookup.
        lookup: LookupId,
        /// Why.
        error: Unresolved,
    },
}

/// Why there is nowhere to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Unresolved {
    /// The DNS knows no address.
    #[error("no address")]
    NoAddress,
    /// The DNS did not answer, or not in time.
    #[error("the DNS failed")]
    Failed,
    /// None of [`ResolverConfig::transports`] fits.
    #[error("no transport fits")]
    NoTransport,
}

impl Unresolved {
    /// What a request that cannot be sent is answered with: 503, as if nobody could be reached (RFC 3261 §8.1.3.1,
    /// §16.6 step 7).
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoAddress | Self::Failed | Self::NoTransport => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Why a lookup was not begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ResolveError {
    /// [`ResolverConfig::max_lookups`] are under way.
    #[error("too many lookups")]
    Full,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Lookup {
    destination: Destination,
    seed: u64,
    /// What it has heard; kept here, since the cache may forget.
    #[cfg_attr(feature = "serde", serde(with = "crate::endpoint::saved::by_remote"))]
    known: BTreeMap<Question, Found>,
    /// What it waits for.
    missing: BTreeSet<Question>,
    /// When it waits no longer: set once it knows an address.
    deadline: Option<Time>,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Asked {
    deadline: Time,
    waiting: Vec<LookupId>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Due {
    Question(Question),
    Lookup(LookupId),
}

impl Resolver {
    /// A resolver that knows nothing yet. The lots drawn among servers come from `seed`.
    #[must_use]
    pub fn new(config: ResolverConfig, seed: [u8; 32]) -> Self {
        Self {
            rng: ChaCha12Rng::from_seed(seed),
            now: Time::ZERO,
            lookups: SlotMap::with_key(),
            asked: BTreeMap::new(),
            due: BTreeSet::new(),
            cache: Expiring::new(config.max_cached),
            avoided: Expiring::new(config.max_avoided),
            outputs: VecDeque::new(),
            config,
        }
    }

    /// What it was made with.
    #[must_use]
    pub const fn config(&self) -> &ResolverConfig {
        &self.config
    }

    /// Begins a lookup. Its result comes as [`Output`], at once if nothing has to be asked.
    ///
    /// # Errors
    ///
    /// [`ResolveError::Full`].
    pub fn resolve(&mut self, now: Time, destination: Destination) -> Result<LookupId, ResolveError> {
        self.advance(now);
        if self.lookups.len() >= self.config.max_lookups {
            return Err(ResolveError::Full);
        }
        let seed = destination.key.unwrap_or_else(|| self.rng.next_u64());
        let id = self.lookups.insert(Lookup {
            destination,
            seed,
            known: BTreeMap::new(),
            missing: BTreeSet::new(),
            deadline: None,
        });
        self.go_on(id, false);
        Ok(id)
    }

    /// Gives a lookup up: no result comes. Whether there was one.
    pub fn cancel(&mut self, lookup: LookupId) -> bool {
        self.end(lookup).is_some()
    }

    /// The DNS answered a question of [`Output::Ask`]. What was not asked, or came too late, is not looked at.
    pub fn answer(&mut self, now: Time, question: &Question, answer: Answer) {
        self.advance(now);
        if !self.asked.contains_key(question) {
            return;
        }
        let config = &self.config;
        let (found, ttl) = match answer {
            Answer::Records(records) => {
                let (found, ttl) = Found::read(question, &records, config.max_records);
                let empty = matches!(&found, Found::Data(data) if data.is_empty());
                let ttl = ttl.map_or(Duration::ZERO, |ttl| Duration::from_secs(ttl.into()));
                (found, if empty { config.absent_ttl } else { ttl })
            }
            Answer::Absent { ttl } => {
                let ttl = ttl.unwrap_or(config.absent_ttl).min(config.absent_ttl);
                (Found::Data(Vec::new()), ttl)
            }
            Answer::Failed => (Found::Failed, config.failed_ttl),
        };
        self.learn(question, found, ttl.min(config.max_ttl));
    }

    /// Sending to a target failed: 503 (then with its `Retry-After`), no response, a broken transport. For a while it is
    /// tried last (RFC 3263 §4.3).
    pub fn failed(&mut self, now: Time, transport: Transport, address: SocketAddr, retry_after: Option<Duration>) {
        self.advance(now);
        let time = retry_after.unwrap_or(self.config.avoid).min(self.config.max_avoid);
        self.avoided.insert(self.now + time, (transport, address), ());
    }

    /// A target works, whatever was said of it.
    pub fn succeeded(&mut self, transport: Transport, address: SocketAddr) {
        self.avoided.remove(&(transport, address));
    }

    /// Forgets all answers, as after a change of network.
    pub fn flush(&mut self) {
        self.cache.clear();
    }

    /// Lookups under way.
    #[must_use]
    pub fn lookups(&self) -> usize {
        self.lookups.len()
    }

    /// Questions under way.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.asked.len()
    }

    /// Answers kept.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.cache.len()
    }
}

impl Resolver {
    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Takes a lookup as far as it can get. With `hurry`, to its end.
    fn go_on(&mut self, id: LookupId, hurry: bool) {
        let Some(lookup) = self.lookups.get_mut(id) else {
            return;
        };
        let max = self.config.max_questions_per_lookup;
        loop {
            let hurry = hurry || lookup.known.len() >= max;
            let known = |question: &Question| lookup.known.get(question);
            let wanted = match plan(&lookup.destination, &self.config, lookup.seed, hurry, known) {
                Plan::Ask(wanted) => wanted,
                Plan::Done(result) => return self.conclude(id, result),
            };
            for question in wanted {
                if lookup.known.len() + lookup.missing.len() >= max {
                    break;
                }
                let cached = self.cache.get(self.now, &question).map(|(_, found)| found.clone());
                if let Some(asked) = self.asked.get_mut(&question).filter(|_| cached.is_none()) {
                    asked.waiting.push(id);
                    lookup.missing.insert(question);
                } else if cached.is_none() && self.asked.len() < self.config.max_questions {
                    let deadline = self.now + self.config.question_timeout.max(Duration::from_nanos(1));
                    self.due.insert((deadline, Due::Question(question.clone())));
                    let waiting = vec![id];
                    self.asked.insert(question.clone(), Asked { deadline, waiting });
                    self.outputs.push_back(Output::Ask(question.clone()));
                    lookup.missing.insert(question);
                } else {
                    lookup.known.insert(question, cached.unwrap_or(Found::Failed));
                }
            }
            if !lookup.missing.is_empty() {
                break;
            }
        }
        self.hold_to_grace(id);
    }

    /// Once an address is known, the rest has little time.
    fn hold_to_grace(&mut self, id: LookupId) {
        let Some(lookup) = self.lookups.get_mut(id).filter(|lookup| lookup.deadline.is_none()) else {
            return;
        };
        let is_address = |(question, found): (&Question, &Found)| {
            matches!(question.kind, Kind::A | Kind::Aaaa) && matches!(found, Found::Data(data) if !data.is_empty())
        };
        if lookup.known.iter().any(is_address) {
            let deadline = self.now + self.config.grace.max(Duration::from_nanos(1));
            lookup.deadline = Some(deadline);
            self.due.insert((deadline, Due::Lookup(id)));
        }
    }

    fn learn(&mut self, question: &Question, found: Found, ttl: Duration) {
        let Some(asked) = self.asked.remove(question) else {
            return;
        };
        self.due.remove(&(asked.deadline, Due::Question(question.clone())));
        if !ttl.is_zero() {
            self.cache.insert(self.now + ttl, question.clone(), found.clone());
        }
        for id in asked.waiting {
            let Some(lookup) = self.lookups.get_mut(id) else {
                continue;
            };
            lookup.known.insert(question.clone(), found.clone());
            lookup.missing.remove(question);
            if lookup.missing.is_empty() {
                self.go_on(id, false);
            } else {
                self.hold_to_grace(id);
            }
        }
    }

    fn conclude(&mut self, id: LookupId, result: Result<Vec<Target>, super::Unresolved>) {
        self.end(id);
        self.outputs.push_back(match result {
            Ok(mut list) => {
                let now = self.now;
                // Those that failed come last, the one that may be tried again soonest before the others.
                list.sort_by_key(|target| {
                    let avoided = self.avoided.get(now, &(target.transport, target.address));
                    avoided.map(|(until, ())| until)
                });
                let targets = Targets::new(list);
                Output::Resolved { lookup: id, targets }
            }
            Err(error) => Output::Unresolved { lookup: id, error },
        });
    }

    fn end(&mut self, id: LookupId) -> Option<Lookup> {
        let lookup = self.lookups.remove(id)?;
        if let Some(deadline) = lookup.deadline {
            self.due.remove(&(deadline, Due::Lookup(id)));
        }
        for question in &lookup.missing {
            if let Some(asked) = self.asked.get_mut(question) {
                asked.waiting.retain(|waiting| *waiting != id);
            }
        }
        Some(lookup)
    }
}

impl Machine for Resolver {
    type Output = Output;

    fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
        while self.due.first().is_some_and(|(at, _)| *at <= self.now) {
            match self.due.pop_first() {
                Some((_, Due::Question(question))) => self.learn(&question, Found::Failed, self.config.failed_ttl),
                Some((_, Due::Lookup(id))) => self.go_on(id, true),
                None => break,
            }
        }
        self.cache.sweep(self.now);
        self.avoided.sweep(self.now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}
