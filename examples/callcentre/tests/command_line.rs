//! The program as somebody at a command line meets it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed; a test that is skipped says so"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn callcentre(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_callcentre"))
        .args(args)
        .output()
        .unwrap()
}

fn told(args: &[&str]) -> String {
    let output = callcentre(args);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn refused(args: &[&str]) -> String {
    let output = callcentre(args);
    assert!(!output.status.success(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn json(args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&told(args)).unwrap()
}

fn scenario(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(name)
        .display()
        .to_string()
}

const SIMPLE: [&str; 8] = [
    "--agents",
    "12",
    "--arrivals",
    "4.2/min",
    "--service",
    "exp:2min",
    "--for",
    "1d",
];

#[test]
fn the_same_seed_prints_the_same_and_another_one_does_not() {
    let with = |more: &[&str]| told(&[&SIMPLE[..], more].concat());
    assert_eq!(with(&["--seed", "7"]), with(&["--seed", "7"]));
    assert_ne!(with(&["--seed", "7", "--json"]), with(&["--seed", "8", "--json"]));
    assert!(with(&[]).contains("20 batches of one run"));
}

#[test]
fn threads_change_nothing_and_traces_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let desk = scenario("helpdesk.toml");
    let with = |more: &[&str]| told(&[&[desk.as_str(), "--replications", "3"][..], more].concat());
    let alone = with(&["--threads", "1"]);
    assert_eq!(alone, with(&["--threads", "3"]));
    assert!(alone.contains("from 3 replications"), "{alone}");
    assert_eq!(alone, with(&["--trace", &path("one")]));
    with(&["--trace", &path("two")]);
    let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("one") == read("two"), "the same seed, the same trace");
    assert!(read("one").contains(" connect 1 "));
}

#[test]
fn a_picture_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waits.svg");
    told(&[
        &scenario("helpdesk.toml"),
        "--replications",
        "3",
        "--svg",
        &path.display().to_string(),
    ]);
    let svg = std::fs::read_to_string(path).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>") && svg.contains("08:00"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn mistakes_tell_what_to_do() {
    let cases: [(&[&str], &str); 9] = [
        (&[], "--arrivals 4.2/min"),
        (&["--agents", "3"], "--arrivals 4.2/min"),
        (
            &["--agents", "3", "--arrivals", "5", "--service", "2min"],
            "expected a rate such as 4.2/min",
        ),
        (
            &["--agents", "3", "--arrivals", "5/h", "--service", "2"],
            "expected a distribution",
        ),
        (
            &["--agents", "x", "--arrivals", "5/h", "--service", "2min"],
            "expected a number, such as 12",
        ),
        (
            &[
                "--agents",
                "3",
                "--arrivals",
                "5/h",
                "--service",
                "2min",
                "--strategy",
                "best",
            ],
            "expected ring-all, longest-idle",
        ),
        (
            &[
                "--agents",
                "3",
                "--arrivals",
                "5/h",
                "--service",
                "2min",
                "--warm-up",
                "90d",
            ],
            "the length must be above that of the warm-up",
        ),
        (&["nowhere.toml"], "nowhere.toml"),
        (&["--from", "nowhere.csv"], "nowhere.csv"),
    ];
    for (args, expected) in cases {
        let error = refused(args);
        assert!(error.contains(expected), "{args:?}: {error}");
    }
    let error = refused(&[&scenario("helpdesk.toml"), "--agents", "5"]);
    assert!(
        error.contains("say of which group, as NAME=5; there are early, late, bilingual"),
        "{error}"
    );
}

const LOG: &str = "arrival,wait,service,outcome,agent,type\n\
    2024-05-06 09:00:00,0,60,answered,anna,sales\n\
    2024-05-06 09:00:10,50,30,answered,anna,sales\n\
    2024-05-06 09:00:20,15,0,abandoned,,sales\n\
    2024-05-06 09:00:30,0,0,abandoned,,sales\n\
    2024-05-07 09:00:00,soon,60,answered,ben,help\n\
    2024-05-07 09:00:05,0,60,eaten,ben,help\n\
    2024-05-07 09:00:07,0,60,answered,ben\n\
    7th of May,0,60,answered,ben,help\n\
    2024-05-07 10:00:00,0,60,answered,ben,help\n";

#[test]
fn bad_rows_are_told_by_file_line_and_column_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    std::fs::write(&path, LOG).unwrap();
    let log = path.display().to_string();
    let output = callcentre(&["--from", &log]);
    let error = String::from_utf8(output.stderr).unwrap();
    for expected in [
        "log.csv:6: column 2 (wait): \"soon\" is neither a number of seconds nor H:MM:SS",
        "log.csv:7: column 4 (outcome): \"eaten\" is none of answered, abandoned",
        "log.csv:8: column 5 (agent): the row has 5 fields, the header 6",
        "log.csv:9: column 1 (arrival): \"7th of May\" is no time",
        "4 of 9 rows are bad",
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("replayed: 4 of 9 rows, 2 days; 1 hung up without having waited, 0 ignored, 4 bad"),
        "{text}"
    );
    assert!(refused(&["--from", &log, "--strict"]).contains("log.csv:6: column 2 (wait)"));
    assert!(refused(&["--from", &log, "--day", "2024-01-01"]).contains("its days are 2024-05-06 to 2024-05-07"));

    // With the staff that was there, what happened happens again; with one more agent, nobody waits.
    let replay = |agents: &str| json(&["--from", &log, "--day", "2024-05-06", "--agents", agents, "--json"]);
    let again = replay("recorded");
    assert_eq!(again["contacts"]["answered"], 2);
    assert_eq!(again["contacts"]["abandoned"], 1);
    assert_eq!(again["contacts"]["speed_of_answer"]["value"], 25.0);
    let more = replay("+2");
    assert_eq!(
        (
            more["contacts"]["answered"].as_u64(),
            more["contacts"]["wait"]["value"].as_f64()
        ),
        (Some(3), Some(0.0))
    );
}

fn bank(month: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/anonymous-bank-1999")
        .join(month);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: the log of the bank is not there");
    None
}

/// A real month, with its real dirt. The recorded figures are those of an independent program.
#[test]
fn a_real_month_is_replayed() {
    let Some(path) = bank("january.txt") else { return };
    let (log, columns) = (path.display().to_string(), scenario("anonymous-bank-columns.toml"));
    let base = ["--from", &log, "--columns", &columns];
    let text = told(&[&base[..], &["--service-level", "answered"]].concat());
    assert!(text.contains("of 31599 rows") && text.contains("240 ignored"), "{text}");
    let recorded = text.lines().find(|line| line.starts_with("as recorded")).unwrap();
    let fields: Vec<&str> = recorded.split_whitespace().collect();
    assert_eq!(
        (fields[3], fields[5], fields[6]),
        ("27060", "60.61", "35.03"),
        "{recorded}"
    );

    // More agents never serve worse, with the same callers.
    let day = |agents: &str| json(&[&base[..], &["--day", "1999-01-05", "--agents", agents, "--json"]].concat());
    let level = |result: &serde_json::Value| result["contacts"]["service_level"]["value"].as_f64().unwrap();
    let (fewer, as_it_was, more) = (day("-1"), day("recorded"), day("+2"));
    assert!(
        level(&fewer) < level(&as_it_was) && level(&as_it_was) < level(&more),
        "{fewer} {as_it_was} {more}"
    );
    assert_eq!(more["contacts"]["offered"], fewer["contacts"]["offered"]);
}
