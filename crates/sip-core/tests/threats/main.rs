//! What broke others, tried on this crate: one test a row, or the place where that test is. Names without a link are tests of
//! other files of this crate: `endpoint::` in `tests/endpoint`, `proxy::` in `tests/proxy`, `wire_messages::` in `tests/wire_messages.rs`,
//! `auth::`, `registrar::`, `wire::`, `event::`, `guard::` in `src`.
//!
//! # Faults with a number
//!
//! | Row | Test |
//! |---|---|
//! | random and truncated input | [`framing::junk_datagrams_are_counted_and_nothing_else`], [`framing::truncated_invite_at_every_byte`] |
//! | header overflow: CSeq (CVE-2017-9372), many Accept (2018-7284), branch and tag (2018-8828), Authorization (2023-28098), one slash (2021-33056) | [`headers::header_of_64_kilobytes`], [`headers::header_overflow_each_header_at_its_limit_and_one_past`], [`headers::header_overflow_of_lists_at_the_limit_and_one_past`], [`headers::header_overflow_what_responses_repeat_is_limited`], `limits` |
//! | Content-Length −1, 2³², 2³²+32 (CVE-2026-23457), 2⁶⁴, twice, conflicting; two messages out of one (GHSA-c6j5) | [`framing::framing_content_length_on_streams`], [`framing::framing_content_length_of_datagrams`], [`framing::framing_both_readers_agree`], [`framing::framing_nothing_is_read_after_the_end_of_a_stream`], `wire_messages::content_length` |
//! | header smuggling, white space before the colon (CVE-2020-28361) | `identity::tests::a_stranger_asserts_nothing_however_it_is_spelled`, [`headers::header_smuggling`], `wire_messages::one_lexer_for_every_spelling_of_a_name` |
//! | SDP (CVE-2018-1000098, -1000099, 2021-26906, 2026-41416) | the crate `sdp`, `tests/threats.rs`; a body is opaque here: [`headers::bodies_are_nobodys_business`] |
//! | multipart (CVE-2022-21723, 2026-41415, GHSA-pjx6): zero parts, no boundary or one of any length, nested, a boundary that begins with another | `body::multipart::tests`, fuzz target `multipart` |
//! | bodies in NOTIFY (GHSA-8jw3, 589g): message-summary, presence, dialog-info | `event::{message_summary, pidf, dialog_info}`, fuzz targets `body_*` |
//! | endless loop | `wire::linear` (steps counted), `event::dialog_info` (entities, depth), fuzz seeds (`tests/seeds.rs`) |
//! | use after free: forked 2xx, stale handles (AST-2022-005) | `endpoint::cancel::of_two_forks_the_first_2xx_wins`, [`dialogs::stale_handles_are_errors`] |
//! | Expires: 0 (CVE-2026-28799), unsubscribe with a NOTIFY pending | `endpoint::packages::subscription_use_after_free_with_expires_zero`, `endpoint::subscriptions::unsubscribing_with_a_notify_in_flight`, `endpoint::subscriptions::the_state_is_fetched_with_expires_zero`, [`subscriptions::subscription_given_up_with_a_notify_of_another_state_pending`] |
//! | Replaces of nothing, of an early dialog | `endpoint::transfer::what_may_not_be_replaced`, [`dialogs::replaces_and_refer_of_nothing`] |
//! | a method without authentication (CVE-2021-37624, 2021-41157) | the crate `switch`, `tests/threats.rs`; here nothing happens unasked: `endpoint::screen::every_method_to_an_embedder_that_answers_nothing` |
//! | identity spoofing (CVE-2025-47779), control characters in display names (GHSA-2grh) | `switch`, `tests/threats.rs`; [`headers::identity_control_characters_are_masked`] |
//! | digest leak (CVE-2021-41158), endless challenges (CVE-2020-28242) | [`auth::digest_is_not_given_to_a_foreign_realm`], `auth::tests::client`, [`auth::digest_endless_challenges_of_every_request`] |
//! | nonce replay, foreign nonce, other source, null Authorization | [`auth::nonce_replay_from_one_and_many_sources`], `auth::tests` |
//! | flood, memory (CVE-2021-41145, 2018-7286, 2020-28327) | [`flood::flood_of_a_million_invites_from_one_source`], [`flood::flood_of_a_million_invites_from_a_million_sources`], [`flood::flood_of_invites_from_one_and_many_sources`], [`flood::flood_of_every_method_that_nobody_answers`], [`flood::flood_that_nobody_drains`], `guard::tests` |
//! | idle TCP (AST-2016-005), slow peers | [`flood::flood_idle_connections`], [`flood::flood_of_connections_from_one_source`], [`flood::flood_slow_peers_do_not_hold_connections_and_busy_ones_live`] |
//! | TLS connection reuse (CVE-2020-15260) | `endpoint::connections::cve_2020_15260_the_key_of_a_tls_connection_includes_the_host_name` |
//! | guessed passwords | [`auth::guessed_passwords_are_a_ban_that_calls_survive`], `guard::tests`, `pbxd`'s `tests/guard.rs` |
//!
//! # What users of others suffered
//!
//! | Row | Test |
//! |---|---|
//! | Latin-1 or NUL bytes in a header nobody looks at | [`headers::latin1_and_nul_bytes_in_a_header_nobody_looks_at`], `wire_messages::bytes_in_headers_that_nobody_looks_at_pass_unharmed` |
//! | UDP message without Content-Length | [`framing::framing_udp_message_without_content_length`] |
//! | several contacts or Vias on a line, quoted commas, compact names | [`headers::several_values_on_a_line_quoted_commas_and_compact_names`] |
//! | several messages in one segment, one message in many | [`framing::framing_any_cut_of_a_conversation`] |
//! | branch without cookie (RFC 2543), with CANCEL and ACK | [`dialogs::peers_of_rfc_2543_invite_cancel_and_ack`], `endpoint::routing::peers_of_rfc_2543` |
//! | 2xx from two forks; CANCEL before a To tag is known, CANCEL crossing 200 | `endpoint::cancel::of_two_forks_the_first_2xx_wins`, `endpoint::cancel::the_cancel_waits_for_a_provisional_response`, `endpoint::cancel::a_2xx_that_crosses_the_cancel_is_acknowledged_and_hung_up`, `proxy::forks::a_2xx_of_two_forks_is_forwarded_twice`, `proxy::forks::a_cancel_that_crosses_the_200` |
//! | ACK lost, 2xx retransmission | `endpoint::calls_acknowledged::the_2xx_is_repeated_until_the_ack_comes`, `endpoint::calls_acknowledged::without_any_ack_the_callee_ends_the_session`, `endpoint::calls_acknowledged::a_lost_ack_of_a_failure_is_sent_again` |
//! | BYE crossing re-INVITE, glare on both sides, target refresh | `endpoint::reinvite::bye_crosses_reinvite`, `endpoint::reinvite::glare_is_settled_by_random_waits`, `endpoint::reinvite::the_owner_of_the_call_id_waits_longer`, `endpoint::update::update_glare_on_both_sides_is_settled_by_itself`, `endpoint::reinvite::the_remote_target_follows_a_reinvite` |
//! | PRACK out of order, for a dead fork, with forking | `endpoint::prack::prack_out_of_order_and_prack_of_nothing_are_481`, `endpoint::prack::prack_for_a_dead_fork_is_481_and_harmless`, `endpoint::prack_offers::each_fork_numbers_for_itself_and_gaps_are_not_acknowledged` |
//! | UPDATE during early media | `endpoint::update::update_during_early_media_by_either_side` |
//! | who refreshes a session | `endpoint::session_timer::the_session_timer_refresher_is_handed_over_with_a_reinvite`, `endpoint::session_timer::a_refresh_and_the_expiry_at_the_same_instant_have_one_outcome` |
//! | route set, strict routers, remote target | `endpoint::routing::requests_follow_the_route_set`, `endpoint::routing::record_routes_and_further_vias_come_back`, `proxy::routes::the_route_set_of_a_strict_router`, `proxy::routes::a_strict_router_next`, `endpoint::usages::pracks_and_early_updates_follow_a_strict_route_set` |
//! | REFER in and out of dialog, with Replaces to an unknown dialog or an early one; 302 | `endpoint::transfer::a_referral_is_accepted_and_told_of`, `endpoint::outside::a_refer_outside_of_a_dialog_is_told_of`, `endpoint::outside::a_refer_with_replaces_to_an_unknown_dialog`, `endpoint::outside::a_refer_with_replaces_to_an_established_and_to_an_early_dialog`, `endpoint::redirect::a_call_goes_on_where_it_is_sent` |
//! | refresh and expiry at the same instant | `endpoint::subscriptions::a_refresh_at_the_instant_of_expiry_has_one_outcome`, `registrar::tests::refresh_and_expiry_at_the_same_instant_have_one_outcome` |
//! | finished transactions that leak | [`dialogs::finished_transactions_leave_nothing`] |
//! | tags and Call-IDs that differ in case | [`dialogs::dialog_names_differ_in_case`], `endpoint::screen::a_guessed_dialog_is_not_entered` |
//! | CSeq in dialogs, its wrap | [`dialogs::cseq_at_the_end_of_its_range`], `endpoint::reinvite::sequence_numbers_end_before_they_wrap` |
//! | SHA-256 digest | `auth::tests::every_algorithm_and_protection_passes` |
//! | From spoofing after authentication | `switch`, `tests/threats.rs` |
//! | extensions that are not built | [`headers::extensions_that_are_not_built_are_refused`] |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

mod auth;
mod dialogs;
mod flood;
mod framing;
mod headers;
#[path = "../endpoint/link.rs"]
#[allow(dead_code, reason = "shared with the tests of the endpoint")]
mod link;
mod memory;
#[path = "../support/network.rs"]
mod network;
mod subscriptions;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use link::{START, World, address, ms, secs};
use machine::{Machine, Time};
use network::Chance;
use sip_core::auth::{AuthError, Client, Secret, Server, ServerConfig};
use sip_core::guard::{GuardConfig, Rate};
use sip_core::header::{Authorization, Contact, EventHeader, TypedHeader};
use sip_core::{
    Body, ConnectionId, Credentials, Endpoint, EndpointConfig, EndpointError, Event, Flow, Framed, HeaderName, Limits,
    Live, Message, Method, NameAddr, Notify, OutOfDialog, Output, Reply, Request, StatusCode, StreamFramer, Subscribe,
    SubscriptionEnd, Transport, Uri,
};

pub(crate) const PEER: &str = "198.51.100.1:5060";

/// A request of a stranger; `more` are further header lines.
pub(crate) fn text(method: &str, name: &str, more: &str) -> String {
    format!(
        "{method} sip:user@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK{name}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=a\r\nTo: <sip:user@192.0.2.1>\r\nCall-ID: {name}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:a@198.51.100.1>\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

pub(crate) fn with_body(method: &str, length: &str, body: &str) -> String {
    text(method, "1", "").replace("Content-Length: 0\r\n", length) + body
}

/// An endpoint with a TCP and a UDP address.
pub(crate) fn endpoint(configure: impl Fn(&mut EndpointConfig)) -> Endpoint {
    let here: SocketAddr = "192.0.2.1:5060".parse().unwrap();
    let mut config = EndpointConfig::new([(Transport::Udp, here), (Transport::Tcp, here)]);
    configure(&mut config);
    Endpoint::new(config, [9; 32])
}

pub(crate) fn tcp(n: u64) -> Flow {
    let from = SocketAddr::from(([198, 51, 100, (n >> 14) as u8], 1_024 + (n & 0x3fff) as u16));
    Flow::stream(Transport::Tcp, "192.0.2.1:5060".parse().unwrap(), from, ConnectionId(n))
}

pub(crate) fn udp(source: u32) -> Flow {
    let [_, b, c, d] = source.to_be_bytes();
    Flow::udp(
        "192.0.2.1:5060".parse().unwrap(),
        SocketAddr::from(([203, b, c, d], 5060)),
    )
}

pub(crate) fn drain(endpoint: &mut Endpoint) -> Vec<Output> {
    std::iter::from_fn(|| endpoint.poll_output()).collect()
}

/// The start lines of what was sent, the number of events, and the connections to close.
pub(crate) fn outcome(outputs: &[Output]) -> (Vec<String>, usize, Vec<u64>) {
    let mut all = (Vec::new(), 0, Vec::new());
    for output in outputs {
        match output {
            Output::Transmit(transmit) => all.0.push(link::start_line(&transmit.data)),
            Output::Event(_) => all.1 += 1,
            Output::CloseConnection(id) => all.2.push(id.0),
        }
    }
    all
}

/// A row that names a test which is not there protects from nothing.
#[test]
fn every_test_that_is_named_is_there() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let rows = include_str!("main.rs").lines().filter(|line| line.starts_with("//! |"));
    let names: Vec<&str> = rows.flat_map(|row| row.split('`')).collect();
    let mut found = 0;
    for name in names {
        let parts: Vec<&str> = name.split("::").collect();
        let file = match parts[..] {
            ["endpoint" | "proxy", file, _] => format!("{tests}/{}/{file}.rs", parts[0]),
            [
                "auth" | "dialogs" | "flood" | "framing" | "headers" | "subscriptions",
                _,
            ] if parts[1] != "tests" => {
                format!("{tests}/threats/{}.rs", parts[0])
            }
            ["wire_messages", _] => format!("{tests}/wire_messages.rs"),
            _ => continue,
        };
        let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{file} of {name}"));
        let test = parts[parts.len() - 1];
        assert!(text.contains(&format!("fn {test}(")), "{name} is named, but not there");
        found += 1;
    }
    assert!(found > 60, "{found}");
}
