//! What a peer may make us hold.

/// Bounds on everything that a peer can make grow.
///
/// The defaults take every message that a phone or a provider sends in practice, and every valid message of
/// RFC 4475. What belongs to a table of its own has its limit where the table is made:
///
/// - bindings, addresses of record and the length of contacts in
///   [`RegistrarConfig`](crate::registrar::RegistrarConfig);
/// - nonces in use in [`auth::ServerConfig::max_nonces`](crate::auth::ServerConfig::max_nonces), attempts to authenticate in
///   [`auth::Client::MAX_ATTEMPTS`](crate::auth::Client::MAX_ATTEMPTS);
/// - rates, sources, bans and the connections of one source in [`GuardConfig`](crate::guard::GuardConfig).
///
/// Hops are limited twice: those behind a request by [`vias`](Self::vias), those before it by `Max-Forwards`, of which 0 is
/// refused with 483 ([`EndpointConfig::refuse_zero_max_forwards`](crate::EndpointConfig::refuse_zero_max_forwards)).
///
/// ```
/// use sip_core::Limits;
///
/// let mut limits = Limits::default();
/// limits.message = 16 * 1024;
/// assert_eq!(limits.headers, 256);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Limits {
    /// Octets in a message, start line to end of body. Default 65,536; more is `MessageTooLarge` (513).
    pub message: usize,
    /// Octets in a start line, without its line end. Default 4,096; more is `StartLineTooLong` (414).
    pub start_line: usize,
    /// Octets in a Request-URI. Default 2,048; more is `UriTooLong` (414).
    pub uri: usize,
    /// Octets in one header field with its name and continuation lines, without the last line end.
    /// Default 8,192; more is `HeaderTooLong` (513).
    pub header_line: usize,
    /// Header fields in a message. Default 256; more is `TooManyHeaders` (513).
    pub headers: usize,
    /// Via values in a message, however they are spread over fields. Default 70, which is as many hops as the
    /// usual Max-Forwards allows; more is `TooManyVias` (483).
    pub vias: usize,
    /// Contact values in a message, however they are spread over fields. Default 64; more is `TooManyContacts` (513).
    pub contacts: usize,
    /// Route and Record-Route values in a message, together and however they are spread over fields. Default 140, which
    /// is as many as the usual Max-Forwards allows where every proxy records itself twice (RFC 5658); more is
    /// `TooManyRoutes` (513).
    pub routes: usize,
    /// Octets of a request that its responses repeat, and that are kept until it is answered for good: Via, From, To,
    /// Call-ID, CSeq, Timestamp and Record-Route. Default 8,192; more is 513.
    pub echoed: usize,
    /// Octets in a body. Default 65,536; more is `BodyTooLarge` (413).
    pub body: usize,
    /// Parts in a body, at all levels together. Default 32; more is 413.
    pub body_parts: usize,
    /// Levels of parts within parts of a body. Default 4; more is 413.
    pub body_depth: usize,
    /// Client transactions that the embedder's commands may have begun; of a proxy, branches. A proxy may have twice as many
    /// with those of requests within dialogs. Default 200,000; more is
    /// [`EndpointError::Full`](crate::EndpointError::Full). What has to be sent to end a session or subscription is
    /// not held back.
    pub client_transactions: usize,
    /// Server transactions at which requests outside of dialogs are answered with 503. Default 200,000; requests in
    /// dialogs are taken up to twice as many, so that established calls outlive a flood.
    pub server_transactions: usize,
    /// Sessions, in both directions. Default 100,000; more is 503 or `Full`.
    pub sessions: usize,
    /// Subscriptions, of both sides. Default 100,000; more is 503 or `Full`.
    pub subscriptions: usize,
    /// Incoming REFERs that are not over yet. Default 10,000, of which one session may have [`Limits::SESSION_REFERS`];
    /// more is 503.
    pub refers: usize,
    /// States that we publish. Default 100,000; more is `Full`.
    pub publications: usize,
    /// Early dialogs of one outgoing INVITE, or notifiers that one SUBSCRIBE reaches. Default 12; provisional responses of further forks are dropped, and of
    /// further answers only the first ones are acknowledged and hung up.
    pub forks: usize,
    /// Outputs of an [`Endpoint`](crate::Endpoint) that wait to be fetched, at which requests outside of dialogs are answered
    /// with 503 and commands that begin something are [`Full`](crate::EndpointError::Full). Default 65,536. At twice as many
    /// nothing that arrives is read, as if the network had lost it, and nothing is retransmitted: an embedder that
    /// does not fetch outputs should not hand in packets either.
    pub outputs: usize,
    /// Octets of one stream that are kept for a message that is not complete. Default 65,536; the stream is closed beyond
    /// that, after a 513 if the message can be answered. [`message`](Self::message) bounds it, too.
    pub stream_buffer: usize,
    /// Stream connections. Default 2,048; a further one is closed.
    pub connections: usize,
    /// Targets that one request at a [`Proxy`](crate::proxy::Proxy) may be sent to, one after the other and at once, those of
    /// redirections included. Default 30; more is [`ProxyError::TooManyTargets`](crate::proxy::ProxyError::TooManyTargets),
    /// and further contacts of redirections are left out.
    pub targets: usize,
    /// Next hops whose names are being resolved for a [`Proxy`](crate::proxy::Proxy). Default 10,000; what needs one more
    /// is not forwarded (503).
    pub resolutions: usize,
    /// Outputs of a [`Proxy`](crate::proxy::Proxy) that wait to be fetched. Default 100,000; further messages of peers
    /// are then dropped, and come again if they matter.
    pub proxy_output: usize,
}

impl Limits {
    /// Parameters in one `;name=value` list, and headers in one URI. Not adjustable, since single values are
    /// also parsed without a `Limits` at hand; more is `TooManyParams` (400).
    pub const PARAMS: usize = 64;
    /// Names (and further addresses) by which one secure connection is found. Not adjustable; more is
    /// [`EndpointError::Full`](crate::EndpointError::Full).
    pub const CONNECTION_NAMES: usize = 8;
    /// Incoming REFERs of one session that are not over yet. Not adjustable; more is 503.
    pub const SESSION_REFERS: usize = 8;
    /// Values in one typed list (`typed_all`, `Allow`, `Supported`…). Not adjustable; more is `TooManyValues` (400).
    pub const VALUES: usize = 256;

    /// No bounds: for what was held before.
    #[cfg(feature = "serde")]
    pub(crate) const fn none() -> Self {
        Self {
            message: usize::MAX,
            start_line: usize::MAX,
            uri: usize::MAX,
            header_line: usize::MAX,
            headers: usize::MAX,
            vias: usize::MAX,
            contacts: usize::MAX,
            routes: usize::MAX,
            echoed: usize::MAX,
            body: usize::MAX,
            body_parts: usize::MAX,
            body_depth: usize::MAX,
            client_transactions: usize::MAX,
            server_transactions: usize::MAX,
            sessions: usize::MAX,
            subscriptions: usize::MAX,
            refers: usize::MAX,
            publications: usize::MAX,
            forks: usize::MAX,
            outputs: usize::MAX,
            stream_buffer: usize::MAX,
            connections: usize::MAX,
            targets: usize::MAX,
            resolutions: usize::MAX,
            proxy_output: usize::MAX,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 65_536,
            start_line: 4_096,
            uri: 2_048,
            header_line: 8_192,
            headers: 256,
            vias: 70,
            contacts: 64,
            routes: 140,
            echoed: 8_192,
            body: 65_536,
            body_parts: 32,
            body_depth: 4,
            client_transactions: 200_000,
            server_transactions: 200_000,
            sessions: 100_000,
            subscriptions: 100_000,
            refers: 10_000,
            publications: 100_000,
            forks: 12,
            outputs: 65_536,
            stream_buffer: 65_536,
            connections: 2_048,
            targets: 30,
            resolutions: 10_000,
            proxy_output: 100_000,
        }
    }
}
