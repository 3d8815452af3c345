//! Handles. Each carries a generation, so that one that outlived what it names is an error and never something else.

slotmap::new_key_type! {
    /// One INVITE usage, from the first INVITE to the BYE.
    pub struct SessionId;
    /// One request: an incoming one that waits for [`Endpoint::respond`](super::Endpoint::respond), or one of ours
    /// that waits for its response.
    pub struct RequestId;
    /// One subscription (RFC 6665), of either side, or the implicit one of our REFER.
    pub struct SubscriptionId;
    /// One state that we publish (RFC 3903).
    pub struct PublicationId;
    /// One incoming REFER (RFC 3515), from its arrival until its last NOTIFY.
    pub struct ReferId;
    /// A client transaction.
    pub(crate) struct ClientKey;
    /// A server transaction.
    pub(crate) struct ServerKey;
}
