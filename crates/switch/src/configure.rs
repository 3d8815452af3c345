//! Another configuration while calls go on (row T15): numbers come, go and change, and no call is touched.

use std::collections::{BTreeMap, BTreeSet};

use machine::Time;
use park::SlotNumber;
use sip_core::auth::Secret;
use sip_core::{Notify, SubscriptionId, TerminatedReason};

use crate::changes::{self, Changes};
use crate::config::{Config, ConfigError, Extension, Lot};
use crate::event::Event;
use crate::leg::LegId;
use crate::switch::{Destination, Switch, derive_seed, number_plan, session_timers};

impl Switch {
    /// Goes on with another configuration. What differs takes effect at once, and calls that there are go on as they are:
    ///
    /// - An extension that is no more is not reached and may ask for nothing new; its calls go on, and its phones' registrations go with the last of
    ///   them. One with another password is registered no more until its phones prove the new one.
    /// - A parking lot (or slot) that is no more takes no calls. Those that are parked there can be fetched by the slot's number, unless
    ///   the number means something else now, and are recalled as before, until they are gone.
    /// - A group that is being rung goes on as it began.
    /// - What [`Changes::at_restart`] tells stays as it was: addresses, ports and timers that sockets and calls depend on.
    ///
    /// ```
    /// use machine::Time;
    /// use switch::{Config, Extension, Lot, Switch};
    ///
    /// let mut config = Config::new("pbx.test");
    /// config.extensions.push(Extension::new("1001", "Reception", "secret"));
    /// let mut switch = Switch::new(config.clone(), [7; 32])?;
    ///
    /// config.lots.push(Lot::new("700", 701..=720));
    /// config.media_ports = 30000..=31999;
    /// let now = Time::from_secs(1_800_000_000);
    /// let changes = switch.configure(now, config)?;
    /// assert_eq!(changes.lots.added, ["700"]);
    /// assert_eq!(changes.at_restart, [switch::Setting::MediaPorts]);
    /// # Ok::<(), switch::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// The new configuration's first fault ([`Config::check`]). The old one stays as it was, all of it.
    pub fn configure(&mut self, now: Time, config: Config) -> Result<Changes, ConfigError> {
        config.check()?;
        let now = self.advance(now);
        let present: Vec<Lot> = self.active_lots().map(|(_, lot)| lot.clone()).collect();
        let (changes, mut config) = changes::changes(&self.config, &present, config);
        let machines = self.new_lots(&config)?;
        let lots = self.arrange_lots(now, &config.lots, machines);
        config.lots = lots;
        self.renew_secrets(&config);
        self.leave_queues(now, &config);
        self.queueing.configure(now, &config);
        let old = core::mem::replace(&mut self.config, config);
        if old.guard != self.config.guard {
            self.endpoint.configure_guard(now, self.config.guard.clone());
        }
        if old.session_expires != self.config.session_expires {
            let (mode, interval) = session_timers(&self.config);
            self.endpoint.configure_session_timers(mode, interval);
        }
        self.auth.set_algorithms(self.config.digest.clone());
        let meant = core::mem::take(&mut self.numbers);
        self.numbers = number_plan(&self.config, &self.retired_lots, &self.queueing);
        self.keep_occupied_slots();
        self.turns.retain(|number, _| self.numbers.contains_key(number));
        self.leave_registrations(now, &old.extensions);
        self.renew_watchers(now, &meant);
        self.settle(now);
        Ok(changes)
    }

    /// Who waits in a queue that is no more goes where it overflows to, as long as that is known.
    fn leave_queues(&mut self, now: Time, config: &Config) {
        let stay: BTreeSet<&str> = config.queues.iter().map(|queue| queue.number.as_str()).collect();
        let present = self.queueing.queues.iter();
        let gone = present.filter(|(_, queue)| !stay.contains(queue.number.as_str()));
        for id in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            let _ = self.queueing.acd.remove_queue(now, id); // it is there: it was just listed
            self.drain_acd(now);
        }
    }

    /// The same as an input, whose outcome is told.
    pub(crate) fn configure_and_tell(&mut self, now: Time, config: Config) {
        let event = match self.configure(now, config) {
            Ok(changes) => Event::Configured(Box::new(changes)),
            Err(error) => Event::ConfigurationRefused(error),
        };
        self.tell(event);
    }

    /// The lots that take calls, in the order of the table.
    fn active_lots(&self) -> impl Iterator<Item = (usize, &Lot)> {
        let all = self.config.lots.iter().enumerate();
        all.filter(|(index, _)| !self.retired_lots.contains(index))
    }

    /// Machines for the lots that are new.
    fn new_lots(&mut self, config: &Config) -> Result<BTreeMap<String, park::Lot<LegId, String>>, ConfigError> {
        let known: BTreeSet<String> = self.config.lots.iter().map(|lot| lot.number.clone()).collect();
        let mut machines = BTreeMap::new();
        for lot in config.lots.iter().filter(|lot| !known.contains(&lot.number)) {
            let seed = derive_seed(self.lot_seed, self.lots_made);
            let machine = park::Lot::new(crate::parking::machine_config(lot), seed)
                .map_err(|_| ConfigError::BadSlots(lot.number.clone()))?;
            self.lots_made += 1;
            machines.insert(lot.number.clone(), machine);
        }
        Ok(machines)
    }

    /// Puts the lots into the table: a lot that was there keeps its place, since legs know it by that; one that is no more
    /// stays in its place until its calls are gone.
    fn arrange_lots(
        &mut self,
        now: Time,
        wanted: &[Lot],
        mut machines: BTreeMap<String, park::Lot<LegId, String>>,
    ) -> Vec<Lot> {
        let mut table = self.config.lots.clone();
        let place: BTreeMap<String, usize> = table
            .iter()
            .enumerate()
            .map(|(i, lot)| (lot.number.clone(), i))
            .collect();
        let kept: BTreeSet<usize> = wanted
            .iter()
            .filter_map(|lot| place.get(&lot.number).copied())
            .collect();
        self.retired_lots = (0..table.len()).filter(|index| !kept.contains(index)).collect();
        let is_empty = |index: &usize| self.lots.get(*index).is_none_or(|lot| lot.slots().next().is_none());
        let mut free: BTreeSet<usize> = self.retired_lots.iter().copied().filter(is_empty).collect();
        self.first_lot = None;
        for lot in wanted {
            let index = match (place.get(&lot.number), machines.remove(&lot.number)) {
                (Some(index), _) => {
                    if let Some(machine) = self.lots.get_mut(*index) {
                        let configured = machine.configure(now, crate::parking::machine_config(lot));
                        debug_assert!(configured.is_ok(), "the configuration was checked");
                    }
                    *index
                }
                (None, Some(machine)) => match free.pop_first() {
                    Some(index) => {
                        if let Some(entry) = self.lots.get_mut(index) {
                            *entry = machine;
                        }
                        self.retired_lots.remove(&index);
                        index
                    }
                    None => {
                        self.lots.push(machine);
                        self.lots.len() - 1
                    }
                },
                (None, None) => continue,
            };
            match table.get_mut(index) {
                Some(entry) => entry.clone_from(lot),
                None => table.push(lot.clone()),
            }
            self.first_lot.get_or_insert(index);
        }
        table
    }

    /// A call in a slot that is no more can be fetched by its number, unless that means something else now.
    fn keep_occupied_slots(&mut self) {
        let occupied: Vec<(usize, SlotNumber)> = self
            .lots
            .iter()
            .enumerate()
            .flat_map(|(index, lot)| lot.slots().map(move |(slot, _)| (index, slot)))
            .collect();
        for (index, slot) in occupied {
            let entry = self.numbers.entry(slot.0.to_string());
            entry.or_insert(Destination::Slot(index, slot));
        }
    }

    /// Whether calls can be parked in this slot; in one that is no more some may still be.
    pub(crate) fn has_slot(&self, lot: usize, slot: SlotNumber) -> bool {
        let config = self.config.lots.get(lot).filter(|_| !self.retired_lots.contains(&lot));
        config.is_some_and(|lot| lot.slots.contains(&slot.0))
    }

    /// The number of a slot that is no more and empty now leads nowhere.
    pub(crate) fn forget_empty_slot(&mut self, lot: usize, slot: SlotNumber) {
        let empty = self.lots.get(lot).is_none_or(|lot| lot.get(slot).is_none());
        let number = slot.0.to_string();
        if empty && !self.has_slot(lot, slot) && self.numbers.get(&number) == Some(&Destination::Slot(lot, slot)) {
            self.numbers.remove(&number);
        }
    }

    /// A secret for each extension, in their order. Making one takes time: those that there are are used again.
    fn renew_secrets(&mut self, config: &Config) {
        let old = self.config.extensions.iter().zip(core::mem::take(&mut self.secrets));
        let mut known: BTreeMap<(String, String), Secret> = old
            .map(|(entry, secret)| ((entry.number.clone(), entry.password.clone()), secret))
            .collect();
        self.secrets = config
            .extensions
            .iter()
            .map(|entry| {
                let known = known.remove(&(entry.number.clone(), entry.password.clone()));
                known.unwrap_or_else(|| Secret::from_password(&entry.number, &config.domain, &entry.password))
            })
            .collect();
    }

    /// Nobody stays registered who could not register now, but for those whose calls go on.
    fn leave_registrations(&mut self, now: Time, old: &[Extension]) {
        let new: BTreeMap<&str, &str> = self
            .config
            .extensions
            .iter()
            .map(|e| (e.number.as_str(), e.password.as_str()))
            .collect();
        self.leaving.retain(|number| !new.contains_key(number.as_str()));
        for entry in old {
            match new.get(entry.number.as_str()) {
                Some(password) if *password == entry.password => continue,
                None if self.legs_of.contains_key(&entry.number) => {
                    self.leaving.insert(entry.number.clone());
                }
                Some(_) | None => {
                    self.registrar.remove(now, &entry.number);
                }
            }
        }
    }

    /// The last leg of a number is gone: if the number is, too, so are its registrations.
    pub(crate) fn number_left(&mut self, now: Time, number: &str) {
        if self.leaving.remove(number) {
            self.registrar.remove(now, number);
        }
    }

    /// Who watches a number that is no more, or is no more himself, is told so; the others what the number means now.
    fn renew_watchers(&mut self, now: Time, meant: &BTreeMap<String, Destination>) {
        let mut ended: Vec<(SubscriptionId, TerminatedReason)> = Vec::new();
        for (id, watcher) in &self.watchers {
            if !self.numbers.contains_key(&watcher.number) {
                ended.push((*id, TerminatedReason::NoResource));
            } else if self.extension(&watcher.by).is_none() {
                ended.push((*id, TerminatedReason::Rejected));
            } else if meant.get(&watcher.number) != self.numbers.get(&watcher.number) {
                self.dirty.insert(watcher.number.clone());
            }
        }
        for (id, reason) in ended {
            self.try_endpoint(|endpoint| endpoint.notify(now, id, Notify::terminated(reason, None)));
            self.forget_watcher(id);
        }
    }
}
