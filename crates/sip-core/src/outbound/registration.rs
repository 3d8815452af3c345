use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use super::Backoff;
use crate::header::{Contact, Expires, FlowTimer, MinExpires, RetryAfter, ServiceRoute};
use crate::{Credentials, Flow, HeaderName, Hop, Method, NameAddr, OutOfDialog, Response, StatusCode, Uri};

/// Keeps an address of record registered, over one flow or several (RFC 3261 §10.2, RFC 5626 §4.2). See the
/// [module](super) for an example.
///
/// It sends nothing: requests go out through an [`Endpoint`](crate::Endpoint) (which answers challenges), and their outcome is
/// told with [`responded`](Self::responded). Flows are numbered by their `reg-id`, from 1 on.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Registration {
    config: RegistrationConfig,
    rng: ChaCha12Rng,
    now: Time,
    flows: Vec<RegisteredFlow>,
    stopping: bool,
    public_gruu: Option<Uri>,
    service_route: Vec<Uri>,
    outputs: VecDeque<Output>,
}

/// What to register, and how.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RegistrationConfig {
    /// The Request-URI: the domain of the registrar.
    pub registrar: Uri,
    /// The address of record.
    pub aor: NameAddr,
    /// The device's own name, which never changes: a URN such as `urn:uuid:…` (RFC 5626 §4.1). Without it there are neither
    /// several flows nor GRUUs.
    pub instance: Option<String>,
    /// The flows, in order of `reg-id`. At most [`Registration::MAX_FLOWS`].
    pub flows: Vec<FlowPlan>,
    /// For how long to register at a time. Default one hour.
    pub expires: Duration,
    /// User name and password.
    pub credentials: Option<Credentials>,
    /// Further headers of each REGISTER.
    pub headers: Vec<(HeaderName, Bytes)>,
    /// How long to wait after a failure.
    pub backoff: Backoff,
}

impl RegistrationConfig {
    /// Without flows yet.
    #[must_use]
    pub fn new(registrar: Uri, aor: NameAddr) -> Self {
        Self {
            registrar,
            aor,
            instance: None,
            flows: Vec::new(),
            expires: Duration::from_secs(3600),
            credentials: None,
            headers: Vec::new(),
            backoff: Backoff::default(),
        }
    }
}

/// One flow: where its REGISTER goes, and the contact that it registers.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FlowPlan {
    /// Where we are reached: our address on this flow, with the parameters that are wanted in the binding (of push
    /// notifications, RFC 8599 §4.1).
    pub contact: Uri,
    /// The edge proxy, if it is not the registrar itself.
    pub route: Vec<Uri>,
    /// The way, if it is known.
    pub flow: Option<Flow>,
    /// What a resolver found for it.
    pub hops: Vec<Hop>,
}

impl FlowPlan {
    /// A flow straight to the registrar.
    #[must_use]
    pub const fn new(contact: Uri) -> Self {
        Self {
            contact,
            route: Vec::new(),
            flow: None,
            hops: Vec::new(),
        }
    }
}

/// What a registration wants done or has to tell.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Output {
    /// Send this with [`Endpoint::send`](crate::Endpoint::send), and tell [`Registration::responded`] what came of it.
    Send {
        /// The flow.
        reg_id: u32,
        /// The REGISTER.
        request: Box<OutOfDialog>,
    },
    /// A flow is registered, or registered anew.
    Registered {
        /// The flow.
        reg_id: u32,
        /// For how long. It is refreshed in time.
        expires: Duration,
        /// Whether registrar and edge proxy take part in outbound: the flow is used, and must be kept alive.
        outbound: bool,
        /// After how long of silence the edge proxy takes the flow for dead (RFC 5626 §5.4): keep it alive more often.
        flow_timer: Option<Duration>,
    },
    /// A flow could not be registered. It is tried again by itself.
    Failed {
        /// The flow.
        reg_id: u32,
        /// The last response's status; 408 if there was none.
        status: StatusCode,
        /// When it is tried again.
        retry: Time,
    },
    /// A flow is no longer registered, as was wished.
    Unregistered {
        /// The flow.
        reg_id: u32,
    },
}

/// Why a registration cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// No flow, or more than [`Registration::MAX_FLOWS`].
    #[error("the number of flows")]
    Flows,
    /// Several flows need an instance to belong to.
    #[error("several flows without an instance")]
    NoInstance,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct RegisteredFlow {
    call_id: Bytes,
    cseq: u32,
    state: FlowState,
    /// The time to ask for: longer than wished, if the registrar wants that.
    expires: Duration,
    failures: u32,
    /// The REGISTER that is under way takes the binding away.
    ending: bool,
    /// Valid for as long as the registrar has this flow.
    temporary_gruu: Option<Uri>,
    /// Without `reg-id`: the edge proxy does not know outbound.
    plain: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum FlowState {
    /// Not begun, or ended.
    Idle,
    /// A REGISTER is under way.
    Asking,
    /// To be refreshed at that time.
    Registered(Time),
    /// To be tried again at that time.
    Failed(Time),
}

/// Longer than that, no `Min-Expires` makes it.
const MAX_EXPIRES: Duration = Duration::from_secs(86_400);

impl Registration {
    /// Flows that one registration may have.
    pub const MAX_FLOWS: usize = 16;
    /// Values of a Service-Route that are kept; further ones are left out.
    pub const MAX_ROUTE: usize = 16;

    /// Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`RegistrationError`].
    pub fn new(config: RegistrationConfig, seed: [u8; 32]) -> Result<Self, RegistrationError> {
        if config.flows.is_empty() || config.flows.len() > Self::MAX_FLOWS {
            return Err(RegistrationError::Flows);
        }
        if config.flows.len() > 1 && config.instance.is_none() {
            return Err(RegistrationError::NoInstance);
        }
        let mut rng = ChaCha12Rng::from_seed(seed);
        let mut flow = |_: &FlowPlan| RegisteredFlow {
            // One Call-ID a flow, for ever: a new one would end the temporary GRUUs (RFC 5627 §4.2).
            call_id: Bytes::from(format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64())),
            cseq: 1,
            state: FlowState::Idle,
            expires: config.expires,
            failures: 0,
            ending: false,
            temporary_gruu: None,
            plain: false,
        };
        Ok(Self {
            flows: config.flows.iter().map(&mut flow).collect(),
            rng,
            now: Time::ZERO,
            stopping: false,
            public_gruu: None,
            service_route: Vec::new(),
            outputs: VecDeque::new(),
            config,
        })
    }

    /// Registers all flows that are not.
    pub fn start(&mut self, now: Time) {
        self.advance(now);
        self.stopping = false;
        for at in 0..self.flows.len() {
            if self.flows.get(at).is_some_and(|flow| flow.state == FlowState::Idle) {
                self.send(at);
            }
        }
    }

    /// Ends all flows. Those that a REGISTER is under way for end when it is answered.
    pub fn stop(&mut self, now: Time) {
        self.advance(now);
        self.stopping = true;
        for at in 0..self.flows.len() {
            let Some(flow) = self.flows.get_mut(at) else { continue };
            match flow.state {
                FlowState::Registered(_) => self.send(at),
                FlowState::Failed(_) => {
                    flow.state = FlowState::Idle;
                    self.outputs.push_back(Output::Unregistered { reg_id: number(at) });
                }
                FlowState::Idle | FlowState::Asking => {}
            }
        }
    }

    /// The final response to a REGISTER of [`Output::Send`]; without a response, 408 or 503.
    pub fn responded(&mut self, now: Time, reg_id: u32, status: StatusCode, response: Option<&Response>) {
        self.advance(now);
        let Some(at) = self.index(reg_id) else { return };
        let Some(flow) = self.flows.get_mut(at).filter(|flow| flow.state == FlowState::Asking) else {
            return;
        };
        match (status, response) {
            (status, Some(response)) if status.is_success() => self.succeeded(at, response),
            _ if self.stopping => {
                flow.state = FlowState::Idle;
                self.outputs.push_back(Output::Unregistered { reg_id });
            }
            (StatusCode::INTERVAL_TOO_BRIEF, Some(response)) if raise(flow, response) => self.send(at),
            // Outbound is more than this proxy can do; the first flow does without (RFC 5626 §4.2.1).
            (StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT, _) if at == 0 && !flow.plain => {
                flow.plain = true;
                self.send(at);
            }
            (status, response) => self.failed(at, status, response),
        }
    }

    /// A flow that was registered is dead: its connection broke, or [`KeepAlive`](super::KeepAlive) said so. It is registered
    /// anew after the time that [`Backoff`] says. Whether it was registered.
    pub fn flow_failed(&mut self, now: Time, reg_id: u32) -> bool {
        self.advance(now);
        let Some(at) = self.index(reg_id) else { return false };
        let registered = |flow: &RegisteredFlow| matches!(flow.state, FlowState::Registered(_));
        if !self.flows.get(at).is_some_and(registered) {
            return false;
        }
        self.failed(at, StatusCode::FLOW_FAILED, None);
        true
    }

    /// Another way for a flow, from its next REGISTER on: its server was looked up anew, or its address has changed.
    /// Whether there is such a flow.
    pub fn set_plan(&mut self, reg_id: u32, plan: FlowPlan) -> bool {
        let at = self.index(reg_id);
        match at.and_then(|at| self.config.flows.get_mut(at)) {
            Some(entry) => {
                *entry = plan;
                true
            }
            None => false,
        }
    }

    /// Whether a flow is registered.
    #[must_use]
    pub fn is_registered(&self, reg_id: u32) -> bool {
        let flow = self.index(reg_id).and_then(|at| self.flows.get(at));
        flow.is_some_and(|flow| matches!(flow.state, FlowState::Registered(_)))
    }

    /// Our public GRUU, if the registrar gave one: the address of this very device (RFC 5627 §3.1.1), to be used as
    /// [`Invite::contact`](crate::Invite::contact).
    #[must_use]
    pub const fn public_gruu(&self) -> Option<&Uri> {
        self.public_gruu.as_ref()
    }

    /// The latest temporary GRUU of the first flow that works: like the public one, but it does not tell who we are
    /// (RFC 5627 §3.1.2).
    #[must_use]
    pub fn temporary_gruu(&self) -> Option<&Uri> {
        let works = |flow: &&RegisteredFlow| matches!(flow.state, FlowState::Registered(_) | FlowState::Asking);
        let mut flows = self.flows.iter().filter(works);
        flows.find_map(|flow| flow.temporary_gruu.as_ref())
    }

    /// The routes that our own requests have to take (RFC 3608 §5).
    #[must_use]
    pub fn service_route(&self) -> &[Uri] {
        &self.service_route
    }
}

impl Registration {
    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    fn index(&self, reg_id: u32) -> Option<usize> {
        let at = usize::try_from(reg_id).ok()?.checked_sub(1)?;
        (at < self.flows.len()).then_some(at)
    }

    /// Sends a REGISTER, or its opposite.
    fn send(&mut self, at: usize) {
        let (Some(flow), Some(plan)) = (self.flows.get_mut(at), self.config.flows.get(at)) else {
            return;
        };
        let expires = if self.stopping { Duration::ZERO } else { flow.expires };
        let mut contact = NameAddr::new(plan.contact.clone());
        if let Some(instance) = &self.config.instance {
            contact.params.set("+sip.instance", Some(&format!("<{instance}>")));
            if !flow.plain {
                contact.params.set("reg-id", Some(&number(at).to_string()));
            }
        }
        contact.params.set("expires", Some(&expires.as_secs().to_string()));
        let aor = self.config.aor.clone();
        let mut request = OutOfDialog::new(Method::Register, self.config.registrar.clone(), aor.clone(), aor);
        let abilities = match (&self.config.instance, flow.plain) {
            (None, _) => "path",
            (Some(_), true) => "path, gruu",
            (Some(_), false) => "path, gruu, outbound",
        };
        request.headers = vec![
            (HeaderName::Contact, Bytes::from(contact.to_string())),
            (HeaderName::Supported, Bytes::from_static(abilities.as_bytes())),
        ];
        request.headers.extend(self.config.headers.iter().cloned());
        request.credentials.clone_from(&self.config.credentials);
        request.route.clone_from(&plan.route);
        request.flow = plan.flow;
        request.hops.clone_from(&plan.hops);
        request.sequence = Some((flow.call_id.clone(), flow.cseq));
        // The answer to a challenge takes a number, too.
        flow.cseq = flow.cseq.saturating_add(2);
        flow.state = FlowState::Asking;
        flow.ending = self.stopping;
        self.outputs.push_back(Output::Send {
            reg_id: number(at),
            request: Box::new(request),
        });
    }

    fn succeeded(&mut self, at: usize, response: &Response) {
        let reg_id = number(at);
        let own = self.own_contact(at, response);
        let Some(flow) = self.flows.get_mut(at) else { return };
        flow.failures = 0;
        match (flow.ending, self.stopping) {
            (true, true) => {
                flow.state = FlowState::Idle;
                return self.outputs.push_back(Output::Unregistered { reg_id });
            }
            // Meanwhile the opposite was wished.
            (true, false) | (false, true) => return self.send(at),
            (false, false) => {}
        }
        let Some(own) = own else {
            // Accepted, but the binding is not there: somebody removed it.
            return self.failed(at, StatusCode::FLOW_FAILED, None);
        };
        let header = response.headers().typed::<Expires>().and_then(Result::ok);
        let granted = own.expires().or(header.map(|Expires(secs)| secs));
        let expires = granted.map_or(flow.expires, |secs| Duration::from_secs(secs.into()));
        flow.state = FlowState::Registered(self.now + refresh_after(expires));
        self.public_gruu = own.pub_gruu().or(self.public_gruu.take());
        flow.temporary_gruu = own.temp_gruu().or(flow.temporary_gruu.take());
        let route = response.headers().typed_all::<ServiceRoute>().unwrap_or_default();
        self.service_route = route
            .into_iter()
            .take(Self::MAX_ROUTE)
            .map(|route| route.0.uri)
            .collect();
        let requires = |tag: &[u8]| tag.eq_ignore_ascii_case(b"outbound");
        let outbound = response.headers().items(&HeaderName::Require).any(requires);
        let flow_timer = response.headers().typed::<FlowTimer>().and_then(Result::ok);
        let flow_timer = flow_timer.map(|FlowTimer(secs)| Duration::from_secs(secs.into()));
        self.outputs.push_back(Output::Registered {
            reg_id,
            expires,
            outbound,
            flow_timer: flow_timer.filter(|_| outbound),
        });
    }

    /// Our own binding among those that the registrar lists.
    fn own_contact(&self, at: usize, response: &Response) -> Option<Contact> {
        let plan = self.config.flows.get(at)?;
        let plain = self.flows.get(at)?.plain || self.config.instance.is_none();
        let instance = self.config.instance.as_deref();
        let contacts = response.headers().typed_all::<Contact>().ok()?;
        contacts.into_iter().find(|contact| {
            let Some(address) = contact.address() else { return false };
            let by_flow = !plain && contact.reg_id() == Some(number(at)) && contact.instance() == instance;
            // A registrar that does not know outbound lists the address alone.
            by_flow || address.uri.equivalent(&plan.contact)
        })
    }

    fn failed(&mut self, at: usize, status: StatusCode, response: Option<&Response>) {
        let others = self.flows.iter().enumerate().filter(|(other, _)| *other != at);
        let all = !others
            .map(|(_, flow)| flow.state)
            .any(|state| matches!(state, FlowState::Registered(_)));
        let asked = response.and_then(|response| response.headers().typed::<RetryAfter>()?.ok());
        let asked = asked.map_or(Duration::ZERO, |wait| Duration::from_secs(wait.seconds.into()));
        let Some(flow) = self.flows.get_mut(at) else { return };
        let wait = self.config.backoff.wait(flow.failures, all, &mut self.rng);
        flow.failures = flow.failures.saturating_add(1);
        let retry = self.now + wait.max(asked.min(MAX_EXPIRES)).max(Duration::from_millis(1));
        flow.state = FlowState::Failed(retry);
        flow.temporary_gruu = None;
        let reg_id = number(at);
        self.outputs.push_back(Output::Failed { reg_id, status, retry });
    }
}

/// The `reg-id` of a flow.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1)
}

/// Takes the registrar's `Min-Expires`; whether that changes anything.
fn raise(flow: &mut RegisteredFlow, response: &Response) -> bool {
    let Some(Ok(MinExpires(secs))) = response.headers().typed::<MinExpires>() else {
        return false;
    };
    let least = Duration::from_secs(secs.into());
    let raised = flow.expires < least && least <= MAX_EXPIRES;
    if raised {
        flow.expires = least;
    }
    raised
}

/// When to refresh: ten minutes before the end, a short registration at its half.
fn refresh_after(expires: Duration) -> Duration {
    const MARGIN: Duration = Duration::from_secs(600);
    let after = if expires > MARGIN * 2 {
        expires.saturating_sub(MARGIN)
    } else {
        expires / 2
    };
    after.max(Duration::from_secs(1))
}

impl Machine for Registration {
    type Output = Output;

    fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
        for at in 0..self.flows.len() {
            let due = self.flows.get(at).is_some_and(|flow| match flow.state {
                FlowState::Registered(due) | FlowState::Failed(due) => due <= self.now,
                FlowState::Idle | FlowState::Asking => false,
            });
            if due {
                self.send(at);
            }
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        let due = |flow: &RegisteredFlow| match flow.state {
            FlowState::Registered(due) | FlowState::Failed(due) => Some(due),
            FlowState::Idle | FlowState::Asking => None,
        };
        self.flows.iter().filter_map(due).min()
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}
