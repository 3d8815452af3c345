//! Erlang's formulas and their inverses.
//!
//! | question | answer |
//! |---|---|
//! | how many calls find all trunks busy? | [`ErlangB`], with calls tried again [`ErlangB::with_retrials`] |
//! | how long do callers wait who wait for ever? | [`ErlangC`] |
//! | how long do callers wait who hang up at some time, and how many do? | [`ErlangA`], with [`ErlangA::with_retrials`] |
//! | how many trunks? | [`trunks`] |
//! | how many agents? | [`staff`], and for those on leave [`rostered`] |
//!
//! Rates are calls per unit of time, in any unit as long as all are in the same; times come out in that unit. A load
//! is in erlang: arrivals × mean handling time. Loads from 1e-6 to 1e6 erlang and any number of servers give results
//! with a relative error below 1e-12, in bounded time: at most some hundred thousand simple steps, usually some hundred.
//! Probabilities below 1e-300 may come out as 0.

mod erlang_a;
mod erlang_b;
mod erlang_c;
mod error;
mod staffing;
mod waiting;

pub use erlang_a::ErlangA;
pub use erlang_b::{ErlangB, trunks};
pub use erlang_c::ErlangC;
pub use error::WorkforceError;
pub use staffing::{Demand, Targets, rostered, staff};
