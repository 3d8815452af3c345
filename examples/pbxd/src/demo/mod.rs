//! The demo: a server on free ports of the loopback interface, three phones on real sockets, and a story that they play.
//!
//! It takes about twenty seconds and succeeds only if every line of the story came true: what is heard is compared,
//! sample by sample, with what was said, played or announced.

mod audio;
mod device;
mod stage;
mod story;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use sim::PhoneConfig;
use sip_core::Transport;

use audio::Voice;
use device::Device;
pub(crate) use stage::Failed;
use stage::{Stage, Who};

use crate::config::{self, Settings};
use crate::server::Server;

/// Plays the story against a server of its own.
pub(crate) fn run() -> Result<(), Failed> {
    let passwords = [config::password()?, config::password()?, config::password()?];
    let settings = settings(&passwords)?;
    let address = settings
        .switch
        .listen
        .first()
        .map_or(SocketAddr::from(([0; 4], 0)), |(_, address)| *address);
    let server = Server::bind(settings, None)?;
    let stop = server.stop_handle();
    let mut stage = Stage::new();
    stage.tell(&format!("pbxd listens on {address}, UDP and TCP"));
    let running = std::thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || server.run())?;
    let played = (|| {
        let [reception, sales, support] = phones(&mut stage, address, &passwords)?;
        story::play(&mut stage, reception, sales, support)
    })();
    stop.stop();
    running.join().map_err(|_| Failed::Panicked)??;
    played?;
    stage.tell("pbxd has stopped. All of it happened.");
    Ok(())
}

/// A configuration like anybody's, with a short time before the recall.
fn settings(passwords: &[String; 3]) -> Result<Settings, Failed> {
    let [reception, sales, support] = passwords;
    let (sip, media) = (free_port()?, free_media_ports()?);
    let text = format!(
        r#"
domain = "demo.pbx.test"
[sip]
udp = ["127.0.0.1:{sip}"]
tcp = ["127.0.0.1:{sip}"]
[media]
address = "127.0.0.1"
ports = "{media}-{last}"
[[extension]]
number = "1001"
name = "Reception"
password = "{reception}"
[[extension]]
number = "1002"
name = "Sales"
password = "{sales}"
[[extension]]
number = "1003"
name = "Support"
password = "{support}"
[[lot]]
number = "700"
slots = "701-720"
retrieve = "*88"
recall_after = "6s"
"#,
        last = media + MEDIA_PORTS - 1
    );
    Ok(config::parse("(demo)", text, std::path::Path::new(""))?)
}

const MEDIA_PORTS: u16 = 40;

/// A port that is free for UDP and TCP.
fn free_port() -> Result<u16, Failed> {
    for _ in 0..100 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = udp.local_addr()?.port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Failed::Missed("a port is free for UDP and TCP".to_owned()))
}

/// The first of [`MEDIA_PORTS`] free ones.
fn free_media_ports() -> Result<u16, Failed> {
    let is_free = |port: &u16| UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let found = (20_000..60_000)
        .step_by(usize::from(MEDIA_PORTS))
        .find(|first| (*first..first + MEDIA_PORTS).all(|port| is_free(&port)));
    found.ok_or_else(|| Failed::Missed("ports are free for media".to_owned()))
}

/// Three phones, each with an address of its own: two speak UDP, one TCP; two prefer A-law, one knows only µ-law.
fn phones(stage: &mut Stage, server: SocketAddr, passwords: &[String; 3]) -> Result<[Who; 3], Failed> {
    let mut phones = [Who(0); 3];
    let numbers = ["1001", "1002", "1003"];
    for (index, ((who, number), password)) in phones.iter_mut().zip(numbers).zip(passwords).enumerate() {
        let n = u8::try_from(index).unwrap_or_default();
        let mut config = PhoneConfig::new(IpAddr::V4(Ipv4Addr::new(127, 0, 70, n + 1)), number);
        config.domain = "demo.pbx.test".to_owned();
        config.password.clone_from(password);
        config.proxy = Some(server);
        config.audio_interval = Duration::from_millis(20);
        if index == 2 {
            config.transport = Transport::Tcp;
            config.codecs = vec![(0, sdp::Codec::PCMU)];
        }
        let mut seed = [n; 32];
        getrandom::fill(&mut seed)?;
        *who = stage.add(Device::new(config, Voice(u32::from(n) + 1), seed)?);
    }
    Ok(phones)
}
