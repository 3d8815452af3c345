use core::time::Duration;
use std::net::SocketAddr;

use super::Transport;
use crate::dialog::session_timer::{SMALLEST_INTERVAL, SessionTimers, TimerPolicy};
use crate::dialog::update::Side;
use crate::guard::GuardConfig;
use crate::transaction::TimerConfig;
use crate::{Limits, Method};

/// Whether provisional responses are sent reliably (RFC 3262), as caller and as callee.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Reliability {
    /// Never: `100rel` is not offered, and a peer that requires it is refused with 420.
    Never,
    /// `100rel` is offered. Responses are sent reliably where the peer requires it; those that answer an offer also where
    /// the peer can do it, since an answer in a response that may get lost is none.
    #[default]
    Supported,
    /// As caller we require it. As callee we send every provisional response reliably, and refuse who cannot do it with 421.
    Required,
}

/// What an [`Endpoint`](super::Endpoint) has to know of its surroundings.
///
/// ```
/// use sip_core::{EndpointConfig, Transport};
///
/// let mut config = EndpointConfig::new([(Transport::Udp, "192.0.2.1:5060".parse().unwrap())]);
/// config.user_agent = "Example PBX".into();
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct EndpointConfig {
    /// What `Via` and `Contact` say, and the addresses to send from. The first of a transport (and address family) is
    /// that transport's default. Addresses a peer can reach, thus not `0.0.0.0`.
    pub listen: Vec<(Transport, SocketAddr)>,
    /// The value of `User-Agent` in requests and `Server` in responses; empty: neither is sent.
    pub user_agent: String,
    /// The methods that are passed on to the embedder or handled here, as the `Allow` header lists them. Of others the
    /// known ones are answered with 405, the unknown ones with 501.
    pub methods: Vec<Method>,
    /// The option tags that a peer may require (`Supported`), besides `100rel` and `timer`, which
    /// [`reliability`](Self::reliability) and [`session_timers`](Self::session_timers) decide on. Default: `replaces`, `norefersub`, `tdialog`. An
    /// embedder that does what [`Event::Invite`](super::Event::Invite) says of `Join` and `Answer-Mode` adds `join` and
    /// `answermode`.
    pub supported: Vec<String>,
    /// Whether provisional responses to INVITEs are sent reliably. Default [`Reliability::Supported`].
    pub reliability: Reliability,
    /// Whether sessions have timers (RFC 4028). Default [`SessionTimers::Supported`]: if the peer asks for them.
    pub session_timers: SessionTimers,
    /// The session interval that we ask for. Whole seconds; default 30 minutes (RFC 4028 §4).
    pub session_expires: Duration,
    /// The shortest session interval that we accept; less is refused with 422. Whole seconds; default 90 seconds, the least
    /// that RFC 4028 §5 allows.
    pub min_se: Duration,
    /// Who is to refresh sessions where that is left to us. Default `None`: who asked for the timer.
    pub refresher: Option<Side>,
    /// Whether the embedder answers by itself where `Answer-Mode: Auto` asks for it (RFC 5373). If not, and `answermode` is
    /// [supported](Self::supported), an INVITE that insists on it (`Auto;require`) is refused with 403. Default `false`.
    pub auto_answer: bool,
    /// The event packages that peers may subscribe to, as `Allow-Events` lists them; others get 489. Default: none, which
    /// means that each SUBSCRIBE is handed to the embedder, who refuses what he does not know.
    pub event_packages: Vec<String>,
    /// The Info Packages that we can receive, as `Recv-Info` lists them (RFC 6086); an INFO of another gets 469. Those
    /// without any, as phones send for digits, are handed on. Default: none.
    pub info_packages: Vec<String>,
    /// The body types that we understand, as `Accept` in answers to OPTIONS lists them. Default: `application/sdp`.
    pub accept: Vec<String>,
    /// Whether a NOTIFY that nobody subscribed to is handed on, as some servers send to tell phones of waiting messages;
    /// else it gets 481. Default `false`.
    pub unsolicited_notify: bool,
    /// The timers of the transactions.
    pub timers: TimerConfig,
    /// What a peer may make the endpoint hold.
    pub limits: Limits,
    /// Rates and bans: who is listened to when there is too much to hear ([`guard`](crate::guard)). Default `None`: everybody.
    pub guard: Option<GuardConfig>,
    /// How long an INVITE, ours or a peer's, may go without a final response. Then ours is cancelled and an incoming
    /// one answered with 480. Default 15 minutes.
    pub max_ringing: Duration,
    /// How often a provisional response is repeated, so that proxies do not give the INVITE up (RFC 3261 §13.3.1.1).
    /// Default 1 minute.
    pub keep_ringing: Duration,
    /// How long a stream connection may be idle before its closing is asked for. Default 15 minutes. A half-received
    /// message counts as idle: it has [`frame_timeout`](Self::frame_timeout).
    pub idle_timeout: Duration,
    /// How long a peer may take to send one message over a stream, counted from the end of the one before; and for how
    /// long a connection is kept on which nothing whole has ever come. Default 32 seconds.
    pub frame_timeout: Duration,
    /// How long an accepted REFER may go without [`notify_refer`](super::Endpoint::notify_refer) before its
    /// subscription expires, and how long we wait for such a NOTIFY. Default 3 minutes.
    pub refer_expires: Duration,
    /// Whether initial requests with `Max-Forwards: 0` are refused with 483. RFC 4475 §3.3.11 would have a mere
    /// user agent take them; a back-to-back user agent that sends calls on needs the guard against loops, thus the default
    /// is `true`.
    pub refuse_zero_max_forwards: bool,
    /// Octets of a request that still go by UDP where the transport is the endpoint's to choose: a longer one, to a URI that
    /// names no transport, goes by TCP if [`listen`](Self::listen) has it, and by UDP all the same if the peer refuses the
    /// connection (RFC 3261 §18.1.1). Default 1300; `usize::MAX`: never by TCP.
    pub max_datagram: usize,
    /// After how long a request of which nothing is heard goes on to the next of its hops ([`Invite::by`](super::Invite::by)).
    /// Default `None`: when its transaction times out, after 64·T1.
    pub failover_after: Option<Duration>,
    /// Whether our requests over TLS let the peer use the connection for its own (`alias` in the Via, RFC 5923).
    /// Default `false`.
    pub connection_reuse: bool,
    /// How often, in seconds, peers that ask for it (`keep` in the Via, RFC 6223) are told to send keep-alives; 0: as they like.
    /// Default `None`: they are not told, and thus should not.
    pub keep: Option<u32>,
    /// Whether our requests ask the next hop how often to send keep-alives. What it says is in the topmost Via of its
    /// response ([`Via::keep`](crate::header::Via::keep)). Default `false`.
    pub ask_keep: bool,
    /// Whether line ends and STUN responses are told as [`Event::KeepAlive`](super::Event::KeepAlive), for
    /// [`outbound::KeepAlive`](crate::outbound::KeepAlive). Default `false`.
    pub report_keepalives: bool,
    /// Whether requests in a dialog go to where the dialog's last request came from, if the peer's `Contact` is a
    /// private address that cannot be meant (a phone behind NAT). Default `true`.
    pub repair_nat: bool,
}

impl EndpointConfig {
    /// The defaults, with these addresses.
    #[must_use]
    pub fn new(listen: impl IntoIterator<Item = (Transport, SocketAddr)>) -> Self {
        Self {
            listen: listen.into_iter().collect(),
            user_agent: String::new(),
            methods: vec![
                Method::Invite,
                Method::Ack,
                Method::Bye,
                Method::Cancel,
                Method::Options,
                Method::Register,
                Method::Info,
                Method::Update,
                Method::Refer,
                Method::Subscribe,
                Method::Notify,
                Method::Message,
            ],
            supported: vec!["replaces".to_owned(), "norefersub".to_owned(), "tdialog".to_owned()],
            event_packages: Vec::new(),
            info_packages: Vec::new(),
            accept: vec!["application/sdp".to_owned()],
            unsolicited_notify: false,
            reliability: Reliability::default(),
            session_timers: SessionTimers::default(),
            session_expires: Duration::from_secs(30 * 60),
            min_se: Duration::from_secs(u64::from(SMALLEST_INTERVAL)),
            refresher: None,
            auto_answer: false,
            timers: TimerConfig::default(),
            limits: Limits::default(),
            guard: None,
            max_ringing: Duration::from_secs(15 * 60),
            keep_ringing: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(15 * 60),
            frame_timeout: Duration::from_secs(32),
            refer_expires: Duration::from_secs(180),
            max_datagram: 1300,
            failover_after: None,
            connection_reuse: false,
            keep: None,
            ask_keep: false,
            report_keepalives: false,
            refuse_zero_max_forwards: true,
            repair_nat: true,
        }
    }

    pub(super) fn timer_policy(&self) -> TimerPolicy {
        let seconds = |time: Duration| u32::try_from(super::stats::seconds(time)).unwrap_or(u32::MAX);
        TimerPolicy {
            mode: self.session_timers,
            interval: seconds(self.session_expires),
            min_se: seconds(self.min_se),
            refresher: self.refresher,
        }
    }

    /// Whether requests of this method are taken.
    pub(super) fn takes(&self, method: &Method) -> bool {
        let reliable = self.reliability != Reliability::Never && self.methods.contains(&Method::Invite);
        self.methods.contains(method) || (*method == Method::Prack && reliable)
    }

    /// All option tags that a peer may require, each once. Of `100rel` and `timer` the endpoint itself decides.
    pub(super) fn options(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        let is = |known: &&str, tag: &str| known.eq_ignore_ascii_case(tag);
        for tag in &self.supported {
            let own = ["100rel", "timer"].iter().any(|own| is(own, tag));
            if !own && !all.iter().any(|known| is(known, tag)) {
                all.push(tag);
            }
        }
        all.extend((self.reliability != Reliability::Never).then_some("100rel"));
        all.extend((self.session_timers != SessionTimers::Off).then_some("timer"));
        all
    }
}
