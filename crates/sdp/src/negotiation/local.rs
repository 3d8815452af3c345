//! What we write.

use crate::codec::Codec;
use crate::direction::Direction;
use crate::session::{Address, Attribute, Connection, Media, MediaKind, Origin, Session};

use super::{NegotiationConfig, clamp_ptime};

/// One `m=` line of the session, in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Line {
    pub(super) slot: Slot,
    kind: MediaKind,
    protocol: String,
    /// Kept for refused lines, which repeat what was offered (RFC 3264 §6).
    formats: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Slot {
    Audio,
    Refused,
}

impl Line {
    pub(super) fn audio() -> Self {
        Self {
            slot: Slot::Audio,
            kind: MediaKind::Audio,
            protocol: "RTP/AVP".to_owned(),
            formats: Vec::new(),
        }
    }
}

/// The lines of an offer with one of them taken for audio.
pub(super) fn answer_lines(offer: &Session, audio: usize) -> Vec<Line> {
    let line = |(index, media): (usize, &Media)| Line {
        slot: if index == audio { Slot::Audio } else { Slot::Refused },
        kind: media.kind.clone(),
        protocol: media.protocol.clone(),
        formats: if index == audio {
            Vec::new()
        } else {
            media.formats.clone()
        },
    };
    offer.media.iter().enumerate().map(line).collect()
}

/// The audio line's content.
pub(super) struct Audio<'a> {
    pub(super) config: &'a NegotiationConfig,
    pub(super) codecs: &'a [(u8, Codec)],
    /// Payload type and clock rate.
    pub(super) telephone_event: Option<(u8, u32)>,
    pub(super) direction: Direction,
    /// Whether a port is given; an answer to port 0 has port 0.
    pub(super) open: bool,
    /// Whether RTCP may come in on the same port.
    pub(super) rtcp_mux: bool,
}

/// Our order of an offer: preferred codecs, the one in use, the rest.
pub(super) fn offer_order(codecs: &[(u8, Codec)], preference: &[Codec], in_use: Option<&Codec>) -> Vec<(u8, Codec)> {
    let mut order = codecs.to_vec();
    let rank = |codec: &Codec| {
        let preferred = preference.iter().position(|preferred| preferred.same_as(codec));
        let used = in_use.is_some_and(|used| used.same_as(codec));
        preferred.unwrap_or(if used { preference.len() } else { preference.len() + 1 })
    };
    order.sort_by_key(|(_, codec)| rank(codec));
    order
}

/// A whole description; the version is filled in when it is sent.
pub(super) fn session(lines: &[Line], audio: &Audio<'_>) -> Session {
    let address = Address::Ip(audio.config.address);
    let media = lines.iter().map(|line| match line.slot {
        Slot::Audio => audio.media(&line.protocol),
        Slot::Refused => Media {
            formats: line.formats.clone(),
            ..Media::new(line.kind.clone(), 0, &line.protocol)
        },
    });
    Session {
        origin: Origin {
            session_id: audio.config.session_id & (u64::MAX >> 1),
            address: address.clone(),
            ..Origin::default()
        },
        connection: Some(Connection { address }),
        media: media.collect(),
        ..Session::default()
    }
}

impl Audio<'_> {
    fn media(&self, protocol: &str) -> Media {
        let mut media = Media::new(MediaKind::Audio, if self.open { self.config.port } else { 0 }, protocol);
        for (payload, codec) in self.codecs {
            media.formats.push(payload.to_string());
            let channels = if codec.channels > 1 {
                format!("/{}", codec.channels)
            } else {
                String::new()
            };
            let map = format!("{payload} {}/{}{channels}", codec.name, codec.clock_rate);
            media.attributes.push(Attribute::new("rtpmap", map));
            if let Some(fmtp) = &codec.fmtp {
                media
                    .attributes
                    .push(Attribute::new("fmtp", format!("{payload} {fmtp}")));
            }
        }
        if let Some((payload, rate)) = self.telephone_event {
            media.formats.push(payload.to_string());
            media
                .attributes
                .push(Attribute::new("rtpmap", format!("{payload} telephone-event/{rate}")));
            media.attributes.push(Attribute::new("fmtp", format!("{payload} 0-15")));
        }
        media
            .attributes
            .push(Attribute::new("ptime", clamp_ptime(self.config.ptime_ms).to_string()));
        media.attributes.push(Attribute::flag(self.direction.as_str()));
        if self.rtcp_mux {
            media.attributes.push(Attribute::flag("rtcp-mux"));
        }
        media
    }
}
