//! What can be wrong with a question.

/// Why a question of staffing has no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkforceError {
    /// A rate or time is negative, infinite or not a number, or a time is zero that must not be.
    #[error("a rate or time is not a positive number")]
    NotPositive,
    /// The load is above 1e7 erlang, or the patience above 1e9 handling times or below 1e-9 of one.
    #[error("a rate or time is too far from the others")]
    OutOfRange,
    /// A model of waiting needs at least one server.
    #[error("there is no server")]
    NoServer,
    /// A share that is not between 0 and 1.
    #[error("a share is not between 0 and 1")]
    NotAShare,
    /// No number of servers up to `u32::MAX` meets the target, for example an abandonment of 0.
    #[error("no number of servers meets this target")]
    Unreachable,
    /// Nothing was asked for.
    #[error("there is no target")]
    NoTarget,
}

/// A number above zero.
pub(super) fn positive(value: f64) -> Result<f64, WorkforceError> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(WorkforceError::NotPositive)
    }
}

/// A number that is not negative.
pub(super) fn not_negative(value: f64) -> Result<f64, WorkforceError> {
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(WorkforceError::NotPositive)
    }
}

/// A number between 0 and 1.
pub(super) fn share(value: f64) -> Result<f64, WorkforceError> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(WorkforceError::NotAShare)
    }
}

/// A load of at most 1e7 erlang.
pub(super) fn load(arrivals: f64, service: f64) -> Result<f64, WorkforceError> {
    let load = not_negative(arrivals)? / positive(service)?;
    if load <= 1e7 {
        Ok(load)
    } else {
        Err(WorkforceError::OutOfRange)
    }
}
