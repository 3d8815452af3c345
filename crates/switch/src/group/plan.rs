//! The order of events in a group: who rings when, and what follows when somebody does not take the call. It knows no SIP.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use machine::Time;

/// How long a member rings where members are rung one after the other and nothing is said.
const RING_IN_TURN: Duration = Duration::from_secs(15);

/// One of the plan's members, or groups of members.
pub(crate) type Node = usize;

/// A tree of groups, whose leaves are phones' numbers.
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Plan {
    /// The first is the whole.
    nodes: Vec<Entry>,
    /// When a node's state ends by itself.
    timers: BTreeSet<(Time, Node)>,
    acts: VecDeque<Act>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Act {
    /// Ring this member; [`Plan::failed`] if that is not possible.
    Ring(Node),
    /// Its time is over.
    Stop(Node),
    /// Nobody is left.
    Exhausted,
}

#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Entry {
    parent: Option<Node>,
    kind: Kind,
    delay: Duration,
    ring: Option<Duration>,
    state: State,
}

#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Kind {
    Number { number: String, skip_busy: bool },
    Group { in_turn: bool, members: Vec<Node> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum State {
    Idle,
    /// Begins then.
    Waiting(Time),
    /// Rings, or has members that ring or are going to; ends then at the latest.
    Active(Option<Time>),
    Over,
}

impl Plan {
    /// An empty group, the whole if it has no `parent`. In turn: its members are rung one after the other.
    pub(crate) fn group(
        &mut self,
        parent: Option<Node>,
        in_turn: bool,
        delay: Duration,
        ring: Option<Duration>,
    ) -> Node {
        let members = Vec::new();
        self.add(parent, Kind::Group { in_turn, members }, delay, ring)
    }

    /// A number in a group.
    pub(crate) fn number(
        &mut self,
        parent: Node,
        number: &str,
        skip_busy: bool,
        delay: Duration,
        ring: Option<Duration>,
    ) -> Node {
        let number = number.to_owned();
        self.add(Some(parent), Kind::Number { number, skip_busy }, delay, ring)
    }

    fn add(&mut self, parent: Option<Node>, kind: Kind, delay: Duration, ring: Option<Duration>) -> Node {
        let node = self.nodes.len();
        let mut default = None;
        if let Some(Kind::Group { in_turn, members }) = parent
            .and_then(|parent| self.nodes.get_mut(parent))
            .map(|entry| &mut entry.kind)
        {
            members.push(node);
            default = (*in_turn && matches!(kind, Kind::Number { .. })).then_some(RING_IN_TURN);
        }
        self.nodes.push(Entry {
            parent,
            kind,
            delay,
            ring: ring.or(default),
            state: State::Idle,
        });
        node
    }

    /// The number of a member, and whether it is passed over if it is busy.
    pub(crate) fn member(&self, node: Node) -> Option<(&str, bool)> {
        match &self.nodes.get(node)?.kind {
            Kind::Number { number, skip_busy } => Some((number, *skip_busy)),
            Kind::Group { .. } => None,
        }
    }

    /// Begins.
    pub(crate) fn begin(&mut self, now: Time) {
        self.activate(now, 0);
    }

    /// A member does not take the call, or cannot be rung. One whose time is over already changes nothing.
    pub(crate) fn failed(&mut self, now: Time, node: Node) {
        if matches!(self.state(node), State::Active(_)) {
            self.over(now, node);
        }
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        while let Some((at, node)) = self.timers.first().copied() {
            if at > now {
                return;
            }
            match self.state(node) {
                State::Waiting(_) => self.activate(now, node),
                State::Active(_) => {
                    self.stop(node);
                    self.over(now, node);
                }
                State::Idle | State::Over => {
                    self.timers.remove(&(at, node));
                }
            }
        }
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// What is to be done next.
    pub(crate) fn poll_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    fn set(&mut self, node: Node, state: State) {
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let old = core::mem::replace(&mut entry.state, state);
        if let State::Waiting(at) | State::Active(Some(at)) = old {
            self.timers.remove(&(at, node));
        }
        if let State::Waiting(at) | State::Active(Some(at)) = state {
            self.timers.insert((at, node));
        }
    }

    fn state(&self, node: Node) -> State {
        self.nodes.get(node).map_or(State::Over, |entry| entry.state)
    }

    fn members(&self, node: Node) -> (bool, Vec<Node>) {
        match self.nodes.get(node).map(|entry| &entry.kind) {
            Some(Kind::Group { in_turn, members }) => (*in_turn, members.clone()),
            Some(Kind::Number { .. }) | None => (false, Vec::new()),
        }
    }

    /// Begins with a node when its delay is over.
    fn start(&mut self, now: Time, node: Node) {
        let delay = self.nodes.get(node).map_or(Duration::ZERO, |entry| entry.delay);
        if delay.is_zero() {
            self.activate(now, node);
        } else {
            self.set(node, State::Waiting(now + delay));
        }
    }

    fn activate(&mut self, now: Time, node: Node) {
        let Some(entry) = self.nodes.get(node) else { return };
        let ends = entry.ring.map(|ring| now + ring);
        let is_number = matches!(entry.kind, Kind::Number { .. });
        self.set(node, State::Active(ends));
        if is_number {
            self.acts.push_back(Act::Ring(node));
            return;
        }
        let (in_turn, members) = self.members(node);
        if members.is_empty() {
            return self.over(now, node);
        }
        let begin = if in_turn { 1 } else { members.len() };
        for member in members.into_iter().take(begin) {
            self.start(now, member);
        }
    }

    /// Ends a node and all that is in it, without looking at what follows.
    fn stop(&mut self, node: Node) {
        let Some(entry) = self.nodes.get(node) else { return };
        if matches!(entry.state, State::Active(_)) && matches!(entry.kind, Kind::Number { .. }) {
            self.acts.push_back(Act::Stop(node));
        }
        self.set(node, State::Over);
        for member in self.members(node).1 {
            self.stop(member);
        }
    }

    /// A node is over: the group that it is in goes on, or is over too.
    fn over(&mut self, now: Time, node: Node) {
        self.set(node, State::Over);
        let Some(parent) = self.nodes.get(node).map(|entry| entry.parent) else {
            return;
        };
        let Some(parent) = parent else {
            return self.acts.push_back(Act::Exhausted);
        };
        let (in_turn, members) = self.members(parent);
        if in_turn {
            let next = members.into_iter().find(|member| self.state(*member) == State::Idle);
            return match next {
                Some(next) => self.start(now, next),
                None => self.over(now, parent),
            };
        }
        let active = |member: &Node| matches!(self.state(*member), State::Active(_));
        if !members.iter().any(active) {
            self.hurry(now, parent, &members);
        }
    }

    /// Nobody rings: the next one need not wait, and the others follow as far apart as before.
    fn hurry(&mut self, now: Time, parent: Node, members: &[Node]) {
        let waiting: Vec<(Time, Node)> = members
            .iter()
            .filter_map(|member| match self.state(*member) {
                State::Waiting(at) => Some((at, *member)),
                State::Idle | State::Active(_) | State::Over => None,
            })
            .collect();
        let Some(first) = waiting.iter().map(|(at, _)| *at).min() else {
            return self.over(now, parent);
        };
        for (at, member) in waiting {
            if at == first {
                self.activate(now, member);
            } else {
                self.set(member, State::Waiting(now + (at - first)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
