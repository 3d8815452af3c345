//! Whose offer waits for its answer (RFC 3264 §4, RFC 3311 §5, RFC 6337 §2): what UPDATE, PRACK and INVITE share of a dialog.
//!
//! ```
//! use sip_core::dialog::update::{Glare, OfferExchange};
//!
//! let mut caller = OfferExchange::default();
//! caller.offer()?; // in the INVITE
//! assert_eq!(caller.receive_offer(), Err(Glare::Pending)); // an UPDATE that came too early: 491
//! caller.answered(); // by the 183
//! assert_eq!(caller.receive_offer(), Ok(())); // an UPDATE during early media
//! # Ok::<(), sip_core::dialog::update::OfferPending>(())
//! ```

use crate::StatusCode;

/// One of the two user agents of a dialog, as seen from here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Side {
    /// This one.
    Local,
    /// The peer.
    Remote,
}

/// We may not offer now: an offer, of whichever side, waits for its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an offer waits for its answer")]
pub struct OfferPending;

/// Why an offer of the peer's cannot be taken now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Glare {
    /// Our own offer is not answered yet.
    Pending,
    /// The peer's earlier offer is not answered yet.
    Busy,
}

impl Glare {
    /// The status to refuse the offer with (RFC 3311 §5.2): 491, or 500, to which a `Retry-After` of 0 to 10 seconds belongs.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Pending => StatusCode::REQUEST_PENDING,
            Self::Busy => StatusCode::SERVER_INTERNAL_ERROR,
        }
    }
}

/// The offers and answers of one dialog: at most one offer waits at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OfferExchange {
    open: Option<Side>,
    agreed: bool,
}

impl OfferExchange {
    /// We offer.
    ///
    /// # Errors
    ///
    /// [`OfferPending`].
    pub fn offer(&mut self) -> Result<(), OfferPending> {
        if self.open.is_some() {
            return Err(OfferPending);
        }
        self.open = Some(Side::Local);
        Ok(())
    }

    /// The peer offers.
    ///
    /// # Errors
    ///
    /// How to refuse it.
    pub fn receive_offer(&mut self) -> Result<(), Glare> {
        match self.open {
            Some(Side::Local) => Err(Glare::Pending),
            Some(Side::Remote) => Err(Glare::Busy),
            None => {
                self.open = Some(Side::Remote);
                Ok(())
            }
        }
    }

    /// The offer that waits was answered, by whichever side.
    pub fn answered(&mut self) {
        self.agreed |= self.open.take().is_some();
    }

    /// The offer that waits was refused, or its request failed: what was agreed before stays (RFC 3264 §8, RFC 6141 §3).
    pub fn rejected(&mut self) {
        self.open = None;
    }

    /// Whose offer waits.
    #[must_use]
    pub const fn open(&self) -> Option<Side> {
        self.open
    }

    /// Whether an offer was ever answered.
    #[must_use]
    pub const fn is_agreed(&self) -> bool {
        self.agreed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_with_every_offer() {
        for (open, ours, theirs) in [
            (None, Ok(()), Ok(())),
            (Some(Side::Local), Err(OfferPending), Err(Glare::Pending)),
            (Some(Side::Remote), Err(OfferPending), Err(Glare::Busy)),
        ] {
            for agreed in [false, true] {
                let exchange = OfferExchange { open, agreed };
                let mut local = exchange;
                assert_eq!(local.offer(), ours);
                assert_eq!(local.open(), open.or(Some(Side::Local)));
                let mut remote = exchange;
                assert_eq!(remote.receive_offer(), theirs);
                assert_eq!(remote.open(), open.or(Some(Side::Remote)));
                let mut answered = exchange;
                answered.answered();
                assert_eq!(
                    (answered.open(), answered.is_agreed()),
                    (None, agreed || open.is_some())
                );
                let mut rejected = exchange;
                rejected.rejected();
                assert_eq!((rejected.open(), rejected.is_agreed()), (None, agreed));
            }
        }
    }

    #[test]
    fn statuses_of_glare() {
        assert_eq!(Glare::Pending.status().code(), 491);
        assert_eq!(Glare::Busy.status().code(), 500);
    }
}
