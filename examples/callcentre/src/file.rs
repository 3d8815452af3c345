//! Scenario files: read, checked as a whole, and turned into a scenario.

mod model;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use acd::{Membership, QueueConfig, QueueId, Ring, SkillId, Skills, Target, WrapUp};
use sim::centre::{AgentGroup, CallBack, ContactType, Redial, Scenario, Shift};
use toml::Spanned;

use crate::Study;
use crate::args::Fault;
use model::{Agents, Contact, File, Place, Queue};

/// What is wrong in a file, each with its line and column.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Mistakes {
    file: String,
    found: Vec<(usize, usize, String)>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (line, column, what)) in self.found.iter().enumerate() {
            let end = if number + 1 < self.found.len() { "\n" } else { "" };
            write!(f, "{}:{line}:{column}: {what}{end}", self.file)?;
        }
        Ok(())
    }
}

pub(crate) fn study(path: &Path) -> Result<Study, Fault> {
    let text = std::fs::read_to_string(path).map_err(|error| Fault::file(path, error))?;
    Ok(parse(&path.display().to_string(), &text)?)
}

/// Reads a text that came from `file`.
fn parse(file: &str, text: &str) -> Result<Study, Mistakes> {
    let wrong = |mut found: Vec<(usize, String)>| {
        found.sort();
        let found = found.into_iter().map(|(at, what)| {
            let (line, column) = place(text, at);
            (line, column, what)
        });
        Mistakes {
            file: file.to_owned(),
            found: found.collect(),
        }
    };
    let parsed: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        wrong(vec![(at, error.message().trim().replace('\n', " "))])
    })?;
    let mut build = Build {
        opens: Duration::ZERO,
        queues: Vec::new(),
        skills: BTreeMap::new(),
        wrong: Vec::new(),
    };
    let scenario = build.scenario(&parsed);
    if !build.wrong.is_empty() {
        return Err(wrong(build.wrong));
    }
    // What is left can only be told by the names.
    if let Err(error) = scenario.check() {
        return Err(wrong(vec![(0, error.to_string())]));
    }
    Ok(Study {
        scenarios: vec![scenario],
        opens: build.opens,
        recorded: None,
        crowd: false,
    })
}

/// Line and column of a byte, from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

/// Names become numbers.
struct Build {
    opens: Duration,
    queues: Vec<String>,
    skills: BTreeMap<String, SkillId>,
    wrong: Vec<(usize, String)>,
}

impl Build {
    fn scenario(&mut self, file: &File) -> Scenario {
        let hours = file.hours.as_ref().map(|hours| hours.0.clone());
        let length = match (&hours, &file.length) {
            (Some(hours), None) => hours.to - hours.from,
            (None, Some(length)) => length.0,
            (None, None) | (Some(_), Some(_)) => {
                self.wrong.push((
                    0,
                    "give either hours = \"08:00-18:00\" (a day) or length = \"30d\"".to_owned(),
                ));
                Duration::from_secs(1)
            }
        };
        self.opens = hours.map_or(Duration::ZERO, |hours| hours.from);
        let mut scenario = Scenario::new(length);
        scenario.warm_up = file.warm_up.as_ref().map_or(Duration::ZERO, |time| time.0);
        scenario.interval = file.interval.as_ref().map(|time| time.0);
        self.queues = file.queue.iter().map(|queue| queue.name.get_ref().clone()).collect();
        self.unique(file.queue.iter().map(|queue| &queue.name));
        self.unique(file.contact.iter().map(|contact| &contact.name));
        self.unique(file.agents.iter().map(|agents| &agents.name));
        for queue in &file.queue {
            let config = self.queue(queue, file.strategy.as_ref().map(|strategy| strategy.0));
            scenario.add_queue(queue.name.get_ref(), config);
        }
        for contact in &file.contact {
            let of = self.contact(contact, file.interval.as_ref().map(|time| time.0));
            scenario.types.extend(of);
        }
        for agents in &file.agents {
            let group = self.group(agents);
            scenario.groups.push(group);
        }
        scenario
    }

    fn unique<'a>(&mut self, names: impl Iterator<Item = &'a Spanned<String>>) {
        let mut seen = Vec::new();
        for name in names {
            if seen.contains(&name.get_ref()) {
                self.wrong
                    .push((name.span().start, format!("there is another \"{}\"", name.get_ref())));
            }
            seen.push(name.get_ref());
        }
    }

    fn queue_id(&mut self, at: usize, name: &str) -> QueueId {
        let found = self.queues.iter().position(|known| known == name);
        if found.is_none() {
            let known = if self.queues.is_empty() {
                "there is none".to_owned()
            } else {
                format!("there are {}", self.queues.join(", "))
            };
            self.wrong.push((at, format!("no queue \"{name}\"; {known}")));
        }
        QueueId(found.and_then(|at| u32::try_from(at).ok()).unwrap_or(0))
    }

    fn skill(&mut self, name: &str) -> SkillId {
        let next = SkillId(u16::try_from(self.skills.len()).unwrap_or(u16::MAX));
        *self.skills.entry(name.to_owned()).or_insert(next)
    }

    fn skills(&mut self, levels: &BTreeMap<String, u8>) -> Skills {
        levels.iter().map(|(name, level)| (self.skill(name), *level)).collect()
    }

    fn queue(&mut self, queue: &Queue, strategy: Option<acd::Strategy>) -> QueueConfig {
        let strategy = queue.strategy.as_ref().map(|strategy| strategy.0).or(strategy);
        let mut config = QueueConfig::new(strategy.unwrap_or_default());
        let set = |field: &mut Duration, value: &Option<values::Time>| {
            if let Some(time) = value {
                *field = time.0;
            }
        };
        set(&mut config.service_target, &queue.service_target);
        set(&mut config.ring_time, &queue.ring_time);
        set(&mut config.reject_pause, &queue.reject_pause);
        set(&mut config.no_answer_pause, &queue.no_answer_pause);
        set(&mut config.preferred_wait, &queue.preferred_wait);
        set(&mut config.sticky, &queue.sticky);
        if let Some(order) = &queue.order {
            config.order = order.0;
        }
        if let Some(time) = &queue.wrap_up {
            config.wrap_up = WrapUp::Fixed(time.0);
        }
        config.weight = queue.weight;
        config.tiers = queue.tiers.iter().map(|time| time.0).collect();
        config.penalties = queue
            .penalties
            .iter()
            .map(|(time, penalty)| (time.0, *penalty))
            .collect();
        for ring in &queue.rings {
            let mut relaxed = Ring::new(ring.after.0);
            relaxed.drop = ring.drop.iter().map(|name| self.skill(name)).collect();
            relaxed.lower = ring.lower;
            config.rings.push(relaxed);
        }
        config.max_waiting = queue.max_waiting;
        config.max_wait = queue.max_wait.as_ref().map(|time| time.0);
        config.max_expected_wait = queue.max_expected_wait.as_ref().map(|time| time.0);
        config.overflow = match (&queue.overflow, queue.elsewhere) {
            (Some(name), _) => Some(Target::Queue(self.queue_id(name.span().start, name.get_ref()))),
            (None, true) => Some(Target::Elsewhere(0)),
            (None, false) => None,
        };
        if queue.leave_empty {
            config.join_needs = Some(acd::Counted::SIGNED_ON);
            config.stay_needs = Some(acd::Counted::SIGNED_ON);
        }
        config
    }

    fn contact(&mut self, contact: &Contact, interval: Option<Duration>) -> Option<ContactType> {
        let queue = self.queue_id(contact.queue.span().start, contact.queue.get_ref());
        let at = contact.name.span().start;
        let arrivals = match (&contact.arrivals, contact.expected.as_slice()) {
            (Some(arrivals), []) => arrivals.0.clone(),
            (None, [_, ..]) => match contact.interval.as_ref().map(|time| time.0).or(interval) {
                Some(interval) => sim::centre::Arrivals::by_interval(contact.expected.iter().copied(), interval),
                None => {
                    self.wrong
                        .push((at, "expected = [...] needs an interval = \"30min\"".to_owned()));
                    return None;
                }
            },
            (None, []) | (Some(_), [_, ..]) => {
                self.wrong.push((
                    at,
                    "give either arrivals = \"4.2/min\" or expected = [40, 90, …] by interval".to_owned(),
                ));
                return None;
            }
        };
        let arrivals = arrivals.busyness(contact.busyness);
        let mut of = ContactType::new(contact.name.get_ref(), queue, arrivals, contact.service.0.clone());
        of.channel = contact.channel.0;
        of.priority = contact.priority;
        of.needs = self.skills(&contact.needs);
        of.patience = contact.patience.as_ref().map(|patience| patience.0.clone());
        of.wrap_up = contact.wrap_up.as_ref().map(|wrap_up| wrap_up.0.clone());
        of.threshold = contact.threshold.as_ref().map_or(of.threshold, |time| time.0);
        of.redial = contact.redial.as_ref().map(|redial| Redial {
            share: redial.share,
            after: redial.after.0.clone(),
        });
        of.call_back = contact.call_back.as_ref().map(|back| CallBack {
            after: back.after.0,
            share: back.share,
            reached: back.reached,
            ring: back.ring.0.clone(),
        });
        Some(of)
    }

    fn group(&mut self, agents: &Agents) -> AgentGroup {
        let mut group = AgentGroup::new(agents.name.get_ref(), agents.count, []);
        group.config.memberships = agents.queues.iter().map(|place| self.membership(place)).collect();
        group.config.skills = self.skills(&agents.skills);
        if !agents.capacity.is_empty() {
            group.config.capacity = agents
                .capacity
                .iter()
                .map(|(channel, count)| (channel.0, *count))
                .collect();
        }
        let breaks: Vec<Shift> = agents.breaks.iter().map(|hours| hours.0.clone()).collect();
        for hours in &agents.shifts {
            let mut shift = hours.0.clone();
            let within = |pause: &&Shift| shift.from <= pause.from && pause.to <= shift.to;
            shift.breaks = breaks
                .iter()
                .filter(within)
                .map(|pause| (pause.from, pause.to))
                .collect();
            shift.breaks.sort_unstable();
            let shift = shift.from_start(self.opens);
            group.shifts.push(if self.opens.is_zero() {
                shift.every(Duration::from_secs(86_400))
            } else {
                shift
            });
        }
        group.answer = agents.answer.as_ref().map_or(group.answer, |answer| answer.0.clone());
        (group.rejects, group.misses, group.pace) = (agents.rejects, agents.misses, agents.pace);
        group
    }

    fn membership(&mut self, place: &Spanned<Place>) -> Membership {
        let at = place.span().start;
        match place.get_ref() {
            Place::Name(name) => Membership::new(self.queue_id(at, name)),
            Place::Full(place) => {
                let mut membership = Membership::new(self.queue_id(at, &place.queue));
                (membership.tier, membership.penalty) = (place.tier, place.penalty);
                (membership.position, membership.weight) = (place.position, place.weight);
                membership.rank = place.rank;
                membership.delay = place.delay.as_ref().map_or(Duration::ZERO, |time| time.0);
                membership
            }
        }
    }
}

#[cfg(test)]
mod tests;
