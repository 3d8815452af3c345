/// The bare decision by lists that are scanned: longest idle, in the order of arrival. It has no offers, no events, no books of agents and no ids; what
/// it shows is how a scan grows.
///
/// Skills are bits, so that a look at a contact or an agent costs as little as it can.
pub struct Naive {
    agents: Vec<Agent>,
    waiting: Vec<(u32, u128)>,
}

struct Agent {
    queues: [u32; 3],
    skills: u128,
    /// When he came free; `None`: he is not.
    idle_since: Option<u64>,
}

impl Naive {
    /// Agents of whom none is free, and contacts that wait.
    #[must_use]
    pub fn new(agents: usize, queues: usize, skills: usize, waiting: usize) -> Self {
        let agent = |agent: usize| Agent {
            queues: [0, 1, 2].map(|place| ((agent * 7 + place * 31) % queues) as u32),
            skills: (0..5).fold(0, |bits, skill| bits | 1 << ((agent + skill * 17) % skills)),
            idle_since: None,
        };
        let mut numbers = crate::Numbers::new(42);
        let mut naive = Self {
            agents: (0..agents).map(agent).collect(),
            waiting: Vec::new(),
        };
        for _ in 0..waiting {
            let contact = naive.any_contact(&mut numbers, queues, skills);
            naive.waiting.push(contact);
        }
        naive
    }

    /// A contact that some agent can have.
    #[must_use]
    pub fn any_contact(&self, numbers: &mut crate::Numbers, queues: usize, skills: usize) -> (u32, u128) {
        let agent = numbers.below(self.agents.len());
        let queue = (agent * 7 + numbers.below(3) * 31) % queues;
        (queue as u32, 1 << ((agent + numbers.below(5) * 17) % skills))
    }

    /// A contact arrives; gives who gets it.
    pub fn arrive(&mut self, contact: (u32, u128)) -> Option<usize> {
        let fits = |agent: &Agent| agent.queues.contains(&contact.0) && agent.skills & contact.1 == contact.1;
        let free = self
            .agents
            .iter()
            .enumerate()
            .filter(|(_, agent)| agent.idle_since.is_some() && fits(agent));
        let first = free.min_by_key(|(_, agent)| agent.idle_since).map(|(at, _)| at);
        match first {
            Some(at) => self.agents[at].idle_since = None,
            None => self.waiting.push(contact),
        }
        first
    }

    /// An agent comes free; gives the place of the contact that he gets.
    pub fn free(&mut self, agent: usize, now: u64) -> Option<usize> {
        let of = &self.agents[agent];
        let fits = |contact: &(u32, u128)| of.queues.contains(&contact.0) && of.skills & contact.1 == contact.1;
        let first = self.waiting.iter().position(fits);
        match first {
            Some(at) => {
                self.waiting.remove(at);
            }
            None => self.agents[agent].idle_since = Some(now),
        }
        first
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
