//! One small enum an operation. A call that returned any of these changed nothing.

use thiserror::Error;

/// Why a call was not parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParkError {
    /// Every slot of the lot is taken.
    #[error("every slot is taken")]
    Full,
    /// The slot that was asked for is taken.
    #[error("the slot is taken")]
    Taken,
    /// The lot has no slot of that number.
    #[error("the lot has no such slot")]
    UnknownSlot,
    /// This call is in a slot of the lot already.
    #[error("the call is parked already")]
    AlreadyParked,
}

/// Why no call was retrieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RetrieveError {
    /// The lot has no slot of that number.
    #[error("the lot has no such slot")]
    UnknownSlot,
    /// Nobody is parked there: never was, or was retrieved, recalled or hung up before.
    #[error("nobody is parked there")]
    Empty,
    /// The slot is reserved by somebody who is still consulting; there is no caller in it yet.
    #[error("the slot is only reserved")]
    Reserved,
}

/// Why a call could not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LeaveError {
    /// The call is in no slot of this lot.
    #[error("the call is not parked here")]
    NotParked,
}

/// Why a call could not take another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The old call is in no slot of this lot.
    #[error("the call to be replaced is not parked here")]
    NotParked,
    /// The new call is in a slot of this lot already.
    #[error("the new call is parked already")]
    AlreadyParked,
}

/// Why the outcome of a recall was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecallError {
    /// The lot has no slot of that number.
    #[error("the lot has no such slot")]
    UnknownSlot,
    /// No recall is under way there: the call was retrieved or hung up meanwhile, or has been parked again.
    #[error("no recall is under way for the slot")]
    NotRecalling,
}
