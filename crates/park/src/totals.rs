/// What has happened in a lot since it was made.
///
/// `parked` is always `retrieved + recalled + abandoned + replaced` plus the calls that are parked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Totals {
    /// Calls parked.
    pub parked: u64,
    /// Calls fetched from their slots.
    pub retrieved: u64,
    /// Calls that a recall target answered.
    pub recalled: u64,
    /// Callers who hung up while parked.
    pub abandoned: u64,
    /// Parked consultations that gave their slot to another call.
    pub replaced: u64,
    /// Recall targets rung.
    pub recalls: u64,
    /// Times that a call was parked again because no recall target answered.
    pub parked_again: u64,
}
