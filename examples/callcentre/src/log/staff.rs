//! Who worked, as far as the calls tell.

use std::collections::BTreeSet;
use std::time::Duration;

use acd::QueueId;
use sim::centre::{AgentGroup, Shift};

use super::read::Call;
use super::{DAY, Groups, Shifts};
use crate::args::Fault;

/// How many agents there are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Who served calls at the time, and so many more or fewer.
    Recorded(i32),
    /// So many, from the first call to the last.
    Number(u32),
}

pub(super) fn wish(agents: &[String]) -> Result<Wish, Fault> {
    let [text] = agents else {
        return match agents {
            [] => Ok(Wish::Recorded(0)),
            several => Err(Fault::Agents {
                text: several.join(" --agents "),
                expected: "a log has one group of agents; give it once".to_owned(),
            }),
        };
    };
    let wrong = || Fault::Agents {
        text: text.clone(),
        expected: "expected 12, recorded, or +2 or -1 (of those recorded)".to_owned(),
    };
    if text == "recorded" {
        return Ok(Wish::Recorded(0));
    }
    if text.starts_with(['+', '-']) {
        return text.parse().map(Wish::Recorded).map_err(|_| wrong());
    }
    text.parse().map(Wish::Number).map_err(|_| wrong())
}

/// All agents of the log.
pub(super) fn names(calls: &[Call]) -> Vec<String> {
    let names: BTreeSet<&String> = calls.iter().filter_map(|call| call.agent.as_ref()).collect();
    names.into_iter().cloned().collect()
}

/// When each agent of a day worked: from the first of his calls to the end of the last one, without the gaps that are longer than `idle`.
pub(super) fn shifts(calls: &[Call], idle: Duration) -> Shifts {
    let mut shifts = Shifts::new();
    let mut talks: Vec<(&String, Duration, Duration)> = calls
        .iter()
        .filter_map(|call| {
            let from = call.at + call.wait;
            // He was there at that time, however long he talked.
            let to = from + call.service.unwrap_or(Duration::from_secs(1));
            Some((call.agent.as_ref()?, from, to.min(DAY)))
        })
        .filter(|(_, from, to)| from < to)
        .collect();
    talks.sort_unstable();
    for (agent, from, to) in talks {
        let of = shifts.entry(agent.clone()).or_default();
        match of.last_mut() {
            Some(last) if from <= last.to + idle => last.to = last.to.max(to),
            Some(_) | None => of.push(Shift::new(from, to)),
        }
    }
    shifts
}

/// The agents of a day. Every day has the same groups, some of them empty.
pub(super) fn groups(wish: Wish, names: &[String], shifts: &Shifts, calls: &[Call], queue: QueueId) -> Groups {
    let first = calls.first().map_or(Duration::ZERO, |call| call.at);
    let last = calls
        .iter()
        .map(|call| call.at + call.wait + call.service.unwrap_or_default())
        .max();
    let open = Shift::new(first, last.unwrap_or(DAY).max(first + Duration::from_secs(1)));
    let (more, fewer) = match wish {
        Wish::Number(number) => {
            let mut all = AgentGroup::new("agents", number, [queue]);
            all.shifts.push(open);
            return vec![all];
        }
        Wish::Recorded(change) => (u32::try_from(change).unwrap_or(0), change.min(0).unsigned_abs()),
    };
    // Those who worked the least stay away first.
    let time = |name: &String| {
        shifts
            .get(name)
            .into_iter()
            .flatten()
            .map(|shift| shift.to - shift.from)
            .sum::<Duration>()
    };
    let mut there: Vec<&String> = names.iter().filter(|name| shifts.contains_key(*name)).collect();
    there.sort_by_key(|name| (time(name), *name));
    let away: BTreeSet<&String> = there
        .into_iter()
        .take(usize::try_from(fewer).unwrap_or(usize::MAX))
        .collect();
    let one = |name: &String| {
        let of = shifts.get(name).filter(|_| !away.contains(name));
        let mut group = AgentGroup::new(name, u32::from(of.is_some()), [queue]);
        group.shifts = of.cloned().unwrap_or_default();
        group
    };
    let mut groups: Groups = names.iter().map(one).collect();
    let mut extra = AgentGroup::new("more", more, [queue]);
    extra.shifts.push(open);
    groups.push(extra);
    groups
}
