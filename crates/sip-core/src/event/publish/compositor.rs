//! The table of published states and its order of expiry.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use super::{Change, CompositorConfig, PublishError, RemovalCause, State, StateId};
use crate::header::{EventHeader, Expires, SipIfMatch, TypedHeader};
use crate::{HeaderName, Request, Response, StatusCode};

/// A resource and an event package.
type Key = (String, String);

/// An event state compositor (RFC 3903 §6). See the [module](super) for an example.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Compositor {
    config: CompositorConfig,
    rng: ChaCha12Rng,
    /// Each list is ordered by age of the documents, the latest first, and never empty.
    #[cfg_attr(feature = "serde", serde(with = "saved"))]
    states: BTreeMap<Key, Vec<State>>,
    /// Whose a state is.
    #[cfg_attr(feature = "serde", serde(with = "saved"))]
    owners: BTreeMap<StateId, Key>,
    due: BTreeSet<(Time, StateId)>,
    /// Octets of all documents.
    size: usize,
    next_id: u64,
    latest: Time,
    outputs: VecDeque<Change>,
}

/// A PUBLISH, checked on its own.
struct Wanted {
    key: Key,
    etag: Option<String>,
    /// Zero: remove.
    granted: Duration,
    document: Option<(Bytes, Bytes)>,
}

impl Compositor {
    /// A compositor without any state. All entity-tags come from `seed`: use one that nobody can guess.
    #[must_use]
    pub fn new(config: CompositorConfig, seed: [u8; 32]) -> Self {
        Self {
            config,
            rng: ChaCha12Rng::from_seed(seed),
            states: BTreeMap::new(),
            owners: BTreeMap::new(),
            due: BTreeSet::new(),
            size: 0,
            next_id: 0,
            latest: Time::ZERO,
            outputs: VecDeque::new(),
        }
    }

    /// What it was made with.
    #[must_use]
    pub const fn config(&self) -> &CompositorConfig {
        &self.config
    }

    /// Does what a PUBLISH for `resource` asks for, and gives the 200 with its entity-tag and duration. Which resource the
    /// Request-URI names, and who may publish for it, is the caller's business; `resource` is compared byte by byte.
    ///
    /// # Errors
    ///
    /// [`PublishError`], of which [`PublishError::to_response`] makes the refusal. No state was changed.
    pub fn publish(&mut self, now: Time, resource: &str, request: &Request) -> Result<Response, PublishError> {
        self.handle_timeout(now);
        let wanted = self.read(resource, request)?;
        let present = match &wanted.etag {
            Some(etag) => Some(self.find(&wanted.key, etag).ok_or(PublishError::NoMatch)?),
            None => None,
        };
        if !wanted.granted.is_zero() {
            self.check_room(&wanted, present.as_ref())?;
        }
        let etag = self.new_etag();
        let granted = wanted.granted;
        self.commit(wanted, present, etag.clone());
        let mut response = Response::to_request(request, StatusCode::OK, None);
        response.headers_mut().push(HeaderName::SipEtag, etag);
        response
            .headers_mut()
            .push(HeaderName::Expires, granted.as_secs().to_string());
        Ok(response)
    }

    /// The states of a resource, that with the latest document first. Expired ones are among them only until
    /// `handle_timeout` is called as [`poll_timeout`](Machine::poll_timeout) demands.
    #[must_use]
    pub fn states(&self, resource: &str, package: &str) -> &[State] {
        let key = (resource.to_owned(), package.to_owned());
        self.states.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The state with this id.
    #[must_use]
    pub fn state(&self, id: StateId) -> Option<&State> {
        let states = self.states.get(self.owners.get(&id)?)?;
        states.iter().find(|state| state.id == id)
    }

    /// How many states there are in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether there is no state at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Octets of all documents.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Removes all states of a resource, as when the user is deleted; tells how many there were.
    pub fn remove(&mut self, now: Time, resource: &str) -> usize {
        self.handle_timeout(now);
        let from = (resource.to_owned(), String::new());
        let ids: Vec<StateId> = self
            .states
            .range(from..)
            .take_while(|((of, _), _)| of == resource)
            .flat_map(|(_, states)| states.iter().map(|state| state.id))
            .collect();
        for id in &ids {
            self.drop_state(*id, RemovalCause::Administrative);
        }
        ids.len()
    }
}

impl Compositor {
    /// RFC 3903 §6, steps 2 to 5, as far as they need no table.
    fn read(&self, resource: &str, request: &Request) -> Result<Wanted, PublishError> {
        let headers = request.headers();
        let event = headers.typed::<EventHeader>().and_then(Result::ok);
        let event = event.ok_or(PublishError::BadEvent)?;
        let (package, types) = self
            .config
            .packages
            .iter()
            .find(|(name, _)| *name == event.package)
            .ok_or(PublishError::BadEvent)?;
        if resource.len() > self.config.max_name {
            return Err(PublishError::NameTooLong);
        }
        let mut tags = headers.values(&HeaderName::SipIfMatch);
        let etag = match (tags.next(), tags.next()) {
            (None, _) => None,
            (Some(tag), None) => {
                let tag = SipIfMatch::parse(tag).map_err(|_| PublishError::MalformedTag)?;
                Some(tag.0.as_str().to_owned())
            }
            (Some(_), Some(_)) => return Err(PublishError::MalformedTag),
        };
        let expires = headers.typed::<Expires>().and_then(Result::ok);
        let requested = expires.map(|Expires(seconds)| Duration::from_secs(u64::from(seconds)));
        let granted = self.config.expiry.grant(requested)?;
        let document = if request.body().is_empty() || (granted.is_zero() && etag.is_some()) {
            None
        } else {
            Some(self.read_document(request, types)?)
        };
        if document.is_none() && etag.is_none() {
            return Err(PublishError::NoBody);
        }
        Ok(Wanted {
            key: (resource.to_owned(), package.clone()),
            etag,
            granted,
            document,
        })
    }

    fn read_document(&self, request: &Request, types: &[String]) -> Result<(Bytes, Bytes), PublishError> {
        let headers = request.headers();
        let content_type = headers.get(&HeaderName::ContentType).ok_or(PublishError::NoBody)?;
        if content_type.len() > self.config.max_name {
            return Err(PublishError::NameTooLong);
        }
        if request.body().len() > self.config.max_document {
            return Err(PublishError::TooLong);
        }
        let name = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
        let known = |ours: &String| ours.as_bytes().eq_ignore_ascii_case(name.trim_ascii());
        let plain = headers
            .get(&HeaderName::ContentEncoding)
            .is_none_or(|encoding| encoding.trim_ascii().eq_ignore_ascii_case(b"identity"));
        if !plain || !types.iter().any(known) {
            return Err(PublishError::UnsupportedType);
        }
        // Copies, since a slice would keep the whole message.
        Ok((
            Bytes::copy_from_slice(content_type),
            Bytes::copy_from_slice(request.body()),
        ))
    }

    /// The state with this tag: its id and the length of its document.
    fn find(&self, key: &Key, etag: &str) -> Option<(StateId, usize)> {
        let state = self.states.get(key)?.iter().find(|state| state.etag == etag)?;
        Some((state.id, state.body.len()))
    }

    fn check_room(&self, wanted: &Wanted, present: Option<&(StateId, usize)>) -> Result<(), PublishError> {
        let Some((_, body)) = &wanted.document else {
            return Ok(());
        };
        let old = present.map_or(0, |(_, len)| *len);
        let size = self.size.saturating_sub(old).saturating_add(body.len());
        let each = self.states.get(&wanted.key).map_or(0, Vec::len);
        let crowded = each >= self.config.max_states_each || self.len() >= self.config.max_states;
        if (body.len() > old && size > self.config.max_documents) || (present.is_none() && crowded) {
            return Err(PublishError::Full);
        }
        Ok(())
    }

    fn commit(&mut self, wanted: Wanted, present: Option<(StateId, usize)>, etag: String) {
        let Wanted {
            key: (resource, package),
            granted,
            document,
            ..
        } = wanted;
        let id = match present {
            Some((id, _)) if granted.is_zero() => return self.drop_state(id, RemovalCause::Unpublished),
            // A first PUBLISH that expires at once leaves nothing.
            None if granted.is_zero() => return,
            Some((id, _)) => id,
            None => {
                self.next_id += 1;
                StateId(self.next_id)
            }
        };
        let old = self.take(id);
        let is_new = old.is_none();
        let modified = document.is_some();
        let mut state = old.map_or_else(
            || State {
                id,
                etag: String::new(),
                content_type: Bytes::new(),
                body: Bytes::new(),
                since: self.latest,
                expires: self.latest,
            },
            |(_, state)| state,
        );
        state.etag = etag;
        state.expires = self.latest + granted;
        if let Some((content_type, body)) = document {
            (state.content_type, state.body) = (content_type, body);
            state.since = self.latest;
        }
        self.put((resource.clone(), package.clone()), state);
        self.outputs.push_back(match (is_new, modified) {
            (true, _) => Change::Published { resource, package, id },
            (false, true) => Change::Modified { resource, package, id },
            (false, false) => Change::Refreshed { resource, package, id },
        });
    }

    fn put(&mut self, key: Key, state: State) {
        self.size = self.size.saturating_add(state.body.len());
        self.due.insert((state.expires, state.id));
        self.owners.insert(state.id, key.clone());
        let states = self.states.entry(key).or_default();
        let position = states.partition_point(|other| other.since > state.since);
        states.insert(position, state);
    }

    /// Takes one state out of the table.
    fn take(&mut self, id: StateId) -> Option<(Key, State)> {
        let key = self.owners.remove(&id)?;
        let states = self.states.get_mut(&key)?;
        let position = states.iter().position(|state| state.id == id)?;
        let state = states.remove(position);
        if states.is_empty() {
            self.states.remove(&key);
        }
        self.due.remove(&(state.expires, id));
        self.size = self.size.saturating_sub(state.body.len());
        Some((key, state))
    }

    fn drop_state(&mut self, id: StateId, cause: RemovalCause) {
        if let Some(((resource, package), state)) = self.take(id) {
            self.outputs.push_back(Change::Removed {
                resource,
                package,
                state,
                cause,
            });
        }
    }

    fn new_etag(&mut self) -> String {
        format!("{:016x}{:016x}", self.rng.next_u64(), self.rng.next_u64())
    }
}

impl Machine for Compositor {
    type Output = Change;

    fn handle_timeout(&mut self, now: Time) {
        self.latest = self.latest.max(now);
        while let Some(&(expires, id)) = self.due.first() {
            if expires > self.latest {
                break;
            }
            // Ends in any case, should the sets ever disagree.
            self.due.pop_first();
            self.drop_state(id, RemovalCause::Expired);
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.due.first().map(|(expires, _)| *expires)
    }

    fn poll_output(&mut self) -> Option<Change> {
        self.outputs.pop_front()
    }
}

/// The tables as sequences of pairs, since their keys are no text.
#[cfg(feature = "serde")]
mod saved {
    pub(super) use crate::endpoint::saved::by_remote::{deserialize, serialize};
}
