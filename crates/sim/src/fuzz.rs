//! The body of the fuzz target for a whole switchboard.

use std::time::Duration;

use bytes::Bytes;
use sip_core::{Flow, StatusCode};
use switch::{Config, Extension, Input, Lot};

use crate::{Answer, CallId, Office, Phone, PhoneError};

const PHONES: u8 = 4;
const NUMBERS: [&str; 9] = ["1001", "1002", "1003", "1004", "700", "701", "702", "*88", "nobody"];
const DIGITS: [&str; 4] = ["*68", "*6", "8", "#"];

/// Bytes as a list of what phones do, of datagrams out of nowhere, and of time that goes by: the switch's tables agree after each
/// step, nothing panics, nothing spins.
///
/// # Panics
/// If one of these is not so; that is what it is for.
pub fn switchboard(script: &[u8]) {
    let mut config = Config::new("pbx.test");
    for number in NUMBERS.iter().take(usize::from(PHONES)) {
        config.extensions.push(Extension::new(number, "Somebody", "secret"));
    }
    let mut lot = Lot::new("700", 701..=702);
    lot.recall_after = Duration::from_secs(30);
    lot.retrieve = Some("*88".to_owned());
    config.lots.push(lot);
    let Ok(mut office) = Office::new(config, [1; 32]) else {
        return;
    };
    let registered = office.register_all();
    assert!(registered.is_ok(), "{registered:?}");
    let mut rest = script;
    for _ in 0..200 {
        let [operation, operand, after @ ..] = rest else { break };
        rest = after;
        step(&mut office, *operation, *operand, &mut rest);
        let sound = office.check();
        assert!(sound.is_ok(), "{sound:?}");
    }
}

/// What a phone cannot do in its present state it refuses; that is no fault.
fn may_refuse<T>(_: Result<T, PhoneError>) {}

fn step(office: &mut Office, operation: u8, operand: u8, rest: &mut &[u8]) {
    let phone = usize::from(operand % PHONES);
    let choice = usize::from(operand / PHONES);
    let number = NUMBERS.get(choice % NUMBERS.len()).copied().unwrap_or_default();
    let call = office.phone(phone).calls().map(|(id, _)| id).nth(choice % 3);
    let with =
        |office: &mut Office, act: &dyn Fn(&mut Phone, machine::Time, CallId) -> Result<(), PhoneError>| match call {
            Some(call) => office.phone_do(phone, |phone, now| may_refuse(act(phone, now, call))),
            None => Ok(()),
        };
    let went = match operation % 14 {
        0 => office.phone_do(phone, |phone, now| may_refuse(phone.dial(now, number))),
        1 => with(office, &|phone, now, call| phone.answer(now, call)),
        2 => with(office, &|phone, now, call| phone.reject(now, call, StatusCode::DECLINE)),
        3 => with(office, &|phone, now, call| phone.hang_up(now, call)),
        4 => with(office, &|phone, now, call| phone.hold(now, call)),
        5 => with(office, &|phone, now, call| phone.resume(now, call)),
        6 => with(office, &|phone, now, call| phone.transfer(now, call, number)),
        7 => {
            let other = office
                .phone(phone)
                .calls()
                .map(|(id, _)| id)
                .find(|id| Some(*id) != call);
            with(office, &|phone, now, call| {
                other.map_or(Ok(()), |other| phone.transfer_attended(now, call, other))
            })
        }
        8 => {
            let digits = DIGITS.get(choice % DIGITS.len()).copied().unwrap_or_default();
            with(office, &|phone, now, call| phone.send_digits(now, call, digits))
        }
        9 => office.phone_do(phone, |phone, now| may_refuse(phone.watch(now, number))),
        10 => {
            office.phone_config(phone, |config| {
                config.answer = if choice % 2 == 0 {
                    Answer::After(Duration::ZERO)
                } else {
                    Answer::Manually
                };
            });
            Ok(())
        }
        11 => office.run_for(Duration::from_millis(u64::from(operand) * 20)),
        12 => office.run_for(Duration::from_secs(u64::from(operand % 64))),
        _ => {
            let (datagram, after) = rest.split_at(rest.len().min(usize::from(operand) * 4));
            *rest = after;
            let address = office.phone(phone).config().sip_address();
            let Some(local) = office.phone(phone).config().proxy else {
                return;
            };
            let data = Bytes::copy_from_slice(datagram);
            office.pbx_input(Input::Sip {
                flow: Flow::udp(local, address),
                data,
            })
        }
    };
    assert!(went.is_ok(), "{went:?}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_script_leaves_the_tables_sound(script in proptest::collection::vec(any::<u8>(), 0..200)) {
            super::switchboard(&script);
        }
    }
}
