//! Queues of a running `pbxd`, with SIPp as callers and agents: how long it takes to serve them all, how soon a freed agent's phone is
//! rung again, whether anybody is overtaken, what a call costs, and whether the books are right when callers hang up at once.
//!
//! `cargo bench --bench queue` needs `sipp` (Debian: `sip-tester`). `PBXD` names another binary than the one of this project.

use std::path::Path;
use std::time::Duration;

use bench_pbxd::books::Books;
use bench_pbxd::server::{self, Centre, Server};
use bench_pbxd::sipp::{Plan, Sipp};
use bench_pbxd::trace::{Gaps, gaps};
use bench_pbxd::{Result, account, figure};

const AGENTS: usize = 100;

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let program = server::build()?;
    println!(
        "load average before: {}",
        std::fs::read_to_string("/proc/loadavg")?.trim()
    );
    rush(&program)?;
    long_line(&program)?;
    hang_ups(&program, true)?;
    hang_ups(&program, false)?;
    Ok(())
}

/// 100 agents who talk for 2 s, 1600 calls at 80 a second: 32 s if nobody ever waits for anything.
fn rush(program: &Path) -> Result<()> {
    let calls = 1600;
    let server = Server::start_centre(
        program,
        &Centre {
            agents: AGENTS,
            answers: true,
            music: false,
        },
    )?;
    let agents = Agents::start(&server, AGENTS, calls, "uas_agent", 2000)?;
    let before = account::cpu(server.id())?;
    let time = callers(&server, "uac_hung_up", calls, 80)?.finish()?;
    let used = account::cpu(server.id())? - before;
    let gaps = agents.finish()?;
    let books = Books::read(&server)?;
    books.check(calls)?;
    let each = used.as_secs_f64() * 1000.0 / calls as f64;
    println!(
        "{calls} calls, {AGENTS} agents: {:.2} s (ideal 32 s), {} overtaken, {each:.2} ms CPU a call; agent idle → INVITE: {}",
        time.as_secs_f64(),
        books.overtaken(),
        gaps
    );
    figure("queue_all_served", time.as_secs_f64(), "s");
    figure("queue_overtaken", books.overtaken() as f64, "calls");
    figure("queue_idle_to_invite_p99", gaps.p99_ms(), "ms");
    figure("queue_cpu_per_call", each, "ms");
    Ok(())
}

/// 1000 callers wait for one agent.
fn long_line(program: &Path) -> Result<()> {
    let calls = 1000;
    let server = Server::start_centre(
        program,
        &Centre {
            agents: 1,
            answers: true,
            music: false,
        },
    )?;
    let waiting = callers(&server, "uac_hung_up", calls, 200)?;
    std::thread::sleep(Duration::from_secs(7));
    let memory = account::memory(server.id())?;
    let served = 150;
    let agents = Agents::start(&server, 1, served, "uas_agent", 50)?;
    let gaps = agents.finish()?;
    println!(
        "{calls} waiting, one agent: agent idle → INVITE: {gaps}; {:.1} MB",
        memory as f64 / 1024.0
    );
    figure("queue_1000_idle_to_invite_p99", gaps.p99_ms(), "ms");
    figure("queue_1000_memory", memory as f64 / 1024.0, "MB");
    drop(waiting);
    Ok(())
}

/// 2000 callers hang up 1 to 15 ms after they were answered: by the agent, where the queue only rings, or by the queue.
fn hang_ups(program: &Path, answers: bool) -> Result<()> {
    let calls = 2000;
    let server = Server::start_centre(
        program,
        &Centre {
            agents: AGENTS,
            answers,
            music: false,
        },
    )?;
    let agents = Agents::start(&server, AGENTS, calls, "uas_hasty", 0)?;
    let time = callers(&server, "uac_hasty", calls, 100)?.finish()?;
    std::thread::sleep(Duration::from_millis(500));
    let books = Books::read(&server)?;
    drop(agents);
    books.check(calls)?;
    println!(
        "{calls} hang-ups 1–15 ms after the answer ({}) in {:.1} s: {} booked as handled, {} as abandoned",
        if answers { "of the queue" } else { "of the agent" },
        time.as_secs_f64(),
        books.handled(),
        books.abandoned()
    );
    // Whoever was answered by an agent was handled by him.
    let wrong = if answers { 0 } else { calls - books.handled() };
    figure(
        if answers {
            "queue_hang_ups_misbooked"
        } else {
            "queue_agent_hang_ups_misbooked"
        },
        wrong as f64,
        "calls",
    );
    if wrong > 0 {
        return Err(format!("{wrong} of {calls} calls are booked wrongly").into());
    }
    Ok(())
}

/// The agents' phones: one SIPp that plays them all.
struct Agents(Sipp);

impl Agents {
    /// Registers the agents and lets each answer, and hang up after so many milliseconds.
    fn start(server: &Server, agents: usize, calls: usize, scenario: &str, talk: u64) -> Result<Self> {
        let port = server::free_port()?;
        for number in server::agents(agents) {
            Sipp::register(server, &number, port)?;
        }
        let more = [
            "-d".to_owned(),
            talk.to_string(),
            "-trace_msg".to_owned(),
            "-message_file".to_owned(),
        ];
        let mut more = more.to_vec();
        more.push(server.folder.join("agents.messages").display().to_string());
        let plan = Plan {
            scenario,
            number: "2001",
            port,
            calls,
            more: &more,
            audio: None,
        };
        let sipp = Sipp::start(server, &plan)?;
        std::thread::sleep(Duration::from_millis(300));
        Ok(Self(sipp))
    }

    /// Waits until all calls are over; how soon each was rung again.
    fn finish(self) -> Result<Gaps> {
        let trace = self.0.folder().join("agents.messages");
        self.0.finish()?;
        gaps(&trace)
    }
}

fn callers(server: &Server, scenario: &str, calls: usize, rate: usize) -> Result<Sipp> {
    let uri = format!("600@{}", server.sip);
    let more: Vec<String> = [
        "-s",
        "600",
        "-auth_uri",
        &uri,
        "-r",
        &rate.to_string(),
        "-l",
        &calls.to_string(),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    let port = server::free_port()?;
    Sipp::start(
        server,
        &Plan {
            scenario,
            number: "1001",
            port,
            calls,
            more: &more,
            audio: None,
        },
    )
}
