//! What `pbxd` costs, measured from outside: CPU and memory are what the kernel accounts to its process. SIPp plays the
//! phones; every INVITE is challenged and sent again with a digest, as those of real phones are, and a call is both of its
//! legs: caller–server and server–called.
//!
//! `cargo bench --bench pbxd` needs `sipp` (Debian: `sip-tester`). `PBXD` names another binary than the one of this project.

use std::path::Path;
use std::time::{Duration, Instant};

use bench_pbxd::rtp::{self, Stream};
use bench_pbxd::server::{self, Server};
use bench_pbxd::sipp::Calls;
use bench_pbxd::{Result, account, figure};

/// What the design has to stay under.
const TARGET_CPU_PER_CALL_MS: f64 = 0.5;
const TARGET_MEMORY_PER_CALL_KB: f64 = 30.0;
const TARGET_CPU_PER_PACKET_US: f64 = 8.0;

fn main() -> Result<()> {
    // `cargo test` and `cargo bench -- --test` only ask whether it can be started.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let program = server::build()?;
    // Whoever else works on this machine makes the figures worse: caches are cold at each turn.
    println!(
        "load average before: {}",
        std::fs::read_to_string("/proc/loadavg")?.trim()
    );
    let call = cpu_per_call(&program)?;
    let (rate, per_core) = calls_per_second(&program)?;
    let memory = memory_per_call(&program)?;
    let packet = cpu_per_packet(&program)?;
    println!();
    println!("| what `pbxd` needs                                            | measured        | target      |");
    println!("|---|---|---|");
    println!(
        "| CPU time a call, no media, 100 calls/s                       | {call:.3} ms        | ≤ {TARGET_CPU_PER_CALL_MS} ms    |"
    );
    println!("| calls a second, none failed, SIPp on the same machine        | {rate:.0} calls/s     |             |");
    println!(
        "| calls a second and core (from the CPU time at that rate)     | {per_core:.0} calls/s    |             |"
    );
    println!(
        "| memory an established call, 500 calls                        | {memory:.1} kB        | ≤ {TARGET_MEMORY_PER_CALL_KB} kB     |"
    );
    println!(
        "| CPU time a relayed RTP packet, 100 calls of G.711            | {packet:.2} µs        | ≤ {TARGET_CPU_PER_PACKET_US} µs      |"
    );
    println!();
    figure("pbxd_cpu_per_call", call, "ms");
    figure("pbxd_calls_sustained", rate, "calls/s");
    figure("pbxd_calls_per_core", per_core, "calls/s");
    figure("pbxd_memory_per_call", memory, "kB");
    figure("pbxd_cpu_per_rtp_packet", packet, "us");
    Ok(())
}

fn warmed_up(program: &Path) -> Result<Server> {
    let server = Server::start(program)?;
    Calls::start(&server, 50, 50, Duration::ZERO, None)?.finish()?;
    Ok(server)
}

/// INVITE, 401, INVITE, 180, 200, ACK, BYE, 200 on one side, and the same without the challenge on the other; in ms.
fn cpu_per_call(program: &Path) -> Result<f64> {
    let server = warmed_up(program)?;
    let (calls, rate) = (2000, 100);
    let before = account::cpu(server.id())?;
    let time = Calls::start(&server, calls, rate, Duration::ZERO, None)?.finish()?;
    let used = account::cpu(server.id())? - before;
    let each = used.as_secs_f64() * 1000.0 / calls as f64;
    println!(
        "{calls} calls at {rate}/s in {:.1} s: {:.0} ms CPU",
        time.as_secs_f64(),
        used.as_secs_f64() * 1000.0
    );
    Ok(each)
}

/// The highest rate at which no call failed and the rate was kept, and the calls a core could do at that cost.
fn calls_per_second(program: &Path) -> Result<(f64, f64)> {
    let seconds = 5;
    let mut best = (0.0, 0.0);
    for rate in [200, 400, 600, 800, 1000, 1300, 1600, 2000, 2500, 3000, 4000, 5000] {
        let server = warmed_up(program)?;
        let before = account::cpu(server.id())?;
        let outcome = Calls::start(&server, rate * seconds, rate, Duration::ZERO, None)?.finish();
        let used = account::cpu(server.id())? - before;
        let calls = (rate * seconds) as f64;
        match outcome {
            Ok(time) if time.as_secs_f64() < seconds as f64 * 1.1 + 0.5 => {
                let per_core = calls / used.as_secs_f64();
                println!(
                    "{rate} calls/s: none failed, {:.0} % of a core",
                    used.as_secs_f64() * 100.0 / time.as_secs_f64()
                );
                best = (rate as f64, per_core);
            }
            Ok(time) => {
                println!(
                    "{rate} calls/s: none failed, but it took {:.1} s for {seconds} s of calls",
                    time.as_secs_f64()
                );
                break;
            }
            Err(error) => {
                println!(
                    "{rate} calls/s: {}",
                    error.to_string().lines().next().unwrap_or_default()
                );
                break;
            }
        }
    }
    Ok(best)
}

/// What 500 calls at once add to the memory in RAM; in kB.
fn memory_per_call(program: &Path) -> Result<f64> {
    let server = warmed_up(program)?;
    let calls = 500;
    let before = account::memory(server.id())?;
    let running = Calls::start(&server, calls, 100, Duration::from_secs(12), None)?;
    // Half a second after the last one was set up, and before the first one ends.
    std::thread::sleep(Duration::from_millis(5500));
    let with_calls = account::memory(server.id())?;
    running.finish()?;
    println!(
        "memory: {before} kB before, {with_calls} kB with {calls} calls, {} kB after",
        account::memory(server.id())?
    );
    Ok((with_calls.saturating_sub(before)) as f64 / calls as f64)
}

/// CPU time a packet for 100 calls, each relayed both ways; in µs.
fn cpu_per_packet(program: &Path) -> Result<f64> {
    let server = warmed_up(program)?;
    let calls = 100;
    let (caller, called) = (rtp::sockets(calls)?, rtp::sockets(calls)?);
    let ports = (rtp::ports(&caller)?, rtp::ports(&called)?);
    let running = Calls::start(&server, calls, 50, Duration::from_secs(25), Some((&ports.0, &ports.1)))?;
    let end = Instant::now() + Duration::from_secs(10);
    let legs = loop {
        let legs = [running.caller.legs(), running.called.legs()].concat();
        if legs.len() == 2 * calls {
            break legs;
        }
        if Instant::now() > end {
            return Err(format!("{} of {} legs are up", legs.len(), 2 * calls).into());
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let mut streams: Vec<Stream> = caller
        .into_iter()
        .chain(called)
        .zip(ports.0.iter().chain(&ports.1))
        .filter_map(|(socket, port)| {
            let server = legs.iter().find(|(own, _)| own == port)?.1;
            Some(Stream::new(socket, server))
        })
        .collect();
    rtp::talk(&mut streams, Duration::from_secs(2))?; // latched and warm
    let before = account::cpu(server.id())?;
    let (said, heard) = rtp::talk(&mut streams, Duration::from_secs(10))?;
    let used = account::cpu(server.id())? - before;
    println!(
        "{} streams: {said} packets said, {heard} heard, {:.0} ms CPU",
        streams.len(),
        used.as_secs_f64() * 1000.0
    );
    if heard * 1000 < said * 999 {
        return Err(format!("{} of {said} packets were lost", said - heard).into());
    }
    running.finish()?;
    Ok(used.as_secs_f64() * 1e6 / heard as f64)
}
