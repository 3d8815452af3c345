//! The table and its order of expiry.

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use machine::{Machine, Time};

use super::binding::urn_of;
use super::update::{Change, Update, Wanted};
use super::{Binding, BindingId, Event, GruuError, RegisterError, RegistrarConfig, RemovalCause};
use crate::endpoint::{ConnectionId, Flow};
use crate::wire::unescape;
use crate::{HeaderName, Request, Response, Scheme, StatusCode, Uri};

/// The location table. See the [module](super) for an example.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Registrar {
    config: RegistrarConfig,
    /// Each list is ordered by preference, and never empty.
    by_aor: BTreeMap<String, Vec<Binding>>,
    /// Whose a binding is. Together with the two sets below it says the same as `by_aor`, seen from elsewhere.
    owners: BTreeMap<BindingId, String>,
    due: BTreeSet<(Time, BindingId)>,
    by_connection: BTreeSet<(ConnectionId, BindingId)>,
    /// Whose the temporary GRUUs of a number are.
    eras: BTreeMap<u64, String>,
    next_id: u64,
    requests: u64,
    latest: Time,
    outputs: VecDeque<Event>,
}

impl Registrar {
    /// An empty table.
    #[must_use]
    pub fn new(config: RegistrarConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// Does what a REGISTER for `aor` asks for, and gives the 200 that lists all its contacts with the seconds they have
    /// left. Which address the To header names, and who may register for it, is the caller's business; `aor` is compared
    /// byte by byte.
    ///
    /// # Errors
    ///
    /// [`RegisterError`], of which [`RegisterError::to_response`] makes the refusal. No binding was changed.
    pub fn register(&mut self, now: Time, aor: &str, request: &Request, flow: Flow) -> Result<Response, RegisterError> {
        self.handle_timeout(now);
        let update = Update::read(request, &self.config)?;
        self.refuse_loops(aor, request, &update)?;
        let staged = self.stage(aor, &update, flow)?;
        if let Some(staged) = staged {
            self.commit(aor, staged);
        }
        Ok(self.accept(aor, request, &update))
    }

    /// The bindings of `aor`, the preferred first: by `q`, then the most recently registered. Expired ones are among them
    /// only until `handle_timeout` is called as [`poll_timeout`](Machine::poll_timeout) demands.
    #[must_use]
    pub fn bindings(&self, aor: &str) -> &[Binding] {
        self.by_aor.get(aor).map_or(&[], Vec::as_slice)
    }

    /// Whether `aor` has a binding.
    #[must_use]
    pub fn is_registered(&self, aor: &str) -> bool {
        self.by_aor.contains_key(aor)
    }

    /// All addresses of record that have bindings, in the order of their names.
    pub fn aors(&self) -> impl Iterator<Item = &str> {
        self.by_aor.keys().map(String::as_str)
    }

    /// How many bindings there are in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether there is no binding at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Removes what was registered over a connection that is closed now: nobody can be reached over it.
    pub fn remove_flow(&mut self, now: Time, connection: ConnectionId) {
        self.handle_timeout(now);
        while let Some(id) = self.first_of(connection) {
            // Ends in any case, should the sets ever disagree.
            self.by_connection.remove(&(connection, id));
            if let Some((aor, binding)) = self.take(id) {
                self.outputs.push_back(Event::Removed {
                    aor,
                    binding,
                    cause: RemovalCause::ConnectionClosed,
                });
            }
        }
    }

    /// Removes all bindings of `aor`, as when the user is deleted; tells whether there were any.
    pub fn remove(&mut self, now: Time, aor: &str) -> bool {
        self.handle_timeout(now);
        let cause = RemovalCause::Administrative;
        let removed = self.bindings(aor).iter().map(|binding| Event::Removed {
            aor: aor.to_owned(),
            binding: binding.clone(),
            cause,
        });
        let events: Vec<Event> = removed.collect();
        let any = !events.is_empty();
        self.commit(
            aor,
            Staged {
                bindings: Vec::new(),
                events,
                ids: 0,
            },
        );
        any
    }

    /// Removes one binding, as when a request to it was answered with 430 or its flow is dead (RFC 5626 §5.3, §7); the
    /// next of the same instance is then the one to try. Whether there was one.
    pub fn flow_failed(&mut self, now: Time, binding: BindingId) -> bool {
        self.handle_timeout(now);
        let Some((aor, binding)) = self.take(binding) else {
            return false;
        };
        let cause = RemovalCause::FlowFailed;
        self.outputs.push_back(Event::Removed { aor, binding, cause });
        true
    }

    /// The bindings of `aor` by device: of one with several flows, the newest first. A request goes to one binding of each
    /// device, and to the next of the same device only if the flow is dead (RFC 5626 §7).
    #[must_use]
    pub fn instances(&self, aor: &str) -> Vec<Vec<&Binding>> {
        let mut devices: Vec<Vec<&Binding>> = Vec::new();
        for binding in self.bindings(aor) {
            let same = |device: &&mut Vec<&Binding>| {
                let first = device
                    .first()
                    .filter(|first| first.reg_id.is_some() && binding.reg_id.is_some());
                first.is_some_and(|first| first.instance() == binding.instance())
            };
            match devices.iter_mut().find(same) {
                Some(device) => device.push(binding),
                None => devices.push(vec![binding]),
            }
        }
        for device in &mut devices {
            device.sort_by_key(|binding| Reverse(binding.order));
        }
        devices
    }

    /// The bindings that a request to `uri` may go to, the preferred first: of a GRUU those of its device, else all of `aor`,
    /// which is the address of record that `uri` names and is not looked at for a temporary GRUU (RFC 5627 §5.1).
    ///
    /// # Errors
    ///
    /// [`GruuError`], with the status to refuse the request with.
    pub fn reach(&self, aor: &str, uri: &Uri) -> Result<Vec<&Binding>, GruuError> {
        match uri.params().get("gr") {
            None => Ok(self.bindings(aor).iter().collect()),
            Some(Some(urn)) => {
                let urn = unescape(urn);
                let same = |binding: &&Binding| binding.instance_urn() == Some(&*urn);
                let found: Vec<_> = self.bindings(aor).iter().filter(same).collect();
                if found.is_empty() {
                    Err(GruuError::NotRegistered)
                } else {
                    Ok(found)
                }
            }
            Some(None) => {
                let key = self.config.gruu.as_ref().ok_or(GruuError::Unknown)?;
                let era = key.read(uri).ok_or(GruuError::Unknown)?;
                let aor = self.eras.get(&era).ok_or(GruuError::Unknown)?;
                let found = self.bindings(aor).iter().filter(|binding| binding.era == Some(era));
                Ok(found.collect())
            }
        }
    }

    fn first_of(&self, connection: ConnectionId) -> Option<BindingId> {
        let (first, id) = self.by_connection.range((connection, BindingId(0))..).next()?;
        (*first == connection).then_some(*id)
    }

    /// Takes one binding out of the table.
    fn take(&mut self, id: BindingId) -> Option<(String, Binding)> {
        let aor = self.owners.remove(&id)?;
        let bindings = self.by_aor.get_mut(&aor)?;
        let position = bindings.iter().position(|binding| binding.id == id)?;
        let binding = bindings.remove(position);
        if let Some(era) = binding.era
            && bindings.iter().all(|other| other.era != binding.era)
        {
            self.eras.remove(&era);
        }
        if bindings.is_empty() {
            self.by_aor.remove(&aor);
        }
        self.due.remove(&(binding.expires, id));
        if let Some(connection) = binding.flow.connection {
            self.by_connection.remove(&(connection, id));
        }
        Some((aor, binding))
    }
}

/// What the bindings of an address of record are going to be.
struct Staged {
    bindings: Vec<Binding>,
    events: Vec<Event>,
    /// How many new ids were given out.
    ids: u64,
}

impl Registrar {
    /// Works out the new bindings without touching the old; `None` if nothing is asked for.
    fn stage(&self, aor: &str, update: &Update, flow: Flow) -> Result<Option<Staged>, RegisterError> {
        let old = self.bindings(aor);
        let in_order = |binding: &Binding| binding.call_id != update.call_id || binding.cseq < update.cseq;
        let mut staged = Staged {
            bindings: old.to_vec(),
            events: Vec::new(),
            ids: 0,
        };
        let removed = |binding| Event::Removed {
            aor: aor.to_owned(),
            binding,
            cause: RemovalCause::Unregistered,
        };
        match &update.change {
            Change::None => return Ok(None),
            Change::RemoveAll => {
                if !old.iter().all(in_order) {
                    return Err(RegisterError::OutOfOrder);
                }
                staged.events.extend(staged.bindings.drain(..).map(removed));
            }
            Change::Set(contacts) => {
                for wanted in contacts {
                    let same = |binding: &Binding| wanted.is_of(binding);
                    if old.iter().any(|binding| same(binding) && !in_order(binding)) {
                        return Err(RegisterError::OutOfOrder);
                    }
                    let position = staged.bindings.iter().position(same);
                    match position {
                        Some(position) if wanted.granted.is_zero() => {
                            staged.events.push(removed(staged.bindings.remove(position)));
                        }
                        _ if wanted.granted.is_zero() => {}
                        _ => self.stage_one(&mut staged, position, aor, update, wanted, flow),
                    }
                }
            }
        }
        self.check_room(old.len(), staged.bindings.len())?;
        staged
            .bindings
            .sort_by_key(|binding| (Reverse(binding.q), Reverse(binding.order)));
        Ok(Some(staged))
    }

    /// Adds a binding, or refreshes the one at `position`.
    fn stage_one(
        &self,
        staged: &mut Staged,
        position: Option<usize>,
        aor: &str,
        update: &Update,
        wanted: &Wanted,
        flow: Flow,
    ) {
        let era = self.stage_era(staged, update, wanted);
        let fresh = BindingId(self.next_id.saturating_add(staged.ids));
        let present = position.and_then(|position| staged.bindings.get_mut(position));
        let (id, since) = present
            .as_ref()
            .map_or((fresh, self.latest), |binding| (binding.id, binding.since));
        let binding = Binding {
            id,
            contact: wanted.contact.clone(),
            flow,
            path: update.path.clone(),
            call_id: update.call_id.clone(),
            cseq: update.cseq,
            expires: self.latest + wanted.granted,
            q: wanted.q,
            user_agent: update.user_agent.clone(),
            since,
            reg_id: wanted.reg_id,
            era,
            order: self.requests,
        };
        let aor = aor.to_owned();
        if let Some(present) = present {
            present.clone_from(&binding);
            staged.events.push(Event::Refreshed { aor, binding });
        } else {
            staged.ids += 1;
            staged.bindings.push(binding.clone());
            staged.events.push(Event::Registered { aor, binding });
        }
    }

    /// The number whose temporary GRUUs lead to a contact: one for all flows of a device. A device that registers the same flow
    /// with another Call-ID has started anew, and all it was given before are void (RFC 5627 §5.1).
    fn stage_era(&self, staged: &mut Staged, update: &Update, wanted: &Wanted) -> Option<u64> {
        let instance = wanted
            .contact
            .params
            .value("+sip.instance")
            .filter(|instance| urn_of(instance).is_some())?;
        let same = |binding: &&mut Binding| binding.instance() == Some(instance);
        let of_device = || {
            staged
                .bindings
                .iter()
                .filter(|binding| binding.instance() == Some(instance))
        };
        let of_flow = of_device().filter(|binding| binding.reg_id == wanted.reg_id);
        let last = of_flow.max_by_key(|binding| binding.order);
        let present = of_device().find_map(|binding| binding.era);
        if let Some(era) = present.filter(|_| last.is_none_or(|last| last.call_id == update.call_id)) {
            return Some(era);
        }
        let era = self.next_id.saturating_add(staged.ids);
        staged.ids += 1;
        staged
            .bindings
            .iter_mut()
            .filter(same)
            .for_each(|binding| binding.era = Some(era));
        Some(era)
    }

    /// Contacts of devices with GRUUs that would lead back here (RFC 5627 §5.1).
    fn refuse_loops(&self, aor: &str, request: &Request, update: &Update) -> Result<(), RegisterError> {
        let (Some(key), Change::Set(contacts)) = (&self.config.gruu, &update.change) else {
            return Ok(());
        };
        let Ok(to) = request.to() else {
            return Ok(());
        };
        let added = contacts.iter().filter(|wanted| !wanted.granted.is_zero());
        for wanted in added.filter(|wanted| wanted.contact.params.contains("+sip.instance")) {
            let uri = &wanted.contact.uri;
            if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) {
                return Err(RegisterError::NotSip);
            }
            let temporary = key.read(uri).and_then(|era| self.eras.get(&era));
            let mut bare = uri.clone();
            bare.params_mut().remove("gr");
            if bare.equivalent(&to.uri) || temporary.is_some_and(|owner| owner == aor) {
                return Err(RegisterError::Loop);
            }
        }
        Ok(())
    }

    /// Whether the table may grow from `old` to `new` bindings for one address of record.
    fn check_room(&self, old: usize, new: usize) -> Result<(), RegisterError> {
        if new <= old {
            return Ok(());
        }
        if new > self.config.max_contacts {
            return Err(RegisterError::TooManyContacts);
        }
        let total = self.len().saturating_sub(old).saturating_add(new);
        let new_aor = old == 0 && self.by_aor.len() >= self.config.max_aors;
        if total > self.config.max_bindings || new_aor {
            Err(RegisterError::Full)
        } else {
            Ok(())
        }
    }

    /// Puts the staged bindings in the place of the old ones.
    fn commit(&mut self, aor: &str, staged: Staged) {
        let old: Vec<BindingId> = self.bindings(aor).iter().map(|binding| binding.id).collect();
        for id in old {
            self.take(id);
        }
        for binding in &staged.bindings {
            self.owners.insert(binding.id, aor.to_owned());
            self.due.insert((binding.expires, binding.id));
            if let Some(era) = binding.era {
                self.eras.insert(era, aor.to_owned());
            }
            if let Some(connection) = binding.flow.connection {
                self.by_connection.insert((connection, binding.id));
            }
        }
        if !staged.bindings.is_empty() {
            self.by_aor.insert(aor.to_owned(), staged.bindings);
        }
        self.next_id = self.next_id.saturating_add(staged.ids);
        self.requests = self.requests.saturating_add(1);
        self.outputs.extend(staged.events);
    }

    /// The 200 (RFC 3261 §10.3 step 8), with the Path as it was stored (RFC 3327 §5.3).
    fn accept(&self, aor: &str, request: &Request, update: &Update) -> Response {
        let mut response = Response::to_request(request, StatusCode::OK, None);
        for binding in self.bindings(aor) {
            let left = seconds_left(binding.expires - self.latest);
            let mut contact = binding.contact.clone();
            contact.params.set("expires", Some(&left.to_string()));
            if let Some(key) = self.config.gruu.as_ref().filter(|_| update.gruu) {
                key.add(&mut contact, binding, request, self.requests);
            }
            response.headers_mut().push(HeaderName::Contact, contact.to_string());
        }
        for path in &update.path {
            response.headers_mut().push(HeaderName::Path, path.to_string());
        }
        for route in &self.config.service_route {
            response
                .headers_mut()
                .push(HeaderName::ServiceRoute, format!("<{route}>"));
        }
        if update.outbound {
            response.headers_mut().push(HeaderName::Require, "outbound");
            if let Some(timer) = self.config.flow_timer.filter(|_| update.direct) {
                response
                    .headers_mut()
                    .push(HeaderName::FlowTimer, timer.as_secs().to_string());
            }
        }
        response
    }
}

/// Whole seconds, rounded up: what is still there never says 0.
const fn seconds_left(left: Duration) -> u64 {
    left.as_secs()
        .saturating_add(if left.subsec_nanos() > 0 { 1 } else { 0 })
}

impl Machine for Registrar {
    type Output = Event;

    fn handle_timeout(&mut self, now: Time) {
        self.latest = self.latest.max(now);
        while let Some(&(expires, id)) = self.due.first() {
            if expires > self.latest {
                break;
            }
            // Ends in any case, should the sets ever disagree.
            self.due.pop_first();
            if let Some((aor, binding)) = self.take(id) {
                self.outputs.push_back(Event::Expired { aor, binding });
            }
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.due.first().map(|(expires, _)| *expires)
    }

    fn poll_output(&mut self) -> Option<Event> {
        self.outputs.pop_front()
    }
}
