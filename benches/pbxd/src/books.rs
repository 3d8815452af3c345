//! What the server's log says about the callers of its queue.

use std::collections::BTreeMap;

use crate::Result;
use crate::server::Server;

/// Each contact by its number, with all that was told of it.
pub struct Books(BTreeMap<u64, Vec<String>>, Vec<u64>);

/// What ends a contact.
const LAST: [&str; 8] = [
    "Handled",
    "Abandoned",
    "Left",
    "Retrieved",
    "Replaced",
    "Overflowed",
    "NotReached",
    "Superseded",
];

impl Books {
    /// Reads the log.
    pub fn read(server: &Server) -> Result<Self> {
        let log = std::fs::read_to_string(server.folder.join("log"))?;
        let (mut contacts, mut offered) = (BTreeMap::<u64, Vec<String>>::new(), Vec::new());
        for line in log.lines() {
            let Some((_, rest)) = line.split_once("contact=") else {
                continue;
            };
            let number: u64 = rest.split(' ').next().unwrap_or_default().parse()?;
            let event = rest.split("event=").nth(1).unwrap_or_default();
            let name: String = event.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            if name == "Offered" {
                offered.push(number);
            }
            contacts.entry(number).or_default().push(name);
        }
        Ok(Self(contacts, offered))
    }

    /// Whether all came, each ended once, and last.
    pub fn check(&self, calls: usize) -> Result<()> {
        let ended_once = |events: &Vec<String>| {
            let is_last = |event: &String| LAST.contains(&event.as_str());
            events.first().is_some_and(|first| first == "Arrived")
                && events.iter().filter(|event| is_last(event)).count() == 1
                && events.last().is_some_and(is_last)
        };
        let right = self.0.values().filter(|events| ended_once(events)).count();
        if self.0.len() == calls && right == calls {
            return Ok(());
        }
        let wrong = self.0.iter().find(|(_, events)| !ended_once(events));
        Err(format!(
            "{} came and {right} ended rightly, of {calls}; for example {wrong:?}",
            self.0.len()
        )
        .into())
    }

    fn ended(&self, how: &str) -> usize {
        self.0
            .values()
            .filter(|events| events.last().is_some_and(|last| last == how))
            .count()
    }

    /// How many an agent had.
    pub fn handled(&self) -> usize {
        self.ended("Handled")
    }

    /// How many hung up before.
    pub fn abandoned(&self) -> usize {
        self.ended("Abandoned")
    }

    /// How many were offered to an agent for the first time after one who had come later.
    pub fn overtaken(&self) -> usize {
        let (mut seen, mut newest, mut overtaken) = (std::collections::BTreeSet::new(), 0, 0);
        for contact in &self.1 {
            if seen.insert(*contact) {
                overtaken += usize::from(*contact < newest);
                newest = newest.max(*contact);
            }
        }
        overtaken
    }
}
