//! `pbxd` and SIPp: registration, calls, parking and lamps over real sockets. Signalling is SIPp's; where sound is
//! looked at, the test's own sockets speak and listen at the ports that SIPp names.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]
#![allow(
    clippy::print_stderr,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "real sockets and processes"
)]

mod support;

use std::time::{Duration, Instant};

use support::phone::Phone;
use support::process::installed;
use support::rtp::{Media, Packet, assert_one_stream, samples};
use support::server::{Server, Settings};
use support::sipp::{Running, Sipp};
use support::sound;

#[test]
fn a_phone_registers_with_md5() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    Sipp::new(&server, "1001", "register").run();
    assert!(server.log().contains("1001"), "the log tells who registered");
}

#[test]
fn a_wrong_password_is_refused_and_the_phone_stays_unregistered() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    Sipp::new(&server, "1002", "register_refused")
        .arg("-ap", "guessed")
        .run();
    // 1002 exists but cannot be reached.
    Sipp::new(&server, "1001", "uac_refused")
        .word("STATUS", "480")
        .dial("1002")
        .run();
}

#[test]
fn two_phones_talk_and_the_echo_comes_back_unchanged() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let mut voice = Media::new();
    let echo = Media::new().port().to_string(); // free again at once: SIPp's
    let called = Sipp::new(&server, "1002", "uas_answer")
        .arg("-mp", &echo)
        .plain("-rtp_echo")
        .audio(echo.parse().unwrap());
    let called = called.registered(&server).start();
    let caller = Sipp::new(&server, "1001", "uac_call")
        .dial("1002")
        .audio(voice.port())
        .arg("-d", "3500");
    let mut caller = caller.start();
    let server_media = caller.media();
    // SIPp answers and echoes at once, but its ACK may still be on its way.
    std::thread::sleep(Duration::from_millis(300));
    let listener = voice.ear();
    let listening = std::thread::spawn(move || listener.listen(Duration::from_millis(2500)));
    let said = voice.say(server_media, 1013.0, 100, Duration::from_millis(20));
    let heard = listening.join().unwrap();
    caller.finish();
    called.finish();
    assert_one_stream(&heard);
    let echoed = said
        .iter()
        .filter(|payload| heard.iter().any(|packet| packet.payload == **payload))
        .count();
    assert!(echoed >= 98, "{echoed} of {} packets came back", said.len());
    assert!(
        heard.len() <= said.len(),
        "nothing is relayed twice: {} of {}",
        heard.len(),
        said.len()
    );
    assert!(
        sound::share(&samples(&heard), 1013.0) > 0.9,
        "it is the tone that was said"
    );
}

#[test]
fn two_phones_talk_over_tcp() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let called = Sipp::new(&server, "1002", "uas_answer").tcp();
    let contact = format!("<sip:1002@127.0.0.1:{};transport=tcp>", called.port);
    Phone::new(&server, "1002").register_contact(&contact);
    let called = called.start();
    called.wait_until_listening();
    Sipp::new(&server, "1001", "uac_call")
        .tcp()
        .dial("1002")
        .arg("-d", "300")
        .run();
    called.finish();
}

#[test]
fn a_caller_over_tcp_reaches_a_phone_on_udp() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let called = Sipp::new(&server, "1002", "uas_answer").registered(&server).start();
    Sipp::new(&server, "1001", "uac_call")
        .tcp()
        .dial("1002")
        .arg("-d", "300")
        .run();
    called.finish();
}

#[test]
fn a_caller_gives_up() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let called = Sipp::new(&server, "1002", "uas_cancelled").registered(&server).start();
    Sipp::new(&server, "1001", "uac_cancel").dial("1002").run();
    called.finish();
}

#[test]
fn a_busy_phone_is_busy() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let called = Sipp::new(&server, "1002", "uas_busy").registered(&server).start();
    Sipp::new(&server, "1001", "uac_refused")
        .word("STATUS", "486")
        .dial("1002")
        .run();
    called.finish();
}

#[test]
fn a_phone_that_nobody_answers_stops_ringing() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start_with(&Settings {
        ring_timeout: "2s",
        ..Settings::default()
    });
    let called = Sipp::new(&server, "1002", "uas_cancelled").registered(&server).start();
    let start = Instant::now();
    Sipp::new(&server, "1001", "uac_refused")
        .word("STATUS", "480")
        .dial("1002")
        .run();
    assert!(
        start.elapsed() >= Duration::from_secs(2),
        "it rang for {:?}",
        start.elapsed()
    );
    called.finish();
}

#[test]
fn a_number_that_nobody_has_is_not_found() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    Sipp::new(&server, "1001", "uac_refused")
        .word("STATUS", "404")
        .dial("4711")
        .run();
    // Nor is there anything in an empty slot.
    Sipp::new(&server, "1001", "uac_refused")
        .word("STATUS", "404")
        .dial("705")
        .run();
}

/// 1001 calls 1002, who transfers the call to `to`: the caller (still in the call) and what his side hears.
fn park(server: &Server, to: &str, caller: Sipp) -> (Running, Media) {
    let ear = Media::new();
    let parker = Sipp::new(server, "1002", "uas_park")
        .key("refer_to", to)
        .registered(server)
        .start();
    let caller = caller.dial("1002").audio(ear.port()).start();
    parker.finish();
    (caller, ear)
}

fn assert_music(packets: &[Packet], time: Duration) {
    let expected = usize::try_from(time.as_millis() / 20).unwrap();
    assert!(
        packets.len() * 10 > expected * 8,
        "{} packets of about {expected}",
        packets.len()
    );
    assert!(
        packets.len() * 10 < expected * 12,
        "{} packets of about {expected}",
        packets.len()
    );
    assert_one_stream(packets);
    let heard = samples(packets);
    assert!(
        sound::loudness(&heard) > 50.0,
        "music can be heard, not silence ({:.0})",
        sound::loudness(&heard)
    );
}

#[test]
fn a_caller_is_parked_hears_music_and_is_retrieved() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let ear = Media::new();
    let parker = Sipp::new(&server, "1002", "uas_park")
        .key("refer_to", "700")
        .registered(&server)
        .start();
    let mut parker = parker;
    let caller = Sipp::new(&server, "1001", "uac_hung_up")
        .dial("1002")
        .audio(ear.port())
        .start();
    assert!(parker.logged("result").contains("701"), "the parker is told the slot");
    parker.finish();
    ear.forget();
    let second = Duration::from_secs(1);
    assert_music(&ear.listen(second), second);
    // Anybody dials the slot and has the caller.
    let mut voice = Media::new();
    let retriever = Sipp::new(&server, "1003", "uac_call")
        .dial("701")
        .audio(voice.port())
        .arg("-d", "2500");
    let mut retriever = retriever.start();
    let server_media = retriever.media();
    std::thread::sleep(Duration::from_millis(300));
    ear.forget();
    let said = voice.say(server_media, 1217.0, 50, Duration::from_millis(20));
    let heard = ear.listen(Duration::from_millis(200));
    let relayed = said
        .iter()
        .filter(|payload| heard.iter().any(|packet| packet.payload == **payload))
        .count();
    assert!(relayed >= 49, "{relayed} of {} packets reached the caller", said.len());
    assert!(sound::share(&samples(&heard), 1217.0) > 0.9, "no music is mixed in");
    retriever.finish();
    caller.finish(); // was hung up when the retriever hung up
    Sipp::new(&server, "1001", "uac_refused")
        .word("STATUS", "404")
        .dial("701")
        .run();
}

#[test]
fn a_call_that_stays_parked_comes_back_to_the_parker() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start_with(&Settings {
        recall_after: "9s",
        ..Settings::default()
    });
    let (caller, _ear) = park(&server, "700", Sipp::new(&server, "1001", "uac_hung_up"));
    let mut recalled = Sipp::new(&server, "1002", "uas_recall")
        .arg("-d", "500")
        .registered(&server)
        .start();
    assert_eq!(recalled.logged("display"), "Park 701: Reception 1001");
    recalled.finish();
    caller.finish();
    Sipp::new(&server, "1003", "uac_refused")
        .word("STATUS", "404")
        .dial("701")
        .run();
}

#[test]
fn a_recall_may_ring_somebody_else_and_the_caller_may_still_be_fetched() {
    if !installed("sipp") {
        return;
    }
    let settings = Settings {
        recall_after: "8s",
        recall_to: "1004",
        ..Settings::default()
    };
    let server = Server::start_with(&settings);
    let mut alternate = Sipp::new(&server, "1004", "uas_cancelled").registered(&server).start();
    let (caller, _ear) = park(&server, "700", Sipp::new(&server, "1001", "uac_hung_up"));
    // It rings; somebody dials the slot before it is answered, and it stops ringing.
    alternate.logged("audio");
    Sipp::new(&server, "1003", "uac_call")
        .dial("701")
        .arg("-d", "200")
        .run();
    alternate.finish();
    caller.finish();
}

#[test]
fn a_transfer_to_a_taken_slot_is_refused_and_the_call_stays() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let (first, _ear) = park(&server, "703", Sipp::new(&server, "1001", "uac_hung_up"));
    let refused = Sipp::new(&server, "1004", "uas_transfer_refused")
        .word("STATUS", "486")
        .key("refer_to", "703");
    let mut refused = refused.registered(&server).start();
    let mut voice = Media::new();
    let second = Sipp::new(&server, "1003", "uac_call")
        .dial("1004")
        .arg("-d", "3000")
        .audio(voice.port());
    let mut second = second.start();
    let server_media = second.media();
    assert_eq!(refused.logged("refused"), "yes");
    // The caller still reaches somebody: his packets are taken, he hears no music.
    voice.say(server_media, 500.0, 25, Duration::from_millis(20));
    assert_eq!(voice.listen(Duration::from_millis(200)), []);
    second.finish();
    refused.finish();
    // The one who was there first still is.
    Sipp::new(&server, "1003", "uac_call")
        .dial("703")
        .arg("-d", "200")
        .run();
    first.finish();
}

#[test]
fn a_transfer_to_nowhere_is_refused_and_the_call_stays() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let refused = Sipp::new(&server, "1002", "uas_transfer_refused")
        .word("STATUS", "404")
        .key("refer_to", "4711");
    let refused = refused.registered(&server).start();
    Sipp::new(&server, "1001", "uac_call")
        .dial("1002")
        .arg("-d", "1500")
        .run();
    refused.finish();
}

#[test]
fn a_caller_who_hangs_up_while_parked_frees_the_slot() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start_with(&Settings {
        slots: 1,
        ..Settings::default()
    });
    let (caller, _ear) = park(&server, "700", Sipp::new(&server, "1001", "uac_call").arg("-d", "8000"));
    caller.finish();
    Sipp::new(&server, "1003", "uac_refused")
        .word("STATUS", "404")
        .dial("701")
        .run();
    // There is one slot, and it can be taken again.
    let (caller, _ear) = park(&server, "700", Sipp::new(&server, "1001", "uac_hung_up"));
    Sipp::new(&server, "1003", "uac_call")
        .dial("701")
        .arg("-d", "200")
        .run();
    caller.finish();
}

#[test]
fn a_lamp_shows_a_slot_taken_and_free_again() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let mut watcher = Sipp::new(&server, "1005", "uac_watch").dial("701").start();
    assert_eq!(watcher.logged("seen0"), "terminated");
    let (caller, _ear) = park(&server, "700", Sipp::new(&server, "1001", "uac_hung_up"));
    assert_eq!(watcher.logged("seen1"), "confirmed");
    Sipp::new(&server, "1003", "uac_call")
        .dial("701")
        .arg("-d", "200")
        .run();
    assert_eq!(watcher.logged("seen2"), "terminated");
    caller.finish();
    watcher.finish();
}

#[test]
fn a_call_is_held_with_music_and_resumed() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let ear = Media::new();
    let called = Sipp::new(&server, "1002", "uas_answer")
        .audio(ear.port())
        .registered(&server)
        .start();
    let mut caller = Sipp::new(&server, "1001", "uac_hold").dial("1002").start();
    assert_eq!(caller.logged("held"), "yes");
    ear.forget();
    let second = Duration::from_secs(1);
    assert_music(&ear.listen(second), second);
    assert_eq!(caller.logged("resumed"), "yes");
    std::thread::sleep(Duration::from_millis(60));
    ear.forget();
    assert_eq!(
        ear.listen(Duration::from_millis(400)),
        [],
        "no music after the call was resumed"
    );
    caller.finish();
    called.finish();
}

#[test]
fn two_hundred_calls_at_fifty_a_second_all_succeed() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let called = Sipp::new(&server, "1002", "uas_answer")
        .arg("-m", "200")
        .registered(&server)
        .start();
    let caller = Sipp::new(&server, "1001", "uac_call")
        .dial("1002")
        .arg("-d", "500")
        .arg("-r", "50")
        .arg("-m", "200");
    caller.run();
    called.finish();
}
