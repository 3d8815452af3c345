//! One operation, so many times and nothing else: run it under callgrind twice with different counts, and the
//! difference is what the operation costs in instructions, whatever else the machine does.
//!
//! `sip-instructions parse|typed|validate|print|response|call COUNT`

use std::hint::black_box;
use std::process::ExitCode;

use sip_core::StatusCode;
use sip_instructions::calls::Calls;
use sip_instructions::{invite, ours};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let operation = arguments.next().unwrap_or_default();
    let Some(count) = arguments.next().and_then(|count| count.parse::<u32>().ok()) else {
        eprintln!("usage: sip-instructions parse|typed|validate|print|response|call COUNT");
        return ExitCode::FAILURE;
    };
    let datagram = invite::invite();
    let request = ours::parse(&datagram);
    let mut calls = Calls::new(0);
    let mut run: Box<dyn FnMut()> = match operation.as_str() {
        "parse" => Box::new(|| drop(black_box(ours::parse(&datagram)))),
        "typed" => Box::new(|| _ = black_box(ours::typed(&datagram))),
        "validate" => Box::new(|| drop(black_box(ours::validate(&datagram)))),
        "print" => Box::new(|| drop(black_box(ours::print(&request)))),
        "response" => Box::new(|| drop(black_box(ours::respond(&request, StatusCode::OK)))),
        "call" => Box::new(|| calls.call(true)),
        other => {
            eprintln!("no such operation: {other}");
            return ExitCode::FAILURE;
        }
    };
    (0..count).for_each(|_| run());
    ExitCode::SUCCESS
}
