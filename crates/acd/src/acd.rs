use core::fmt::Debug;
use core::hash::Hash;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use slotmap::{SecondaryMap, SlotMap};

use crate::agent::{Agent, AgentKey};
use crate::contact::{Contact, ContactKey, NEVER};
use crate::pool::{Pool, PoolKey};
use crate::positions::OrderKey;
use crate::queue::{Queue, QueueKey};
use crate::strategy::Rank;
use crate::{Limits, Output, QueueId};

/// What contacts and agents are known by.
pub trait Id: Clone + Eq + Hash + Ord + Debug {}
impl<T: Clone + Eq + Hash + Ord + Debug> Id for T {}

/// The distribution of contacts to agents. See the [crate](crate) for an example.
///
/// Of contacts and agents that are known to it, `C` and `A` are the embedder's own ids.
///
/// ```
/// use acd::{Acd, AgentConfig, AgentState, Arrival, ContactView, Limits, QueueConfig, QueueId, Strategy};
/// use machine::Time;
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<&str, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.arrive(now, "call 1", Arrival::call(sales))?;
/// assert_eq!(acd.contact(&"call 1"), Some(ContactView::Waiting(1)));
/// acd.sign_on(now, &21)?;
/// assert_eq!(acd.contact(&"call 1"), Some(ContactView::Offered(vec![21])));
/// assert_eq!(acd.agent_state(&21), Some(AgentState::Reserved));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(
        serialize = "C: Id + serde::Serialize, A: Id + serde::Serialize",
        deserialize = "C: Id + serde::Deserialize<'de>, A: Id + serde::Deserialize<'de>"
    ))
)]
pub struct Acd<C, A> {
    pub(crate) limits: Limits,
    pub(crate) rng: ChaCha12Rng,
    pub(crate) now: Time,
    pub(crate) output: VecDeque<Output<C, A>>,
    pub(crate) timers: BTreeSet<(Time, Due)>,
    pub(crate) contacts: SlotMap<ContactKey, Contact<C>>,
    #[cfg_attr(feature = "serde", serde(with = "crate::saved::index"))]
    pub(crate) contact_index: Index<C, ContactKey>,
    pub(crate) agents: SlotMap<AgentKey, Agent<A>>,
    #[cfg_attr(feature = "serde", serde(with = "crate::saved::index"))]
    pub(crate) agent_index: Index<A, AgentKey>,
    pub(crate) queues: SlotMap<QueueKey, Queue>,
    pub(crate) queue_index: BTreeMap<QueueId, QueueKey>,
    pub(crate) pools: SlotMap<PoolKey, Pool>,
    /// The key of the first contact of each pool in which any waits: close together, since an agent who comes free looks at many.
    pub(crate) heads: SecondaryMap<PoolKey, OrderKey>,
    /// Orders contacts of the same instant.
    pub(crate) arrivals: u64,
    pub(crate) customers: crate::customers::Customers,
    /// Queues of which somebody went who may have been the last.
    pub(crate) unsettled: BTreeSet<QueueKey>,
    /// The embedder's own strategies. Not saved.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) ranks: BTreeMap<u16, Rank>,
}

/// By the embedder's ids. They are looked up several times a contact, so the hash is a fast one; it is seeded by chance for each index, and
/// nothing observable depends on it.
pub(crate) type Index<K, V> = HashMap<K, V, foldhash::quality::RandomState>;

/// Whose time has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Due {
    /// Contacts come into line or to their next stage before agents come free, so that nobody is overtaken…
    Contact(ContactKey),
    Agent(AgentKey),
    /// …and whoever is served at the instant at which he would be given up is not.
    GiveUp(ContactKey),
}

impl<C: Id, A: Id> Acd<C, A> {
    /// A distribution without queues and agents. Its choices by chance come from `seed`.
    #[must_use]
    pub fn new(limits: Limits, seed: [u8; 32]) -> Self {
        Self {
            limits,
            rng: ChaCha12Rng::from_seed(seed),
            now: Time::ZERO,
            output: VecDeque::new(),
            timers: BTreeSet::new(),
            contacts: SlotMap::with_key(),
            contact_index: Index::default(),
            agents: SlotMap::with_key(),
            agent_index: Index::default(),
            queues: SlotMap::with_key(),
            queue_index: BTreeMap::new(),
            pools: SlotMap::with_key(),
            heads: SecondaryMap::new(),
            arrivals: 0,
            customers: crate::customers::Customers::default(),
            unsettled: BTreeSet::new(),
            ranks: BTreeMap::new(),
        }
    }

    /// Time never goes backwards here.
    pub(crate) fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    pub(crate) fn emit(&mut self, output: Output<C, A>) {
        self.output.push_back(output);
    }

    pub(crate) fn arm_contact(&mut self, key: ContactKey) {
        // What was put off while it was being offered is due now, not in the past.
        let due = self.contact_deadline(key).map(|due| due.max(self.now));
        if let Some(contact) = self.contacts.get_mut(key) {
            arm(&mut self.timers, Due::Contact(key), &mut contact.alarm, due);
        }
    }

    pub(crate) fn arm_agent(&mut self, key: AgentKey) {
        if let Some(agent) = self.agents.get_mut(key) {
            let due = agent.due();
            arm(&mut self.timers, Due::Agent(key), &mut agent.alarm, due);
        }
    }
}

/// Moves an alarm.
pub(crate) fn arm(timers: &mut BTreeSet<(Time, Due)>, due: Due, alarm: &mut Time, at: Option<Time>) {
    let at = at.unwrap_or(NEVER);
    if *alarm == at {
        return;
    }
    if *alarm != NEVER {
        timers.remove(&(*alarm, due));
    }
    if at != NEVER {
        timers.insert((at, due));
    }
    *alarm = at;
}

impl<C: Id, A: Id> Machine for Acd<C, A> {
    type Output = Output<C, A>;

    fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
        while let Some(&(at, due)) = self.timers.first() {
            if at > self.now {
                break;
            }
            match due {
                Due::Contact(_) => self.contacts_due(at),
                Due::Agent(key) => {
                    self.timers.pop_first();
                    if let Some(agent) = self.agents.get_mut(key) {
                        agent.alarm = NEVER;
                        self.agent_due(key);
                    }
                }
                Due::GiveUp(key) => {
                    self.timers.pop_first();
                    self.give_up(key);
                }
            }
            self.settle();
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.timers.first().map(|(at, _)| *at)
    }

    fn poll_output(&mut self) -> Option<Self::Output> {
        self.output.pop_front()
    }
}
