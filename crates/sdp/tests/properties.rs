//! Properties: reading and printing, and two negotiations against a naive model of RFC 3264.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed test is a panic"
)]

use proptest::prelude::*;
use sdp::{Codec, Direction, Negotiation, NegotiationConfig, Session, fuzz};

/// Lines much like those of phones, right and wrong.
fn line() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        Just("v=0"),
        Just("o=- 1 2 IN IP4 192.0.2.1"),
        Just("s=call"),
        Just("t=0 0"),
        Just("c=IN IP4 192.0.2.1"),
        Just("c=IN IP4 0.0.0.0"),
        Just("c=IN IP6 ::1"),
        Just("c=IN IP4 host.example"),
        Just("m=audio 4000 RTP/AVP 0 8 101"),
        Just("m=audio 0 RTP/AVP 0"),
        Just("m=audio 4000 RTP/SAVP 0"),
        Just("m=audio 4000 RTP/AVP 97 98"),
        Just("m=audio 4000 RTP/AVP"),
        Just("m=video 5000 RTP/AVP 31"),
        Just("m=image 5000 udptl t38"),
        Just("a=rtpmap:97 PCMA/8000"),
        Just("a=rtpmap:98 telephone-event/8000"),
        Just("a=rtpmap:101 telephone-event/8000"),
        Just("a=fmtp:101 0-15"),
        Just("a=ptime:0"),
        Just("a=ptime:30"),
        Just("a=sendonly"),
        Just("a=recvonly"),
        Just("a=inactive"),
        Just("a=rtcp:1"),
        Just("b=AS:64"),
        Just("i=x"),
        Just("k=clear:1"),
        Just(" "),
        Just("junk"),
    ];
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => "[a-z]=[ -~\u{80}-\u{20ff}\t]{0,40}"]
}

fn description() -> impl Strategy<Value = Vec<u8>> {
    let end = prop_oneof![Just("\r\n"), Just("\n"), Just(" \r\n"), Just("\r")];
    let body = prop::collection::vec((line(), end), 0..24).prop_map(|lines| {
        let text: String = lines
            .into_iter()
            .flat_map(|(line, end)| [line, end.to_owned()])
            .collect();
        format!("v=0\r\n{text}").into_bytes()
    });
    let mutations = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (body, mutations).prop_map(|(mut body, mutations)| {
        for (index, byte) in mutations {
            let index = index.index(body.len());
            body[index] = byte;
        }
        body
    })
}

proptest! {
    #[test]
    fn reading_and_printing_reach_a_fixpoint(text in description()) {
        fuzz::sdp_session(&text);
    }

    #[test]
    fn arbitrary_bytes_are_no_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::sdp_session(&text);
        fuzz::sdp_offer_answer(&text);
    }

    /// What was printed strictly is read without any loss.
    #[test]
    fn a_canonical_description_reads_as_itself(text in description()) {
        if let Ok(session) = Session::parse(&text)
            && let Ok(canonical) = Session::parse(session.to_string().as_bytes())
        {
            prop_assert_eq!(Session::parse(canonical.to_string().as_bytes()), Ok(canonical));
        }
    }

    #[test]
    fn hostile_offers_and_answers(offer in description(), answer in description()) {
        fuzz::sdp_offer_answer(&[offer, vec![0xff], answer].concat());
    }

    #[test]
    fn error_offsets_lie_within_the_text(text in description()) {
        if let Err(error) = Session::parse(&text) {
            prop_assert!(error.offset <= text.len());
        }
    }
}

/// The codecs that a side knows, by payload type; 96 and above are numbered by chance.
fn codecs() -> impl Strategy<Value = Vec<(u8, Codec)>> {
    let all = vec![
        (0, Codec::PCMU),
        (8, Codec::PCMA),
        (9, Codec::G722),
        (0, Codec::audio("L16", 16_000)),
        (
            0,
            Codec {
                channels: 2,
                ..Codec::audio("opus", 48_000)
            },
        ),
    ];
    let numbers = Just((96..=104).collect::<Vec<u8>>()).prop_shuffle();
    (prop::sample::subsequence(all, 1..=5).prop_shuffle(), numbers).prop_map(|(mut codecs, numbers)| {
        for ((payload, codec), number) in codecs.iter_mut().zip(numbers) {
            if codec.name == "L16" || codec.name == "opus" {
                *payload = number;
            }
        }
        codecs
    })
}

fn side(last: u8) -> impl Strategy<Value = Negotiation> {
    (codecs(), prop::option::of(105_u8..110)).prop_map(move |(codecs, telephone_event)| {
        let mut config = NegotiationConfig::new([192, 0, 2, last].into(), 4000, u64::from(last));
        config.codecs = codecs;
        config.telephone_event = telephone_event;
        Negotiation::new(config)
    })
}

#[derive(Clone, Debug)]
enum Step {
    /// The second side offers instead of the first.
    Exchange {
        second_offers: bool,
        wanted: Direction,
    },
    Refused {
        second_offers: bool,
    },
    Prefer {
        second: bool,
        codecs: Vec<Codec>,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let direction = prop::sample::select(Direction::ALL.to_vec());
    prop_oneof![
        4 => (any::<bool>(), direction).prop_map(|(second_offers, wanted)| Step::Exchange { second_offers, wanted }),
        1 => any::<bool>().prop_map(|second_offers| Step::Refused { second_offers }),
        1 => (any::<bool>(), codecs()).prop_map(|(second, codecs)| Step::Prefer {
            second,
            codecs: codecs.into_iter().map(|(_, codec)| codec).collect(),
        }),
    ]
}

fn version(body: &[u8]) -> u64 {
    Session::parse(body).unwrap().origin.version
}

/// One exchange, checked against what RFC 3264 says in so many words.
fn exchange(offerer: &mut Negotiation, answerer: &mut Negotiation) -> Result<(), TestCaseError> {
    let (before_offerer, before_answerer) = (offerer.agreed().cloned(), answerer.agreed().cloned());
    let offer = offerer.offer().unwrap();
    let offered = Session::parse(&offer).unwrap();
    let Ok(answer) = answerer.receive_offer(&offer) else {
        offerer.cancel_offer();
        prop_assert_eq!(offerer.agreed(), before_offerer.as_ref());
        prop_assert_eq!(answerer.agreed(), before_answerer.as_ref());
        return Ok(());
    };
    offerer.receive_answer(&answer).unwrap();
    let answered = Session::parse(&answer).unwrap();
    prop_assert_eq!(offered.media.len(), answered.media.len());
    let formats: Vec<&String> = answered.media[0].formats.iter().collect();
    prop_assert!(
        formats.iter().all(|format| offered.media[0].formats.contains(format)),
        "an answer invents no format"
    );

    let (a, b) = (offerer.agreed().unwrap(), answerer.agreed().unwrap());
    prop_assert!(a.codec.same_as(&b.codec));
    prop_assert_eq!((a.send_payload, a.dtmf_send), (b.receive_payload, b.dtmf_receive));
    prop_assert_eq!((b.send_payload, b.dtmf_send), (a.receive_payload, a.dtmf_receive));
    prop_assert_eq!(a.direction, b.direction.reversed());
    let (x, y) = (offerer.wanted(), answerer.wanted());
    prop_assert_eq!(a.direction.sends(), x.sends() && y.receives());
    prop_assert_eq!(a.direction.receives(), x.receives() && y.sends());
    prop_assert_eq!(b.held, !x.receives());
    prop_assert_eq!(
        a.remote.unwrap().ip(),
        answered.connection.unwrap().address.ip().unwrap()
    );
    Ok(())
}

proptest! {
    #[test]
    fn two_sides_always_agree_on_the_same(
        mut first in side(1),
        mut second in side(2),
        steps in prop::collection::vec(step(), 1..12),
    ) {
        for step in steps {
            match step {
                Step::Exchange { second_offers: false, wanted } => {
                    first.set_direction(wanted);
                    exchange(&mut first, &mut second)?;
                }
                Step::Exchange { second_offers: true, wanted } => {
                    second.set_direction(wanted);
                    exchange(&mut second, &mut first)?;
                }
                Step::Refused { second_offers } => {
                    let side = if second_offers { &mut second } else { &mut first };
                    let before = side.agreed().cloned();
                    let version_offered = version(&side.offer().unwrap());
                    side.cancel_offer();
                    prop_assert_eq!(side.agreed(), before.as_ref());
                    prop_assert_eq!(version(&side.offer().unwrap()), version_offered, "the same offer, the same version");
                    side.cancel_offer();
                }
                Step::Prefer { second: false, codecs } => first.set_preference(&codecs),
                Step::Prefer { second: true, codecs } => second.set_preference(&codecs),
            }
        }
    }

    /// The codec is the first that both know: in the answerer's preference, otherwise in the offerer's order.
    #[test]
    fn the_codec_is_the_first_common_one(mut first in side(1), mut second in side(2), preference in codecs()) {
        let offer = first.offer().unwrap();
        let offered = Session::parse(&offer).unwrap();
        let offered: Vec<Codec> = offered.media[0].payload_types().filter_map(|p| offered.media[0].codec(p)).collect();
        let preference: Vec<Codec> = preference.into_iter().map(|(_, codec)| codec).collect();
        let mine = Session::parse(&second.clone().offer().unwrap()).unwrap();
        let mine: Vec<Codec> = mine.media[0].payload_types().filter_map(|p| mine.media[0].codec(p)).collect();
        let known = |codec: &&Codec| {
            codec.name != "telephone-event"
                && mine.iter().any(|own| own.same_as(codec))
                && offered.iter().any(|theirs| theirs.same_as(codec))
        };
        let expected = preference.iter().find(known).or_else(|| offered.iter().find(known)).cloned();
        second.set_preference(&preference);
        let answered = second.receive_offer(&offer);
        prop_assert_eq!(answered.is_ok(), expected.is_some());
        if let Some(expected) = expected {
            prop_assert!(second.agreed().unwrap().codec.same_as(&expected));
        }
    }
}
