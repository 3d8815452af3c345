//! The mathematics of a contact centre: how many agents and trunks a load needs, and what callers then feel.
//!
//! ```
//! use kpi::workforce::{Demand, ErlangA, Targets, staff};
//!
//! // 48 calls a minute, a minute each; callers hang up after two minutes on average; 50 agents.
//! let centre = ErlangA::new(48.0, 1.0, 0.5, 50)?;
//! assert_eq!(format!("{:.1} %", 100.0 * centre.abandoned()), "3.1 %");
//! assert_eq!(format!("{:.1} s", 60.0 * centre.mean_wait()), "3.7 s");
//!
//! // How many agents answer 80 % within 20 s and lose at most 3 %? All times in seconds.
//! let demand = Demand::new(48.0 / 60.0, 60.0).with_patience(120.0);
//! let targets = Targets::new().service_level(0.80, 20.0).abandoned(0.03);
//! assert_eq!(staff(&demand, &targets)?, 51);
//! # Ok::<(), kpi::workforce::WorkforceError>(())
//! ```

pub mod workforce;
