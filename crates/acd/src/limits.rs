/// Bounds on everything that callers, agents and configurations can make grow.
///
/// ```
/// use acd::{Acd, Limits};
///
/// // A small centre on a small machine.
/// let mut limits = Limits::default();
/// (limits.contacts, limits.agents, limits.customers) = (500, 40, 2_000);
/// let acd: Acd<u64, u32> = Acd::new(limits, [7; 32]);
/// assert_eq!(acd.live().contacts, 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Limits {
    /// Contacts, in all queues and states. Default 200,000; more is [`ArriveError::Full`](crate::ArriveError::Full).
    pub contacts: usize,
    /// Agents. Default 20,000.
    pub agents: usize,
    /// Queues. Default 1,000.
    pub queues: usize,
    /// Different sets of needed skills in use, counted per queue and channel. Default 4,096; a contact with yet another one is
    /// [`ArriveError::Full`](crate::ArriveError::Full).
    pub pools: usize,
    /// Customers whose last agent is remembered. Default 100,000; the longest unseen are forgotten.
    pub customers: usize,
    /// Agents whom one contact may ring at the same time. Default 100.
    pub ringing: usize,
}

impl Limits {
    /// Skills that a contact may need, or an agent have.
    pub const SKILLS: usize = 64;
    /// Queues that an agent may serve.
    pub const MEMBERSHIPS: usize = 256;
    /// Agents whom a contact may prefer.
    pub const PREFERRED: usize = 8;
    /// Overflow rules of a queue by cause.
    pub const RULES: usize = 16;
    /// Contacts of a customer that are remembered.
    pub const HISTORY: usize = 8;
    /// Rings of a bullseye.
    pub const RINGS: usize = 6;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            contacts: 200_000,
            agents: 20_000,
            queues: 1_000,
            pools: 4_096,
            customers: 100_000,
            ringing: 100,
        }
    }
}
