//! Rates, refusals and bans: who is listened to when there is too much to hear.
//!
//! A [`Guard`] is a table that is asked about each packet before anybody reads it, and told of each authentication. It knows
//! nothing of messages, transactions or dialogs. Plug it into an [`Endpoint`](crate::Endpoint) by
//! [`EndpointConfig::guard`](crate::EndpointConfig::guard), which asks it by itself, or use it alone, in front of whatever
//! there is:
//!
//! ```
//! use machine::{Machine, Time};
//! use sip_core::guard::{Event, Guard, GuardConfig, Peek, Verdict, refusal};
//!
//! let mut config = GuardConfig::default();
//! config.failures = 3;
//! let mut guard = Guard::new(config);
//!
//! # let now = Time::from_secs(1_700_000_000);
//! # let source: std::net::SocketAddr = "192.0.2.66:5060".parse()?;
//! # let datagram = bytes::Bytes::from_static(b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\r\n");
//! // Whenever a datagram arrives:
//! let peek = Peek::read(&datagram);
//! let known = || false; // whether it belongs to a dialog or transaction that there is
//! match guard.packet(now, source.ip(), peek.kind, known) {
//!     Verdict::Pass => { /* read it */ }
//!     Verdict::Refuse { retry_after } => {
//!         if let Some(refusal) = refusal(datagram.clone(), source, retry_after) {
//!             // send `refusal.data` to `refusal.to`
//!         }
//!     }
//!     Verdict::Drop => {}
//! }
//! // Whenever a password was wrong:
//! for _ in 0..3 {
//!     guard.authentication_failed(now, source.ip(), "1001");
//! }
//! let Some(Event::Banned { until, .. }) = guard.poll_output() else { unreachable!() };
//! assert_eq!(guard.banned_until(source.ip()), Some(until));
//! assert_eq!(guard.packet(now, source.ip(), peek.kind, known), Verdict::Drop);
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! # What it counts
//!
//! | packets | bucket of the source | all sources' bucket | beyond it |
//! |---|---|---|---|
//! | of an established dialog or a transaction under way | [`known`](GuardConfig::known) | none | dropped |
//! | other requests, but for ACK | [`requests`](GuardConfig::requests), [`packets`](GuardConfig::packets), a REGISTER also [`registers`](GuardConfig::registers) | [`all_requests`](GuardConfig::all_requests), of strangers | 503 with `Retry-After`, up to a rate; then dropped |
//! | any others | [`packets`](GuardConfig::packets) | none | dropped |
//!
//! What belongs to something known passes even from a banned source: a call is not cut because somebody else behind the
//! same address tries passwords. Sources that have authenticated have accounts of their own, which strangers cannot push
//! out, and are not held back by the bucket of all.
//!
//! # Bans
//!
//! A ban needs failed authentications, and these must come from where they seem to come from, or a stranger could have
//! others banned by forged addresses. Over UDP only a nonce proves that: bind nonces to their source
//! ([`Server::challenges_for`](crate::auth::Server::challenges_for)) and tell the guard of
//! [`WrongPassword`](crate::auth::AuthError::WrongPassword) and [`UnknownUser`](crate::auth::AuthError::UnknownUser) only,
//! which [`Server::verify_request`](crate::auth::Server::verify_request) gives for nobody else's nonces.
//!
//! The first ban lasts [`GuardConfig::ban`], each further one twice as long, up to [`GuardConfig::max_ban`]; for each
//! [`GuardConfig::ban_decay`] without a ban one doubling is taken back.

mod bans;
mod config;
mod peek;
mod rate;
mod refusal;
#[cfg(feature = "serde")]
mod saved;
mod source;
mod stats;
mod table;
#[cfg(test)]
mod tests;

pub use config::GuardConfig;
pub use peek::{PacketKind, Peek};
pub use rate::Rate;
pub use refusal::{Refusal, refusal};
pub use source::{BadPrefix, Prefix};
pub use stats::{GuardLive, GuardStats};

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use machine::{Machine, Time};
use smol_str::SmolStr;

use self::bans::Bans;
use self::rate::Bucket;
use self::table::Table;

/// Octets of a user name that are kept.
const MAX_USER: usize = 64;
/// The longest `Retry-After`, in seconds.
const MAX_RETRY: u64 = 3_600;
/// Events that wait to be fetched.
const MAX_EVENTS: usize = 16_384;

/// What to do with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Read it.
    Pass,
    /// Answer it with 503 and forget it: see [`refusal`].
    Refuse {
        /// The seconds of `Retry-After`.
        retry_after: u32,
    },
    /// Forget it.
    Drop,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Event {
    /// A source is banned.
    Banned {
        /// Whose packets are dropped.
        source: Prefix,
        /// Until when.
        until: Time,
        /// The user name of the last failure; `None` if it was banned by [`Guard::ban`].
        user: Option<String>,
    },
    /// A ban is over.
    Unbanned {
        /// Whose.
        source: Prefix,
    },
    /// Many failed to authenticate with one user name: sources that go on with it are banned sooner.
    UserAttacked {
        /// The name, at most 64 octets of it.
        user: String,
    },
}

/// The buckets of one source.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Account {
    packets: Bucket,
    requests: Bucket,
    registers: Bucket,
    known: Bucket,
    refusals: Bucket,
}

/// A source that has proved who it is.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Authenticated {
    account: Account,
    until: Time,
}

/// Failures since the first of them.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Failures {
    count: u32,
    since: Time,
}

impl Failures {
    const fn none(now: Time) -> Self {
        Self { count: 0, since: now }
    }

    /// One more: how many there are now in the window.
    fn add(&mut self, now: Time, window: Duration) -> u32 {
        if now - self.since >= window {
            *self = Self::none(now);
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}

/// A table of sources: token buckets, failed authentications, bans.
///
/// See the [module](self) for an example. A packet costs a few look-ups; what it holds is bounded by its [`GuardConfig`].
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Guard {
    config: GuardConfig,
    now: Time,
    sources: Table<Prefix, Account>,
    authenticated: Table<Prefix, Authenticated>,
    failures: Table<Prefix, Failures>,
    users: Table<SmolStr, Failures>,
    bans: Bans,
    #[cfg_attr(feature = "serde", serde(with = "saved"))]
    connections: BTreeMap<Prefix, u32>,
    all_requests: Bucket,
    all_refusals: Bucket,
    stats: GuardStats,
    output: VecDeque<Event>,
}

impl Guard {
    /// A guard that knows nobody yet.
    #[must_use]
    pub fn new(config: GuardConfig) -> Self {
        Self {
            now: Time::ZERO,
            sources: Table::new(config.max_sources),
            authenticated: Table::new(config.max_authenticated),
            failures: Table::new(config.max_failures),
            users: Table::new(config.max_failures),
            bans: Bans::default(),
            connections: BTreeMap::new(),
            all_requests: Bucket::default(),
            all_refusals: Bucket::default(),
            stats: GuardStats::default(),
            output: VecDeque::new(),
            config,
        }
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &GuardConfig {
        &self.config
    }

    /// Gives it other rules. What it knows of sources stays, as do bans that run and how much it may hold at most (`max_…`) and
    /// which addresses count as one source.
    ///
    /// ```
    /// use machine::Time;
    /// use sip_core::guard::{Guard, GuardConfig};
    /// # use std::{net::IpAddr, time::Duration};
    ///
    /// let mut guard = Guard::new(GuardConfig::default());
    /// let source: IpAddr = "192.0.2.7".parse()?;
    /// guard.ban(Time::from_secs(1), source, Duration::from_secs(60));
    /// let mut config = guard.config().clone();
    /// config.failures = 3;
    /// guard.configure(config);
    /// assert_eq!(guard.config().failures, 3);
    /// assert!(guard.banned_until(source).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn configure(&mut self, config: GuardConfig) {
        let old = core::mem::replace(&mut self.config, config);
        self.config.max_sources = old.max_sources;
        self.config.max_authenticated = old.max_authenticated;
        self.config.max_failures = old.max_failures;
        self.config.max_bans = old.max_bans;
        self.config.ipv4_prefix = old.ipv4_prefix;
        self.config.ipv6_prefix = old.ipv6_prefix;
    }

    /// A packet came from `source`. `known` tells whether it belongs to an established dialog or to a transaction under way;
    /// it is asked at most once, and not at all where that makes no difference.
    pub fn packet(&mut self, now: Time, source: IpAddr, kind: PacketKind, known: impl FnOnce() -> bool) -> Verdict {
        self.advance(now);
        let verdict = if self.is_trusted(source) {
            Verdict::Pass
        } else {
            self.judge(self.key(source), kind, known)
        };
        if verdict == Verdict::Pass {
            self.stats.passed += 1;
        }
        verdict
    }

    /// A stream connection was opened: whether it may stay. One that may is to be reported when it is closed.
    pub fn connection_opened(&mut self, now: Time, source: IpAddr) -> bool {
        self.advance(now);
        if self.is_trusted(source) {
            return true;
        }
        let key = self.key(source);
        let open = self.connections.get(&key).copied().unwrap_or(0);
        if open >= self.config.connections || self.bans.until(&key).is_some() {
            self.stats.connections_refused += 1;
            return false;
        }
        self.connections.insert(key, open + 1);
        true
    }

    /// A stream connection that was allowed to stay is closed.
    pub fn connection_closed(&mut self, source: IpAddr) {
        let key = self.key(source);
        if let Some(open) = self.connections.get_mut(&key) {
            *open -= 1;
            if *open == 0 {
                self.connections.remove(&key);
            }
        }
    }

    /// Somebody proved who he is.
    pub fn authenticated(&mut self, now: Time, source: IpAddr) {
        self.advance(now);
        if self.is_trusted(source) {
            return;
        }
        let key = self.key(source);
        let account = self.sources.remove(&key).unwrap_or_default();
        let until = self.now + self.config.authenticated_for;
        if let Some((entry, _)) = self.authenticated.touch(&key, || Authenticated { account, until }) {
            entry.until = until;
        }
    }

    /// Somebody named `user` and did not prove it. The source must be sure: see [the module](self#bans).
    pub fn authentication_failed(&mut self, now: Time, source: IpAddr, user: &str) {
        self.advance(now);
        self.stats.failures += 1;
        if self.is_trusted(source) {
            return;
        }
        let user = shortened(user);
        let attacked = self.note_user(user);
        let key = self.key(source);
        let most = if self.is_authenticated(&key) {
            self.config.authenticated_failures
        } else if attacked {
            self.config.attacked_failures.min(self.config.failures)
        } else {
            self.config.failures
        };
        let (at, window) = (self.now, self.config.failure_window);
        let Some((failures, forgot)) = self.failures.touch(&key, || Failures::none(at)) else {
            return;
        };
        self.stats.forgotten += u64::from(forgot);
        if failures.add(at, window) >= most && most > 0 {
            self.failures.remove(&key);
            self.begin_ban(key, None, Some(user.to_owned()));
        }
    }

    /// Bans a source by hand, if it is not trusted. A longer ban that runs already stays as it is.
    pub fn ban(&mut self, now: Time, source: IpAddr, length: Duration) {
        self.advance(now);
        if !self.is_trusted(source) {
            self.begin_ban(self.key(source), Some(length), None);
        }
    }

    /// Ends a ban and forgets that it was: whether there was one.
    pub fn unban(&mut self, now: Time, source: IpAddr) -> bool {
        self.advance(now);
        let key = self.key(source);
        let was = self.bans.lift(&key);
        if was {
            self.tell(Event::Unbanned { source: key });
        }
        was
    }

    /// Until when a source is banned, if it is.
    #[must_use]
    pub fn banned_until(&self, source: IpAddr) -> Option<Time> {
        self.bans.until(&self.key(source))
    }

    /// All bans that run and their ends, in the order of addresses.
    pub fn bans(&self) -> impl Iterator<Item = (Prefix, Time)> {
        self.bans.iter()
    }

    /// Whether a source is neither throttled nor banned.
    #[must_use]
    pub fn is_trusted(&self, source: IpAddr) -> bool {
        self.config.trusted.iter().any(|prefix| prefix.contains(source))
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> &GuardStats {
        &self.stats
    }

    /// What it holds.
    #[must_use]
    pub fn live(&self) -> GuardLive {
        GuardLive {
            sources: self.sources.len(),
            authenticated: self.authenticated.len(),
            failing: self.failures.len(),
            users: self.users.len(),
            bans: self.bans.running(),
            past_bans: self.bans.past(),
            connected: self.connections.len(),
        }
    }
}

impl Guard {
    fn judge(&mut self, key: Prefix, kind: PacketKind, known: impl FnOnce() -> bool) -> Verdict {
        let mut known = Some(known);
        let mut is_known = || known.take().is_some_and(|known| known());
        let may_belong = matches!(
            kind,
            PacketKind::Response | PacketKind::Ack | PacketKind::Cancel | PacketKind::InDialog
        );
        if may_belong && is_known() {
            return self.take_known(&key);
        }
        if self.bans.until(&key).is_some() {
            self.stats.banned_packets += 1;
            return Verdict::Drop;
        }
        let stranger = !self.is_authenticated(&key);
        let (now, config) = (self.now, &self.config);
        // Without room for accounts there is only that of all.
        let mut nobody = Account::default();
        let account = account(&mut self.sources, &mut self.authenticated, &key, stranger).unwrap_or(&mut nobody);
        let mut wait = Duration::ZERO;
        if kind.is_answered() {
            wait = account.requests.wait(now, config.requests);
            if kind == PacketKind::Register {
                wait = wait.max(account.registers.wait(now, config.registers));
            }
            if stranger {
                wait = wait.max(self.all_requests.wait(now, config.all_requests));
            }
        }
        if !wait.is_zero() {
            // A copy of what passed before is not refused: that would end the transaction.
            return if is_known() {
                self.take_known(&key)
            } else {
                self.refuse(&key, stranger, wait)
            };
        }
        if !account.packets.try_take(now, config.packets) {
            self.stats.dropped += 1;
            return Verdict::Drop;
        }
        if kind.is_answered() {
            account.requests.take(now, config.requests);
            if kind == PacketKind::Register {
                account.registers.take(now, config.registers);
            }
            if stranger {
                self.all_requests.take(now, config.all_requests);
            }
        }
        Verdict::Pass
    }

    fn take_known(&mut self, key: &Prefix) -> Verdict {
        let stranger = !self.is_authenticated(key);
        let account = account(&mut self.sources, &mut self.authenticated, key, stranger);
        if account.is_some_and(|account| !account.known.try_take(self.now, self.config.known)) {
            self.stats.dropped += 1;
            return Verdict::Drop;
        }
        Verdict::Pass
    }

    fn refuse(&mut self, key: &Prefix, stranger: bool, wait: Duration) -> Verdict {
        let (now, config) = (self.now, &self.config);
        let mut nobody = Account::default();
        let account = account(&mut self.sources, &mut self.authenticated, key, stranger).unwrap_or(&mut nobody);
        let own = account.refusals.wait(now, config.refusals);
        if !own.is_zero() || !self.all_refusals.try_take(now, config.all_refusals) {
            self.stats.unrefused += 1;
            return Verdict::Drop;
        }
        account.refusals.take(now, config.refusals);
        self.stats.refused += 1;
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        Verdict::Refuse {
            retry_after: u32::try_from(seconds.min(MAX_RETRY)).unwrap_or(u32::MAX),
        }
    }

    /// Whether a source has authenticated lately.
    fn is_authenticated(&mut self, key: &Prefix) -> bool {
        match self.authenticated.get(key) {
            None => false,
            Some(entry) if entry.until > self.now => true,
            Some(_) => {
                // Its buckets go with it.
                if let Some(entry) = self.authenticated.remove(key) {
                    self.sources.touch(key, || entry.account);
                }
                false
            }
        }
    }

    /// Counts a failure with this name: whether the name is attacked.
    fn note_user(&mut self, user: &str) -> bool {
        let (now, most) = (self.now, self.config.user_failures);
        let Some((failures, _)) = self.users.touch(&SmolStr::new(user), || Failures::none(now)) else {
            return false;
        };
        let count = failures.add(now, self.config.failure_window);
        if count == most {
            self.tell(Event::UserAttacked { user: user.to_owned() });
        }
        most > 0 && count >= most
    }

    fn begin_ban(&mut self, source: Prefix, length: Option<Duration>, user: Option<String>) {
        let Some(begun) = self.bans.begin(self.now, source, length, &self.config) else {
            return;
        };
        self.stats.bans += 1;
        if let Some(forgot) = begun.forgot {
            self.stats.forgotten += 1;
            self.tell(Event::Unbanned { source: forgot });
        }
        self.tell(Event::Banned {
            source,
            until: begun.until,
            user,
        });
    }

    fn key(&self, source: IpAddr) -> Prefix {
        let source = source.to_canonical();
        let length = if source.is_ipv4() {
            self.config.ipv4_prefix
        } else {
            self.config.ipv6_prefix
        };
        Prefix::new(source, length)
    }

    /// Time never goes backwards here, and bans that are over are over at once.
    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
        while let Some(source) = self.bans.next_ended(self.now, &self.config) {
            self.tell(Event::Unbanned { source });
        }
        self.bans.decay(self.now, &self.config);
    }

    fn tell(&mut self, event: Event) {
        if self.output.len() < MAX_EVENTS {
            self.output.push_back(event);
        } else {
            self.stats.events_lost += 1;
        }
    }
}

/// The account of a source, of strangers or of those who have authenticated.
fn account<'a>(
    sources: &'a mut Table<Prefix, Account>,
    authenticated: &'a mut Table<Prefix, Authenticated>,
    key: &Prefix,
    stranger: bool,
) -> Option<&'a mut Account> {
    if stranger {
        sources.touch(key, Account::default).map(|(account, _)| account)
    } else {
        let new = || Authenticated {
            account: Account::default(),
            until: Time::ZERO,
        };
        authenticated.touch(key, new).map(|(entry, _)| &mut entry.account)
    }
}

/// As much of a name as is kept.
fn shortened(user: &str) -> &str {
    let end = user.floor_char_boundary(MAX_USER);
    user.get(..end).unwrap_or(user)
}

impl Machine for Guard {
    type Output = Event;

    fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.bans.next()
    }

    fn poll_output(&mut self) -> Option<Event> {
        self.output.pop_front()
    }
}
