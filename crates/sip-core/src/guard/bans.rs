//! Who is banned until when, and who was.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use machine::Time;

use super::{GuardConfig, Prefix};

/// A source that is, or was, banned.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Ban {
    /// When it ends; when it is over: when the next doubling is taken back.
    at: Time,
    /// How often the time is doubled when it is banned again.
    doublings: u32,
}

/// Bans that run, and those that are over but count for the next one's length. Each in the order of their ends.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Bans {
    #[cfg_attr(feature = "serde", serde(with = "super::saved"))]
    running: BTreeMap<Prefix, Ban>,
    ends: BTreeSet<(Time, Prefix)>,
    #[cfg_attr(feature = "serde", serde(with = "super::saved"))]
    past: BTreeMap<Prefix, Ban>,
    decays: BTreeSet<(Time, Prefix)>,
}

/// A ban that was begun.
pub(super) struct Begun {
    pub(super) until: Time,
    /// Whose ban was given up for want of room.
    pub(super) forgot: Option<Prefix>,
}

impl Bans {
    /// When the source's ban ends.
    pub(super) fn until(&self, source: &Prefix) -> Option<Time> {
        if self.running.is_empty() {
            return None;
        }
        self.running.get(source).map(|ban| ban.at)
    }

    /// The bans that run, by source.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Prefix, Time)> {
        self.running.iter().map(|(source, ban)| (*source, ban.at))
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    pub(super) fn past(&self) -> usize {
        self.past.len()
    }

    /// Bans for `length`, or for as long as is due; a longer ban that runs stays. `None` without any room.
    pub(super) fn begin(
        &mut self,
        now: Time,
        source: Prefix,
        length: Option<Duration>,
        config: &GuardConfig,
    ) -> Option<Begun> {
        if config.max_bans == 0 {
            return None;
        }
        let running = self.take_running(&source);
        let doublings = running
            .or_else(|| self.take_past(&source))
            .map_or(0, |ban| ban.doublings);
        let due = || {
            let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
            config.ban.saturating_mul(factor).min(config.max_ban)
        };
        let end = now + length.unwrap_or_else(due);
        let until = running.map_or(end, |ban| ban.at.max(end));
        let forgot = self.make_room(config.max_bans);
        let ban = Ban {
            at: until,
            doublings: doublings.saturating_add(1).min(32),
        };
        self.running.insert(source, ban);
        self.ends.insert((until, source));
        Some(Begun { until, forgot })
    }

    /// Ends a ban before its time, and forgets it.
    pub(super) fn lift(&mut self, source: &Prefix) -> bool {
        let _ = self.take_past(source);
        self.take_running(source).is_some()
    }

    /// The next source whose ban is over by `now`.
    pub(super) fn next_ended(&mut self, now: Time, config: &GuardConfig) -> Option<Prefix> {
        let (at, source) = *self.ends.first().filter(|(at, _)| *at <= now)?;
        let ban = self.take_running(&source)?;
        let decay = at + config.ban_decay;
        self.past.insert(source, Ban { at: decay, ..ban });
        self.decays.insert((decay, source));
        Some(source)
    }

    /// Takes back the doublings whose time is over.
    pub(super) fn decay(&mut self, now: Time, config: &GuardConfig) {
        while let Some((at, source)) = self.decays.first().copied().filter(|(at, _)| *at <= now) {
            self.decays.pop_first();
            let Some(mut ban) = self.past.remove(&source) else {
                continue;
            };
            ban.doublings = ban.doublings.saturating_sub(1);
            // Never twice at one instant, whatever the configuration says.
            ban.at = at + config.ban_decay.max(Duration::from_nanos(1));
            if ban.doublings > 0 {
                self.past.insert(source, ban);
                self.decays.insert((ban.at, source));
            }
        }
    }

    /// When something ends.
    pub(super) fn next(&self) -> Option<Time> {
        let first = |set: &BTreeSet<(Time, Prefix)>| set.first().map(|(at, _)| *at);
        first(&self.ends).into_iter().chain(first(&self.decays)).min()
    }

    fn take_running(&mut self, source: &Prefix) -> Option<Ban> {
        let ban = self.running.remove(source)?;
        self.ends.remove(&(ban.at, *source));
        Some(ban)
    }

    fn take_past(&mut self, source: &Prefix) -> Option<Ban> {
        let ban = self.past.remove(source)?;
        self.decays.remove(&(ban.at, *source));
        Some(ban)
    }

    /// Room for one more: at the cost of one that is over, or else of the one that ends first.
    fn make_room(&mut self, capacity: usize) -> Option<Prefix> {
        if self.running.len() + self.past.len() < capacity {
            return None;
        }
        if let Some((_, source)) = self.decays.pop_first() {
            self.past.remove(&source);
            return None;
        }
        let (_, source) = self.ends.pop_first()?;
        self.running.remove(&source);
        Some(source)
    }
}
