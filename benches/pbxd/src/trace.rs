//! When SIPp says it sent and received what.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use crate::Result;

/// How soon after their BYEs the agents were rung again, in order.
pub struct Gaps(Vec<Duration>);

impl Gaps {
    fn at(&self, share: f64) -> f64 {
        let index = (self.0.len() as f64 * share) as usize;
        let gap = self
            .0
            .get(index.min(self.0.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default();
        gap.as_secs_f64() * 1000.0
    }

    /// The 99th percentile, in ms.
    pub fn p99_ms(&self) -> f64 {
        self.at(0.99)
    }
}

impl std::fmt::Display for Gaps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (median, p99, most) = (self.at(0.5), self.at(0.99), self.at(1.0));
        write!(
            f,
            "median {median:.2} ms, p99 {p99:.2} ms, longest {most:.2} ms of {}",
            self.0.len()
        )
    }
}

/// Reads a `-trace_msg` of the agents' SIPp. The time between an agent's BYE and the next INVITE to him counts where he was rung
/// again within a second: who was not had nobody waiting for him.
pub fn gaps(trace: &Path) -> Result<Gaps> {
    let text = std::fs::read_to_string(trace)?;
    let mut agent_of: HashMap<&str, &str> = HashMap::new();
    let mut free: HashMap<&str, f64> = HashMap::new();
    let mut gaps = Vec::new();
    for message in text.split("-----------------------------------------------").skip(1) {
        let Some((stamp, message)) = message.split_once('\n') else {
            continue;
        };
        let Some(at) = seconds(stamp.trim()) else { continue };
        let sent = message.contains("message sent");
        let header = |name: &str| message.lines().find_map(|line| line.strip_prefix(name));
        let (Some(call), Some(cseq)) = (header("Call-ID:"), header("CSeq:")) else {
            continue;
        };
        let call = call.trim();
        let request = message
            .lines()
            .any(|line| line.ends_with(" SIP/2.0\r") || line.ends_with(" SIP/2.0"));
        if !sent && request && cseq.contains("INVITE") {
            let Some(agent) = header("To:").and_then(|to| to.split("sip:").nth(1)?.split('@').next()) else {
                continue;
            };
            if agent_of.insert(call, agent).is_none()
                && let Some(since) = free.remove(agent)
            {
                gaps.push(Duration::from_secs_f64((at - since).max(0.0)));
            }
        } else if sent
            && request
            && cseq.contains("BYE")
            && let Some(agent) = agent_of.get(call)
        {
            free.insert(agent, at);
        }
    }
    gaps.retain(|gap| *gap < Duration::from_secs(1));
    gaps.sort_unstable();
    if gaps.is_empty() {
        Err("no agent was rung again".into())
    } else {
        Ok(Gaps(gaps))
    }
}

/// `2026-11-22 03:15:00.123456`, or with a `T`, as seconds of the day.
fn seconds(stamp: &str) -> Option<f64> {
    let time = stamp
        .rsplit([' ', 'T', '\t'])
        .find(|part| part.matches(':').count() == 2)?;
    let mut parts = time.split(':').map(|part| part.parse::<f64>().ok());
    Some(parts.next()?? * 3600.0 + parts.next()?? * 60.0 + parts.next()??)
}
