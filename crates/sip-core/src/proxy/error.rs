/// Why a command was refused. Nothing changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ProxyError {
    /// The request is over, or the hop is no longer waited for.
    #[error("the handle is dead")]
    Gone,
    /// A final response was sent, or the request was cancelled; or it can only be forwarded without state.
    #[error("not possible in this state")]
    WrongState,
    /// The target set is empty: answer the request instead, usually with 480 or 404 (RFC 3261 §16.5).
    #[error("no targets")]
    NoTargets,
    /// More than [`Limits::targets`](crate::Limits::targets).
    #[error("too many targets")]
    TooManyTargets,
    /// A 2xx to an INVITE cannot be given by a proxy; or the status does not fit otherwise.
    #[error("the status does not fit")]
    BadStatus,
    /// A header that the proxy writes itself, or a value with control characters.
    #[error("a header that cannot be sent")]
    BadHeader,
    /// [`Limits::client_transactions`](crate::Limits::client_transactions) is reached.
    #[error("a limit is reached")]
    Full,
}
