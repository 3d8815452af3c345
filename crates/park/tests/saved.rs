//! A lot that was written and read back goes on as if nothing had happened; a state that cannot be is refused.
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use machine::{Machine, Time};
use park::*;

const T0: Time = Time::from_secs(1_000);

fn busy_lot() -> Lot<u32, String> {
    let mut config = LotConfig::new(701..=709);
    config.choice = Choice::Random;
    let mut lot = Lot::new(config, [9; 32]).unwrap();
    for call in 0..4 {
        lot.park_with(
            T0 + Duration::from_secs(u64::from(call)),
            call,
            Wanted::Any,
            format!("note {call}"),
        )
        .unwrap();
    }
    lot.reserve(T0, 8, Wanted::Any).unwrap();
    lot.handle_timeout(T0 + Duration::from_secs(46));
    lot
}

fn go_on(mut lot: Lot<u32, String>) -> (Vec<Event<u32, String>>, Option<Time>) {
    let now = T0 + Duration::from_secs(47);
    lot.handle_timeout(now);
    lot.park_with(now, 5, Wanted::Any, "new".to_owned()).unwrap();
    lot.replace(now, &8, 9).unwrap();
    lot.leave(now, &1).unwrap();
    lot.retrieve_longest(now).unwrap();
    let due = lot.poll_timeout();
    (std::iter::from_fn(|| lot.poll_output()).collect(), due)
}

#[test]
fn goes_on_as_if_nothing_had_happened() {
    let lot = busy_lot();
    let written = serde_json::to_string(&lot).unwrap();
    let read: Lot<u32, String> = serde_json::from_str(&written).unwrap();
    assert_eq!(go_on(read), go_on(lot));
}

#[test]
fn a_state_that_cannot_be_is_refused() {
    let written = serde_json::to_value(busy_lot()).unwrap();
    let broken = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = written.clone();
        change(&mut value);
        serde_json::from_value::<Lot<u32, String>>(value)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(broken(&|_| {}), Ok(()));
    let slot =
        broken(&|value| *value.pointer_mut("/taken/1/0").unwrap() = value.pointer("/taken/0/0").unwrap().clone());
    assert!(slot.unwrap_err().contains("in a slot that another call has"));
    let outside = broken(&|value| {
        *value.pointer_mut("/taken/0/0").unwrap() = 700.into();
        *value.pointer_mut("/taken/1/0").unwrap() = 700.into();
    });
    assert!(outside.unwrap_err().contains("in a slot that another call has"));
    let call = broken(&|value| {
        *value.pointer_mut("/taken/1/1/call").unwrap() = value.pointer("/taken/0/1/call").unwrap().clone()
    });
    assert!(call.unwrap_err().contains("two slots"));
    let serial = broken(&|value| *value.pointer_mut("/taken/1/1/serial").unwrap() = 1_000.into());
    assert!(serial.unwrap_err().contains("order of arrival"));
    let config = broken(&|value| *value.pointer_mut("/config/recall_targets").unwrap() = 17.into());
    assert!(config.unwrap_err().contains("at most 16"));
}
