/// Which way media flows, from the point of view of whoever says it (RFC 8866 §6.7).
///
/// ```
/// use sdp::Direction;
///
/// assert!(Direction::SendOnly.sends() && !Direction::SendOnly.receives());
/// assert_eq!(Direction::SendOnly.reversed(), Direction::RecvOnly, "as the other side sees it");
/// assert_eq!(Direction::SendOnly.and(Direction::RecvOnly), Direction::Inactive);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Direction {
    /// Both ways; what holds where nothing is said.
    #[default]
    SendRecv,
    /// I send only: what a phone says that puts the other on hold.
    SendOnly,
    /// I receive only.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// All four.
    pub const ALL: [Direction; 4] = [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive];

    /// The direction that sends and receives as told.
    #[must_use]
    pub const fn new(send: bool, receive: bool) -> Self {
        match (send, receive) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether the speaker sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the speaker receives.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same flow seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// What both allow, both seen from the same side.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The attribute's name: `sendrecv`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    pub(crate) fn from_attribute(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|direction| direction.as_str().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reversal_swaps_the_one_way_directions_only() {
        let reversed = Direction::ALL.map(Direction::reversed);
        assert_eq!(
            reversed,
            [
                Direction::SendRecv,
                Direction::RecvOnly,
                Direction::SendOnly,
                Direction::Inactive
            ]
        );
        for direction in Direction::ALL {
            assert_eq!(Direction::new(direction.sends(), direction.receives()), direction);
            assert_eq!(
                Direction::from_attribute(&direction.as_str().to_uppercase()),
                Some(direction)
            );
            assert_eq!(direction.and(Direction::SendRecv), direction);
            assert_eq!(direction.and(Direction::Inactive), Direction::Inactive);
        }
        assert_eq!(Direction::SendOnly.and(Direction::RecvOnly), Direction::Inactive);
    }
}
