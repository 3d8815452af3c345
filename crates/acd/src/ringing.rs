use crate::agent::AgentKey;

/// The agents who are being rung for a contact: of most contacts none or one.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Ringing {
    #[default]
    Nobody,
    One(AgentKey),
    #[expect(clippy::box_collection, reason = "each contact has this, and few ring at several")]
    Several(Box<Vec<AgentKey>>),
}

impl Ringing {
    pub(crate) fn push(&mut self, agent: AgentKey) {
        match self {
            Ringing::Nobody => *self = Ringing::One(agent),
            Ringing::One(first) => *self = Ringing::Several(Box::new(vec![*first, agent])),
            Ringing::Several(agents) => agents.push(agent),
        }
    }

    pub(crate) fn remove(&mut self, agent: AgentKey) {
        match self {
            Ringing::Nobody => {}
            Ringing::One(one) if *one == agent => *self = Ringing::Nobody,
            Ringing::One(_) => {}
            Ringing::Several(agents) => {
                agents.retain(|other| *other != agent);
                if agents.is_empty() {
                    *self = Ringing::Nobody;
                }
            }
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        matches!(self, Ringing::Nobody)
    }
}

impl core::ops::Deref for Ringing {
    type Target = [AgentKey];

    fn deref(&self) -> &[AgentKey] {
        match self {
            Ringing::Nobody => &[],
            Ringing::One(agent) => core::slice::from_ref(agent),
            Ringing::Several(agents) => agents,
        }
    }
}
