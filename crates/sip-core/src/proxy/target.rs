use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;

use crate::endpoint::Flow;
use crate::header::Retarget;
use crate::registrar::Binding;
use crate::{HeaderName, NameAddr, Uri};

/// Where to send a request.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Target {
    /// The new Request-URI; `None`: it stays as it is, byte for byte.
    pub uri: Option<Uri>,
    /// Put before the request's own Routes (RFC 3261 §16.6 step 6): a registration's `Path` (RFC 3327).
    pub route: Vec<NameAddr>,
    /// The way to take, whatever the URI says: back on the flow of a registration. `None`: to the first Route, else to the
    /// Request-URI.
    pub flow: Option<Flow>,
    /// Whether nothing but `flow` will do: once its connection is gone the target is answered for with 430 (RFC 5626
    /// §5.3), instead of connecting anew.
    pub only_flow: bool,
    /// Preference in thousandths: the higher, the earlier.
    pub q: u16,
    /// How the request comes to this target, for `History-Info` (RFC 7044 §5).
    pub retarget: Retarget,
    /// Headers added to this target's copy alone, whatever others are told: an identity that the embedder asserts.
    pub headers: Vec<(HeaderName, Bytes)>,
}

impl Target {
    /// A target by its URI.
    #[must_use]
    pub fn new(uri: Uri) -> Self {
        Self {
            uri: Some(uri),
            retarget: Retarget::Mapped,
            ..Self::as_is()
        }
    }

    /// Where the request's own Route or Request-URI leads.
    #[must_use]
    pub fn as_is() -> Self {
        Self {
            uri: None,
            route: Vec::new(),
            flow: None,
            only_flow: false,
            q: 1000,
            retarget: Retarget::Unchanged,
            headers: Vec::new(),
        }
    }

    /// Sets the way to take.
    #[must_use]
    pub fn by(mut self, flow: Flow) -> Self {
        self.flow = Some(flow);
        self
    }

    /// Sets the preference, in thousandths.
    #[must_use]
    pub fn q(mut self, q: u16) -> Self {
        self.q = q;
        self
    }
}

/// A registered contact: by its `Path`, or else back on the flow that it registered over.
impl From<&Binding> for Target {
    fn from(binding: &Binding) -> Self {
        Self {
            uri: Some(binding.contact.uri.clone()),
            flow: binding.path.is_empty().then_some(binding.flow),
            route: binding.path.clone(),
            q: binding.q,
            retarget: Retarget::Contact,
            ..Self::as_is()
        }
    }
}

/// Targets that are tried at once.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Group {
    pub(super) targets: Vec<Target>,
    pub(super) ring_for: Option<Duration>,
}

/// The target set of a request (RFC 3261 §16.5): groups one after the other, the targets of a group at once.
///
/// ```
/// use core::time::Duration;
/// use sip_core::proxy::{Target, TargetSet};
///
/// let target = |uri: &str| uri.parse().map(Target::new);
/// // Both desk phones for 20 seconds, then the mobile, then the voice mailbox.
/// let hunt = TargetSet::parallel([target("sip:1001@192.0.2.7")?, target("sip:1001@192.0.2.8")?])
///     .ring_for(Duration::from_secs(20))
///     .then([target("sip:+491511234567@gw.example.com")?])
///     .ring_for(Duration::from_secs(30))
///     .then([target("sip:box-1001@vm.example.com")?]);
/// assert_eq!(hunt.len(), 4);
/// // What a registrar says of preference: equal `q` at once, the higher first.
/// let by_q = TargetSet::by_q([target("sip:a@192.0.2.7")?.q(500), target("sip:b@192.0.2.8")?.q(900)]);
/// assert_eq!(by_q.groups(), 2);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TargetSet {
    pub(super) groups: VecDeque<Group>,
    pub(super) recurse: bool,
}

impl TargetSet {
    /// All at once.
    #[must_use]
    pub fn parallel(targets: impl IntoIterator<Item = Target>) -> Self {
        Self::default().then(targets)
    }

    /// One after the other.
    #[must_use]
    pub fn serial(targets: impl IntoIterator<Item = Target>) -> Self {
        targets
            .into_iter()
            .fold(Self::default(), |set, target| set.then([target]))
    }

    /// The preferred first, those of equal preference at once (RFC 3261 §16.6).
    #[must_use]
    pub fn by_q(targets: impl IntoIterator<Item = Target>) -> Self {
        let mut targets: Vec<Target> = targets.into_iter().collect();
        targets.sort_by_key(|target| core::cmp::Reverse(target.q));
        let mut set = Self::default();
        for target in targets {
            match set.groups.back_mut() {
                Some(group) if group.targets.first().is_some_and(|first| first.q == target.q) => {
                    group.targets.push(target);
                }
                _ => set = set.then([target]),
            }
        }
        set
    }

    /// Where the request's own Route or Request-URI leads.
    #[must_use]
    pub fn as_is() -> Self {
        Self::parallel([Target::as_is()])
    }

    /// Adds a group that is tried when those before have failed, or have rung for long enough.
    #[must_use]
    pub fn then(mut self, targets: impl IntoIterator<Item = Target>) -> Self {
        let targets: Vec<Target> = targets.into_iter().collect();
        if !targets.is_empty() {
            self.groups.push_back(Group {
                targets,
                ring_for: None,
            });
        }
        self
    }

    /// How long the last group may go without a final response to an INVITE. Then its branches are cancelled and the next
    /// group is tried. Without it only Timer C ends them.
    #[must_use]
    pub fn ring_for(mut self, time: Duration) -> Self {
        if let Some(group) = self.groups.back_mut() {
            group.ring_for = Some(time);
        }
        self
    }

    /// Follow redirections (RFC 3261 §16.7 step 4) instead of passing the best 3xx to the caller: the contacts of a 3xx
    /// that were not tried yet become targets, tried after those that are there already.
    #[must_use]
    pub fn recursing(mut self) -> Self {
        self.recurse = true;
        self
    }

    /// How many targets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.targets.len()).sum()
    }

    /// Whether there is no target.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// How many groups there are.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }
}
