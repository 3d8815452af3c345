//! One queue, one type of callers and one group of agents, from the command line alone.

use std::time::Duration;

use acd::{QueueConfig, Strategy};
use sim::centre::{AgentGroup, ContactType, Scenario};

use crate::Study;
use crate::args::{Args, Fault};

/// For how long it is run unless something else is said.
const LENGTH: Duration = Duration::from_secs(30 * 86_400);

pub(crate) fn study(args: &Args) -> Result<Study, Fault> {
    let arrivals = args.arrivals.clone().ok_or(Fault::Missing("--arrivals 4.2/min"))?;
    let service = args.service.clone().ok_or(Fault::Missing("--service exp:2min"))?;
    let mut scenario = Scenario::new(LENGTH);
    let queue = scenario.add_queue("queue", QueueConfig::new(Strategy::LongestIdle));
    let mut callers = ContactType::new("callers", queue, arrivals, service);
    callers.patience.clone_from(&args.patience);
    callers.wrap_up.clone_from(&args.wrap_up);
    scenario.types.push(callers);
    // How many there are is among the wishes.
    scenario.groups.push(AgentGroup::new("agents", 0, [queue]));
    Ok(Study {
        scenarios: vec![scenario],
        opens: Duration::ZERO,
        recorded: None,
        crowd: false,
    })
}
