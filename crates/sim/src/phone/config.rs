use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sdp::Codec;
use sip_core::{StatusCode, Transport};

/// What a [`Phone`](crate::Phone) is set to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PhoneConfig {
    /// The phone's address; all its ports are its own.
    pub ip: IpAddr,
    /// The number under which it registers and calls.
    pub number: String,
    /// The name that it shows to others.
    pub name: String,
    /// Password for registering and calling. Default: the number.
    pub password: String,
    /// SIP domain of the registrar; addresses are `sip:number@domain`. Default `pbx.test`.
    pub domain: String,
    /// Where everything is sent; `None` to call [URIs](crate::Phone::call) of other phones directly.
    pub proxy: Option<SocketAddr>,
    /// How SIP goes there. Default UDP.
    pub transport: Transport,
    /// For how long it asks to be registered; it refreshes at half of what it is given. Default 1 hour.
    pub expires: Duration,
    /// What it does when it is called.
    pub answer: Answer,
    /// Whether it says that it rings (180). Default true.
    pub rings: bool,
    /// The codecs, in order of preference.
    pub codecs: Vec<(u8, Codec)>,
    /// Whether it calls without an offer, which then comes with the answer. Default false.
    pub late_offer: bool,
    /// How often it sends a packet of audio. Sparse, so that hours of talk cost little. Default 5 s.
    pub audio_interval: Duration,
    /// The byte of which all its audio consists, so that others can tell whom they hear. Default 0xd5, silence in A-law.
    pub voice: u8,
    /// Whether it does as told when it is sent a REFER. Default true.
    pub accepts_refer: bool,
}

/// What a phone does when it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It rings until told what to do.
    Manually,
    /// It answers by itself after this time.
    After(Duration),
    /// It refuses at once.
    Reject(StatusCode),
}

impl PhoneConfig {
    /// A phone that rings until it is told to answer.
    #[must_use]
    pub fn new(ip: IpAddr, number: &str) -> Self {
        Self {
            ip,
            number: number.to_owned(),
            name: format!("Phone {number}"),
            password: number.to_owned(),
            domain: "pbx.test".to_owned(),
            proxy: None,
            transport: Transport::Udp,
            expires: Duration::from_secs(3600),
            answer: Answer::Manually,
            rings: true,
            codecs: vec![(8, Codec::PCMA), (0, Codec::PCMU)],
            late_offer: false,
            audio_interval: Duration::from_secs(5),
            voice: 0xd5,
            accepts_refer: true,
        }
    }

    /// The phone's SIP address.
    #[must_use]
    pub fn sip_address(&self) -> SocketAddr {
        SocketAddr::new(self.ip, 5060)
    }
}
