use machine::Time;

/// What is in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Parked<C, D = ()> {
    /// The call.
    pub call: C,
    /// What the parker left with it.
    pub details: D,
    /// Since when it is there.
    pub since: Time,
    /// What it waits for.
    pub state: SlotState,
    /// Its place in the order of arrival.
    pub(crate) serial: u64,
}

/// What the call in a slot waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SlotState {
    /// To be retrieved, or for its recall.
    Waiting {
        /// When it is recalled; `None` in a lot without recall.
        recall_at: Option<Time>,
    },
    /// A recall target rings.
    Recalling {
        /// Which one.
        target: usize,
    },
    /// A consultation holds the slot; there is no caller yet.
    Reserved,
}
