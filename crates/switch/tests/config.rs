//! A configuration that would not work is refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test is a panic")]

use std::time::Duration;

use switch::{Config, ConfigError, Extension, Lot, MAX_SLOTS, RecallTarget};

fn config() -> Config {
    let mut config = Config::new("pbx.test");
    config.extensions.push(Extension::new("1001", "Reception", "secret"));
    config.lots.push(Lot::new("700", 701..=702));
    config
}

fn fault(change: impl FnOnce(&mut Config)) -> Option<ConfigError> {
    let mut config = config();
    change(&mut config);
    let fault = config.check().err();
    assert_eq!(switch::Switch::new(config, [0; 32]).err(), fault);
    fault
}

#[test]
fn what_cannot_work_is_refused_by_its_cause() {
    assert_eq!(fault(|_| {}), None);
    assert_eq!(fault(|c| c.listen.clear()), Some(ConfigError::NoListenAddress));
    assert_eq!(fault(|c| c.digest.clear()), Some(ConfigError::NoDigest));
    assert_eq!(
        fault(|c| c.extensions[0].number.clear()),
        Some(ConfigError::EmptyNumber)
    );
    assert_eq!(fault(|c| c.media_ports = 1..=2), Some(ConfigError::NoMediaPort));
    for number in ["700", "701", "1001"] {
        let twice = fault(|c| c.extensions.push(Extension::new(number, "", "")));
        assert_eq!(twice, Some(ConfigError::NumberTwice(number.to_owned())));
    }
}

#[test]
fn a_code_must_be_dialled_to_be_heard() {
    for code in ["", "park", "*6\u{fffd}", "* 68"] {
        let fault = fault(|c| c.park_code = Some(code.to_owned()));
        assert_eq!(fault, Some(ConfigError::BadCode(code.to_owned())), "{code:?}");
    }
    for code in ["*68", "#", "1ABCD"] {
        assert_eq!(fault(|c| c.park_code = Some(code.to_owned())), None, "{code:?}");
    }
    assert_eq!(fault(|c| c.park_code = None), None);
}

#[test]
fn a_recall_must_reach_somebody() {
    let to = |number: &str| vec![RecallTarget::Parker, RecallTarget::Number(number.to_owned())];
    for number in ["1009", "700", "701"] {
        let fault = fault(|c| c.lots[0].recall_to = to(number));
        assert_eq!(fault, Some(ConfigError::BadRecallTarget(number.to_owned())));
    }
    assert_eq!(fault(|c| c.lots[0].recall_to = to("1001")), None);
}

#[test]
fn times_must_pass() {
    let zero: [fn(&mut Config); 5] = [
        |c| c.t1 = Duration::ZERO,
        |c| c.keepalive = Duration::ZERO,
        |c| c.ring_timeout = Duration::ZERO,
        |c| c.rtp_timeout = Some(Duration::ZERO),
        |c| c.lots[0].recall_after = Duration::ZERO,
    ];
    for change in zero {
        assert_eq!(fault(change), Some(ConfigError::NoTime));
    }
    assert_eq!(fault(|c| c.rtp_timeout = None), None);
    assert_eq!(
        fault(|c| c.lots[0].recall_ring = Duration::ZERO),
        Some(ConfigError::NoTime)
    );
}

#[test]
fn a_lot_has_at_most_so_many_slots() {
    let last = 1000 + u32::try_from(MAX_SLOTS).unwrap();
    let bad = Some(ConfigError::BadSlots("700".to_owned()));
    assert_eq!(fault(|c| c.lots[0].slots = 2001..=1000 + last), None);
    assert_eq!(fault(|c| c.lots[0].slots = 2001..=1001 + last), bad);
    #[expect(clippy::reversed_empty_ranges, reason = "that is the fault")]
    let empty = 702..=701;
    assert_eq!(fault(|c| c.lots[0].slots = empty), bad);
}
