//! One operation, so many times and nothing else: run it under callgrind twice with different counts, and the
//! difference is what the operation costs in instructions, whatever else the machine does.
//!
//! `sip-instructions parse|typed|owned|validate|print|response|call|guarded_call|held|proxied COUNT`

use std::hint::black_box;
use std::process::ExitCode;

use sip_core::StatusCode;
use sip_instructions::calls::Calls;
use sip_instructions::proxied::Proxied;
use sip_instructions::{invite, ours};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let operation = arguments.next().unwrap_or_default();
    let Some(count) = arguments.next().and_then(|count| count.parse::<u32>().ok()) else {
        eprintln!(
            "usage: sip-instructions parse|typed|owned|validate|print|response|call|guarded_call|held|proxied COUNT"
        );
        return ExitCode::FAILURE;
    };
    let datagram = invite::invite();
    let request = ours::parse(&datagram);
    let mut calls = if operation == "guarded_call" {
        Calls::guarded(0)
    } else {
        Calls::new(0)
    };
    if operation.ends_with("call") {
        // Until as many are answered as begin.
        (0..500).for_each(|_| calls.call(true));
    }
    let mut proxied = Proxied::default();
    let mut run: Box<dyn FnMut()> = match operation.as_str() {
        "parse" => Box::new(|| drop(black_box(ours::parse(&datagram)))),
        "typed" => Box::new(|| _ = black_box(ours::typed(&datagram))),
        "owned" => Box::new(|| _ = black_box(ours::owned(&datagram))),
        "validate" => Box::new(|| drop(black_box(ours::validate(&datagram)))),
        "print" => Box::new(|| drop(black_box(ours::print(&request)))),
        "response" => Box::new(|| drop(black_box(ours::respond(&request, StatusCode::OK)))),
        "call" | "guarded_call" => Box::new(|| calls.call(true)),
        // For who looks at the memory of the process: none of them ends.
        "held" => Box::new(|| calls.call(false)),
        "proxied" => Box::new(|| proxied.call()),
        other => {
            eprintln!("no such operation: {other}");
            return ExitCode::FAILURE;
        }
    };
    (0..count).for_each(|_| run());
    ExitCode::SUCCESS
}
