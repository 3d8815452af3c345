//! Handles. Each carries a generation, so that one that outlived what it names is an error and never something else.

slotmap::new_key_type! {
    /// One request and all that was made of it: the response context of RFC 3261 §16.2.
    pub struct ContextId;
    /// A next hop whose name the embedder resolves.
    pub struct HopId;
    /// One attempt to reach a target: a client transaction.
    pub(crate) struct BranchKey;
}
