/// Why a command was refused. Nothing changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum EndpointError {
    /// The handle's session, request, subscription or REFER is over.
    #[error("the handle is dead")]
    Gone,
    /// Nothing waits for such an answer, or the session is not established.
    #[error("not possible in this state")]
    WrongState,
    /// A re-INVITE or an offer is under way already, in either direction.
    #[error("another offer is under way")]
    Pending,
    /// The peer does not support what is asked for, e.g. reliable provisional responses.
    #[error("the peer does not support it")]
    Unsupported,
    /// The status does not fit: e.g. a final one where a provisional one is due.
    #[error("the status does not fit")]
    BadStatus,
    /// The method has a command of its own, or none.
    #[error("the method does not fit")]
    BadMethod,
    /// The peer did not say that it can receive the Info Package (RFC 6086 §5.2).
    #[error("the peer does not receive this Info Package")]
    NotOffered,
    /// A header that the endpoint writes itself, or a value with control characters.
    #[error("a header that cannot be sent")]
    BadHeader,
    /// The target is a host name (to be resolved by the embedder), or of an unknown scheme.
    #[error("the target has no numeric address")]
    NoAddress,
    /// `listen` has no address of the target's transport and family.
    #[error("no local address for the transport")]
    NoTransport,
    /// All 2^31 sequence numbers of the dialog are used.
    #[error("the sequence numbers are used up")]
    Exhausted,
    /// A limit of [`Limits`](crate::Limits) is reached.
    #[error("a limit is reached")]
    Full,
}
