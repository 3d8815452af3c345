//! Keep-alives, STUN, tokens, back-off.

use core::time::Duration;

use proptest::prelude::*;
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;

use super::*;
use crate::outbound::stun::{self, Response};

fn tcp() -> Flow {
    let (local, remote) = ("192.0.2.7:40000".parse().unwrap(), "192.0.2.10:5060".parse().unwrap());
    Flow::stream(Transport::Tcp, local, remote, ConnectionId(9))
}

fn next(keep_alive: &mut KeepAlive) -> (Time, Vec<KeepAliveOutput>) {
    let due = keep_alive.poll_timeout().expect("something is due");
    keep_alive.handle_timeout(due);
    assert!(keep_alive.poll_timeout().is_none_or(|again| again > due));
    (due, drain(keep_alive))
}

fn sent(outputs: &[KeepAliveOutput]) -> &[u8] {
    let [KeepAliveOutput::Transmit(transmit)] = outputs else {
        panic!("{outputs:?}");
    };
    &transmit.data
}

const SILENT: KeepAliveOutput = KeepAliveOutput::Failed(FlowFailure::Silent);

#[test]
fn rfc5626_4_4_1_two_line_ends_are_answered_by_one_within_ten_seconds() {
    let mut keep_alive = KeepAlive::new(at(0), tcp(), KeepAliveConfig::default(), [1; 32]);
    let (first, outputs) = next(&mut keep_alive);
    assert!(first >= at(96) && first <= at(120), "{first:?}");
    assert_eq!(sent(&outputs), b"\r\n\r\n");
    keep_alive.received(first + Duration::from_secs(9), None);
    let (second, outputs) = next(&mut keep_alive);
    assert!(second - first >= Duration::from_secs(9 + 96));
    assert_eq!(sent(&outputs), b"\r\n\r\n");
    let (dead, outputs) = next(&mut keep_alive);
    assert_eq!((dead - second, &outputs[..]), (Duration::from_secs(10), &[SILENT][..]));
    assert_eq!(keep_alive.poll_timeout(), None);
    keep_alive.received(dead, None);
    assert_eq!(drain(&mut keep_alive), [], "dead is dead");
}

#[test]
fn a_line_end_that_answers_nothing_does_not_put_the_next_ping_off() {
    let mut keep_alive = KeepAlive::new(at(0), tcp(), KeepAliveConfig::default(), [1; 32]);
    let due = keep_alive.poll_timeout();
    keep_alive.received(at(50), None);
    keep_alive.received(at(50), Some(&stun::request([1; 12])));
    assert_eq!(keep_alive.poll_timeout(), due);
}

#[test]
fn rfc5626_4_4_2_stun_is_repeated_by_rfc_5389_and_then_given_up() {
    let mut keep_alive = KeepAlive::new(at(0), udp(), KeepAliveConfig::default(), [1; 32]);
    let (first, outputs) = next(&mut keep_alive);
    assert!(first >= at(23) && first <= at(29), "{first:?}");
    let request = sent(&outputs).to_vec();
    let mut times = Vec::new();
    let outputs = loop {
        let (due, outputs) = next(&mut keep_alive);
        times.push(u64::try_from((due - first).as_millis()).unwrap());
        if outputs == [SILENT] {
            break outputs;
        }
        assert_eq!(sent(&outputs), request, "the same transaction");
    };
    assert_eq!(outputs, [SILENT]);
    assert_eq!(times, [500, 1500, 3500, 7500, 15_500, 31_500, 39_500]);
}

#[test]
fn a_mapped_address_that_changes_is_a_dead_flow() {
    let mut keep_alive = KeepAlive::new(at(0), udp(), KeepAliveConfig::default(), [1; 32]);
    let mut answered = |source: &str| {
        let (due, outputs) = next(&mut keep_alive);
        let response = stun::answer(sent(&outputs), source.parse().unwrap()).unwrap();
        keep_alive.received(due, Some(&response));
        drain(&mut keep_alive)
    };
    assert_eq!(answered("203.0.113.9:40000"), []);
    assert_eq!(answered("203.0.113.9:40000"), []);
    assert_eq!(
        answered("203.0.113.9:40001"),
        [KeepAliveOutput::Failed(FlowFailure::Moved)]
    );
}

#[test]
fn only_the_answer_to_our_own_question_counts() {
    let mut keep_alive = KeepAlive::new(at(0), udp(), KeepAliveConfig::default(), [1; 32]);
    let (due, outputs) = next(&mut keep_alive);
    let mut forged = stun::answer(sent(&outputs), "203.0.113.9:40000".parse().unwrap())
        .unwrap()
        .to_vec();
    forged[19] ^= 1;
    keep_alive.received(due, Some(&forged));
    keep_alive.received(due, None);
    keep_alive.received(due, Some(b"SIP/2.0 200 OK\r\n\r\n"));
    assert_eq!((keep_alive.mapped(), drain(&mut keep_alive)), (None, Vec::new()));
    assert_eq!(
        keep_alive.poll_timeout(),
        Some(due + Duration::from_millis(500)),
        "it is asked on"
    );
}

#[test]
fn stun_requests_that_ask_for_more_are_refused_with_420() {
    let attribute = [0x00, 0x06, 0x00, 0x03, b'a', b'b', b'c', 0];
    let mut request = stun::request([5; 12]).to_vec();
    request[3] = 8;
    request.extend(attribute);
    let answer = stun::answer(&request, udp().remote).unwrap();
    assert_eq!(answer[..2], [0x01, 0x11]);
    assert_eq!(answer[24..28], [0, 0, 4, 20]);
    assert_eq!(
        answer[answer.len() - 4..],
        [0x00, 0x06, 0, 0],
        "USERNAME is what was not understood"
    );
    let response = Response::read(&answer).unwrap();
    assert_eq!((response.transaction, response.mapped), ([5; 12], None));
    request[20] = 0x80; // one that may be passed over
    assert_eq!(stun::answer(&request, udp().remote).unwrap()[..2], [0x01, 0x01]);

    let mut keep_alive = KeepAlive::new(at(0), udp(), KeepAliveConfig::default(), [1; 32]);
    let (due, outputs) = next(&mut keep_alive);
    let mut refused = sent(&outputs).to_vec();
    refused[..2].copy_from_slice(&[0x01, 0x11]);
    keep_alive.received(due, Some(&refused));
    assert_eq!(drain(&mut keep_alive), [KeepAliveOutput::Failed(FlowFailure::Refused)]);
}

/// The response of RFC 5769 §2.2 and §2.3, without the attributes that need a password.
#[test]
fn rfc5769_sample_addresses_are_read() {
    let transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
    let of = |attribute: &[u8]| {
        let mut message = stun::request(transaction).to_vec();
        message[..2].copy_from_slice(&[0x01, 0x01]);
        message[3] = u8::try_from(attribute.len()).unwrap();
        message.extend(attribute);
        Response::read(&message).unwrap().mapped.unwrap().to_string()
    };
    let v4 = [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
    assert_eq!(of(&v4), "192.0.2.1:32853");
    let v6 = [
        0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
        0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
    ];
    assert_eq!(of(&v6), "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

#[test]
fn what_is_no_stun_is_none() {
    let request = stun::request([5; 12]);
    assert!(stun::is_stun(&request));
    for at in 0..request.len() {
        assert!(!stun::is_stun(&request[..at]), "cut at {at}");
    }
    for (at, value) in [(0, 0x40), (0, b'I'), (3, 4), (3, 1), (4, 0), (7, 0x43)] {
        let mut broken = request.to_vec();
        broken[at] = value;
        assert!(!stun::is_stun(&broken), "{at}: {value}");
        assert_eq!(stun::answer(&broken, udp().remote), None);
    }
    let mut huge = request.to_vec();
    huge.resize(20 + 1284, 0);
    huge[2..4].copy_from_slice(&1284_u16.to_be_bytes());
    assert!(!stun::is_stun(&huge), "past the limit");
}

fn flows() -> impl Strategy<Value = Flow> {
    let address = prop_oneof![
        any::<([u8; 4], u16)>().prop_map(std::net::SocketAddr::from),
        any::<([u8; 16], u16)>().prop_map(std::net::SocketAddr::from)
    ];
    let transport = prop::sample::select(vec![
        Transport::Udp,
        Transport::Tcp,
        Transport::Tls,
        Transport::Ws,
        Transport::Wss,
    ]);
    (transport, address.clone(), address, any::<Option<u64>>()).prop_map(|(transport, local, remote, connection)| {
        Flow {
            transport,
            local,
            remote,
            connection: connection.map(ConnectionId),
        }
    })
}

proptest! {
    #[test]
    fn tokens_name_their_flow_and_nothing_else(flow in flows(), at in any::<prop::sample::Index>(), digit in 0u8..16) {
        let tokens = FlowToken::new([7; 32]);
        let token = tokens.sign(&flow);
        prop_assert!(token.len() <= 126, "{}", token.len());
        prop_assert_eq!(tokens.verify(&token), Ok(flow));
        prop_assert_eq!(tokens.verify(&token.to_ascii_uppercase()), Ok(flow));
        prop_assert_eq!(FlowToken::new([8; 32]).verify(&token), Err(FlowTokenError::Forged));
        let mut changed = token.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] = b"0123456789abcdef"[usize::from(digit)];
        let changed = String::from_utf8(changed).unwrap();
        prop_assert!(changed == token || tokens.verify(&changed) == Err(FlowTokenError::Forged));
    }

    #[test]
    fn no_input_of_any_kind_breaks_anything(data in prop::collection::vec(any::<u8>(), 0..200)) {
        super::super::fuzz::outbound(&data);
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let tokens = FlowToken::new([7; 32]);
    for text in ["", "0", "00", "zz", &"0".repeat(30), &"0".repeat(202), "é"] {
        assert_eq!(tokens.verify(text), Err(FlowTokenError::Malformed), "{text}");
    }
    assert_eq!(tokens.verify(&"0".repeat(200)), Err(FlowTokenError::Forged));
    assert_eq!(format!("{tokens:?}"), "FlowToken { .. }", "the key is not shown");
}

#[test]
fn rfc5626_4_5_waits_double_up_to_the_longest() {
    let mut rng = ChaCha12Rng::from_seed([1; 32]);
    let backoff = Backoff::default();
    for (all, base) in [(true, 30), (false, 90)] {
        for failures in [0, 1, 2, 3, 5, 6, 40, u32::MAX] {
            let whole = 2_u64
                .checked_pow(failures)
                .map_or(1800, |factor| factor.saturating_mul(base).min(1800));
            for _ in 0..50 {
                let wait = backoff.wait(failures, all, &mut rng);
                assert!(
                    wait >= Duration::from_secs(whole) / 2 && wait <= Duration::from_secs(whole),
                    "{failures}"
                );
            }
        }
    }
    let waits: Vec<_> = (0..20).map(|_| backoff.wait(0, true, &mut rng)).collect();
    assert!(waits.iter().any(|wait| *wait != waits[0]), "not all the same");
}

#[cfg(feature = "serde")]
#[test]
fn a_keep_alive_is_written_and_read_back_while_it_waits() {
    let mut keep_alive = KeepAlive::new(at(0), udp(), KeepAliveConfig::default(), [1; 32]);
    let (due, outputs) = next(&mut keep_alive);
    let text = serde_json::to_string(&keep_alive).unwrap();
    let mut again: KeepAlive = serde_json::from_str(&text).unwrap();
    let response = stun::answer(sent(&outputs), "203.0.113.9:1".parse().unwrap()).unwrap();
    again.received(due, Some(&response));
    keep_alive.received(due, Some(&response));
    assert_eq!(again.poll_timeout(), keep_alive.poll_timeout());
}
