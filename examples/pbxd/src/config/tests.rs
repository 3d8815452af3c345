//! Wrong files, each with the complaint that its author gets to read.

use std::path::Path;

use super::*;

/// A small file that is right. Line numbers in the tests below count from its first line.
const RIGHT: &str = r#"domain = "pbx.test"
[sip]
udp = ["127.0.0.1:5060"]
tcp = ["127.0.0.1:5060"]
t1 = "400ms"
[media]
address = "127.0.0.1"
ports = "20000-21999"
rtp_timeout = "30s"
[[extension]]
number = "1001"
name = "Reception"
password = "tulip-7"
[[extension]]
number = "1002"
password = "rose-8"
[[lot]]
number = "700"
slots = "701-720"
choice = "next"
recall_after = "20s"
recall_to = "parker"
recall_then = "1002"
retrieve = "*88"
music = "default"
"#;

fn read(text: &str) -> Result<Settings, String> {
    parse("pbx.toml", text.to_owned(), Path::new("")).map_err(|error| error.to_string())
}

/// The complaint about the right file with one line changed.
fn complaint(was: &str, is: &str) -> String {
    assert_eq!(RIGHT.matches(was).count(), 1, "{was} is not there once");
    read(&RIGHT.replace(was, is))
        .map(|_| format!("{is} was taken"))
        .unwrap_or_else(|error| error)
}

#[test]
fn what_the_file_says_is_what_the_switch_gets() {
    let settings = read(RIGHT).unwrap();
    let config = settings.switch;
    assert_eq!(config.domain, "pbx.test");
    let address = "127.0.0.1:5060".parse().unwrap();
    assert_eq!(config.listen, [(Transport::Udp, address), (Transport::Tcp, address)]);
    assert_eq!(config.t1, Duration::from_millis(400));
    assert_eq!(config.media_ports, 20000..=21999);
    assert_eq!(config.rtp_timeout, Some(Duration::from_secs(30)));
    let names: Vec<_> = config
        .extensions
        .iter()
        .map(|e| (e.number.as_str(), e.name.as_str()))
        .collect();
    assert_eq!(names, [("1001", "Reception"), ("1002", "1002")]);
    let lot = config.lots.first().unwrap();
    assert_eq!(
        (lot.number.as_str(), lot.slots.clone(), lot.choice),
        ("700", 701..=720, park::Choice::Next)
    );
    assert_eq!(lot.recall_after, Duration::from_secs(20));
    let then = switch::RecallTarget::Number("1002".to_owned());
    assert_eq!(lot.recall_to, [switch::RecallTarget::Parker, then]);
    assert_eq!(lot.retrieve.as_deref(), Some("*88"));
}

#[test]
fn the_guard_gets_what_the_file_says() {
    use sip_core::guard::Rate;
    let guard = |lines: &str| read(&RIGHT.replace("t1 = \"400ms\"", lines)).unwrap().switch.guard;
    assert_eq!(guard(""), Some(GuardConfig::default()));
    assert_eq!(guard("guard.enabled = false"), None);
    let strict = guard(
        "guard = { requests = 10, failures = 3, window = \"1m\", ban = \"24h\", max_ban = \"1h\", trusted = [\"192.0.2.0/24\"] }",
    )
    .unwrap();
    assert_eq!(
        (strict.requests, strict.registers),
        (Rate::new(10, 40), Rate::new(10, 40))
    );
    assert_eq!((strict.failures, strict.failure_window), (3, Duration::from_secs(60)));
    let day = Duration::from_secs(86_400);
    assert_eq!(
        (strict.ban, strict.max_ban),
        (day, day),
        "the ceiling is not below the floor"
    );
    assert_eq!(strict.trusted, ["192.0.2.0/24".parse().unwrap()]);
}

#[test]
fn digest_algorithms_are_offered_in_the_order_of_the_file() {
    use sip_core::auth::Algorithm;
    assert_eq!(read(RIGHT).unwrap().switch.digest, [Algorithm::Md5]);
    let file = RIGHT.replace("t1 = \"400ms\"", "digest = [\"SHA-256\", \"md5\"]");
    assert_eq!(read(&file).unwrap().switch.digest, [Algorithm::Sha256, Algorithm::Md5]);
}

#[test]
fn calls_are_refreshed_as_often_as_the_file_says() {
    assert_eq!(read(RIGHT).unwrap().switch.session_expires, None);
    let file = RIGHT.replace("t1 = \"400ms\"", "session_expires = \"10m\"");
    assert_eq!(
        read(&file).unwrap().switch.session_expires,
        Some(std::time::Duration::from_secs(600))
    );
}

#[test]
fn the_embedded_file_is_right_and_its_passwords_are_new_each_time() {
    let (one, other) = (embedded().unwrap(), embedded().unwrap());
    let numbers: Vec<_> = one
        .switch
        .extensions
        .iter()
        .map(|e| e.number.parse::<u32>().unwrap())
        .collect();
    assert_eq!(numbers, (1001..=1010).collect::<Vec<_>>());
    let passwords = one
        .switch
        .extensions
        .iter()
        .chain(&other.switch.extensions)
        .map(|e| e.password.clone());
    let passwords: std::collections::BTreeSet<_> = passwords.collect();
    assert_eq!(passwords.len(), 20);
    assert!(passwords.iter().all(|password| password.len() == 16));
    let lot = one.switch.lots.first().unwrap();
    assert_eq!((lot.number.as_str(), lot.slots.clone()), ("700", 701..=720));
}

#[test]
fn the_defaults_that_the_embedded_file_shows_are_the_defaults() {
    let text = embedded_text().unwrap();
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.contains(" = ") && !key.starts_with(' ') && !key.contains("piano") => key,
            _ => line,
        })
        .filter(|line| !line.starts_with("recall_then"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(uncommented.contains("\npark_code = ") && uncommented.contains("\nring_timeout = "));
    let with = |text: &str| {
        let mut config = read(text).unwrap().switch;
        config.extensions.clear();
        format!("{config:?}")
    };
    assert_eq!(with(&uncommented), with(&text));
}

/// Uncommented, the examples of groups are right, too.
#[test]
fn the_groups_that_the_embedded_file_shows_are_right() {
    let text = embedded_text().unwrap();
    let group = text
        .split("# [[group]]\n")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let is_key = |line: &&str| line.starts_with('[') || line.split(' ').nth(1) == Some("=");
    let keys = group.lines().filter_map(|line| line.strip_prefix("# ")).filter(is_key);
    let keys: String = keys.map(|line| format!("{line}\n")).collect();
    let found = text.lines().find_map(|line| line.strip_prefix("# find_me")).unwrap();
    let text = text.replacen(
        "name = \"Reception\"",
        &format!("name = \"Reception\"\nfind_me{found}"),
        1,
    );
    let config = read(&format!("{text}\n[[group]]\n{keys}")).unwrap().switch;
    assert_eq!(config.groups.first().unwrap().chase.members.len(), 3, "{keys}");
    assert!(config.extensions.first().unwrap().find_me.is_some());
}

/// What stands in the right file | what stands there instead | where it is complained of | what was expected.
const WRONG_VALUES: &str = r#"
"30s" | "30" | 9:15: media.rtp_timeout | expected a time such as "500ms"
"30s" | 30 | 9:15: media.rtp_timeout | expected a time such as "500ms"
"30s" | "2h" | 9:15: media.rtp_timeout | expected a time from 1s to 3600s
t1 = "400ms" | guard.requests = 0 | 5:18: sip.guard.requests | from 1 to 1000000
t1 = "400ms" | guard.ban = "0s" | 5:13: sip.guard.ban | expected a time from 1s
t1 = "400ms" | guard.trusted = ["192.0.2.0/33"] | 5:18: sip.guard.trusted[0] | expected an address or a network
"20000-21999" | "21999-20000" | 8:9: media.ports | the lower first
"20000-21999" | "20001-20002" | 8:9: media.ports | even port and the odd one above it
"20000-21999" | "5000-5999" | 8:9: media.ports | contain port 5060 of sip.udp[0]
address = "127.0.0.1" | address = "0.0.0.0" | 7:11: media.address | not 0.0.0.0
udp = ["127.0.0.1:5060"] | udp = ["localhost"] | 3:8: sip.udp[0] | with a port
t1 = "400ms" | digest = ["SHA-1"] | 5:11: sip.digest[0] | expected "MD5", "SHA-256" or "SHA-512-256"
t1 = "400ms" | digest = [] | 5:10: sip.digest | expected at least one algorithm
t1 = "400ms" | t1 = "9ms" | 5:6: sip.t1 | expected a time from 10ms to 5s
t1 = "400ms" | session_expires = "89s" | 5:19: sip.session_expires | expected a time from 90s to 86400s
"1001" | "10 01" | 11:10: extension[0].number | expected a number that can be dialled
"1001" | 1001 | 11:10: extension[0].number | expected a number that can be dialled
"next" | "last" | 20:10: lot[0].choice | expected "first", "next" or "random"
"701-720" | "701-1701" | 19:9: lot[0].slots | expected at most 1000 slots
"parker" | "nobody" | 22:13: lot[0].recall_to | expected "parker" or
"pbx.test" | "pbx test" | 1:10: domain | expected a host name or an IP address
"#;

#[test]
fn values_are_refused_with_line_column_key_and_what_was_expected() {
    for row in WRONG_VALUES.trim().lines() {
        let [was, is, place, expected] = row.split(" | ").collect::<Vec<_>>().try_into().unwrap();
        let complaint = complaint(was, is);
        let place = format!("pbx.toml:{place}: ");
        assert!(
            complaint.starts_with(&place) && complaint.contains(expected),
            "{row}: {complaint}"
        );
        assert!(!complaint.contains('\n'), "{complaint}");
    }
}

#[test]
fn keys_that_are_missing_unknown_or_given_twice_are_told() {
    let unknown = complaint("name = \"Reception\"", "nam = \"Reception\"");
    assert!(
        unknown.starts_with("pbx.toml:12:1: extension[0].nam: unknown field `nam`, expected one of"),
        "{unknown}"
    );
    let missing = complaint("password = \"rose-8\"\n", "");
    assert!(
        missing.contains("extension[1]") && missing.contains("missing field `password`"),
        "{missing}"
    );
    assert!(missing.starts_with("pbx.toml:14:1: "), "{missing}");
    let twice = complaint("choice = \"next\"\n", "choice = \"next\"\nchoice = \"next\"\n");
    assert!(twice.starts_with("pbx.toml:21:1: duplicate key"), "{twice}");
    let unknown_table = complaint("[media]", "[medial]");
    assert!(
        unknown_table.starts_with("pbx.toml:6:2: medial: unknown field"),
        "{unknown_table}"
    );
    let broken = complaint("domain = \"pbx.test\"", "domain = pbx.test");
    assert!(broken.starts_with("pbx.toml:1:"), "{broken}");
}

#[test]
fn what_does_not_fit_together_is_told_where_it_stands() {
    let cases = [
        (
            "\"1002\"\npassword",
            "\"1001\"\npassword",
            "pbx.toml:15:10: extension[1].number: 1001 is already given by",
        ),
        (
            "\"700\"",
            "\"710\"",
            "pbx.toml:19:9: lot[0].slots: 710 is already given by lot[0].number",
        ),
        (
            "\"*88\"",
            "\"1001\"",
            "pbx.toml:24:12: lot[0].retrieve: 1001 is already given by extension[0].number",
        ),
        (
            "recall_then = \"1002\"",
            "recall_then = \"1009\"",
            "pbx.toml:23:15: lot[0].recall_then: nobody has",
        ),
        (
            "\"default\"",
            "\"jazz\"",
            "pbx.toml:25:9: lot[0].music: expected \"default\" or the name of a [[music]]",
        ),
        (
            "\"tulip-7\"",
            "\"1001\"",
            "pbx.toml:13:12: extension[0].password: expected a password that is not",
        ),
    ];
    for (was, is, expected) in cases {
        let complaint = complaint(was, is);
        assert!(complaint.starts_with(expected), "{was} -> {is}: {complaint}");
    }
    let silent = read(
        &RIGHT
            .replace("udp = [\"127.0.0.1:5060\"]\n", "")
            .replace("tcp = [\"127.0.0.1:5060\"]\n", ""),
    );
    assert!(silent.unwrap_err().contains("sip: expected at least one address"));
    let doubled = complaint(
        "udp = [\"127.0.0.1:5060\"]",
        "udp = [\"127.0.0.1:5060\", \"127.0.0.1:5060\"]",
    );
    assert!(doubled.starts_with("pbx.toml:3:26: sip.udp[1]: "), "{doubled}");
}

/// Behind the right file.
const GROUP: &str = r#"[[group]]
number = "500"
name = "Sales"
mode = "sequential"
members = ["1002"]
skip_busy = false
timeout = "45s"
otherwise = "1001"
prefix = "Sales"
[[group.member]]
number = "501"
delay = "5s"
ring = "20s"
[[group]]
number = "501"
members = ["1001", "1002"]
otherwise = "play goodbye"
"#;

#[test]
fn groups_and_where_extensions_are_to_be_found_come_as_they_are_written() {
    let found = "password = \"rose-8\"\nfind_me = { members = [\"1002\", \"500\"], otherwise = \"busy\" }";
    let text = RIGHT.replace("password = \"rose-8\"", found) + GROUP;
    let config = read(&text).unwrap().switch;
    let mut sales = switch::Group::new("500", ["1002"]);
    sales.name = "Sales".to_owned();
    sales.chase.mode = switch::Mode::Sequential;
    sales.chase.skip_busy = false;
    sales.chase.timeout = Duration::from_secs(45);
    sales.chase.otherwise = switch::Otherwise::Number("1001".to_owned());
    sales.chase.prefix = Some("Sales".to_owned());
    let member = switch::Member::new("501")
        .after(Duration::from_secs(5))
        .ring(Duration::from_secs(20));
    sales.chase.members.push(member);
    let mut all = switch::Group::new("501", ["1001", "1002"]);
    all.chase.otherwise = switch::Otherwise::Message("goodbye".to_owned());
    assert_eq!(config.groups, [sales, all]);
    let mut found = switch::Chase::new(["1002", "500"].map(switch::Member::new));
    found.otherwise = switch::Otherwise::Status(486);
    assert_eq!(config.extensions.last().unwrap().find_me, Some(found));
}

#[test]
fn a_group_that_cannot_work_is_told_where_it_stands() {
    let text = format!("{RIGHT}{GROUP}");
    let cases = [
        (
            "members = [\"1002\"]",
            "members = [\"1009\"]",
            "pbx.toml:30:12: group[0].members: nobody has the number 1009",
        ),
        (
            "members = [\"1002\"]\n",
            "members = [\"501\", \"500\"]\n",
            "pbx.toml:27:10: group[0]: group 500 is within itself",
        ),
        (
            "number = \"500\"",
            "number = \"701\"",
            "pbx.toml:27:10: group[0].number: 701 is already given by lot[0].slots",
        ),
        (
            "timeout = \"45s\"",
            "timeout = \"1h\"",
            "pbx.toml:32:11: group[0].timeout: expected a time from 1s to 600s",
        ),
        (
            "otherwise = \"1001\"",
            "otherwise = \"700\"",
            "pbx.toml:33:13: group[0].otherwise: nobody has the number 700",
        ),
        (
            "otherwise = \"1001\"",
            "otherwise = \"play x\"",
            "pbx.toml:33:13: group[0].otherwise: there is no sound \"x\"",
        ),
        (
            "ring = \"20s\"",
            "ring = \"0s\"",
            "pbx.toml:38:8: group[0].member.ring: expected a time from 1s",
        ),
        (
            "members = [\"1001\", \"1002\"]\n",
            "",
            "pbx.toml:40:10: group[1].members: there are 0; expected 1 to 50",
        ),
    ];
    for (was, is, expected) in cases {
        assert_eq!(text.matches(was).count(), 1, "{was}");
        let complaint = read(&text.replace(was, is)).unwrap_err();
        assert!(complaint.starts_with(expected), "{was} -> {is}: {complaint}");
    }
}

#[test]
fn supervisors_are_who_the_file_says() {
    let text = RIGHT.replace(
        "password = \"rose-8\"",
        "password = \"rose-8\"\nsupervises = [\"1001\", \"all\"]",
    );
    let text = text.replace(
        "[media]",
        "[supervision]\nbarge = \"*99\"\nsound = \"goodbye\"\n[media]",
    );
    let config = read(&text).unwrap().switch;
    assert_eq!(config.extensions.last().unwrap().supervises, ["1001", "all"]);
    assert_eq!(config.supervisor_codes.barge.as_deref(), Some("*99"));
    assert_eq!(config.supervisor_codes.listen.as_deref(), Some("*51"));
    assert_eq!(config.supervision_sound.as_deref(), Some("goodbye"));
    let cases = [
        (
            "\"1001\", \"all\"",
            "\"4711\"",
            "pbx.toml:20:15: extension[1].supervises[0]: nobody has the number 4711",
        ),
        (
            "\"*99\"",
            "\"1001\"",
            "pbx.toml:7:9: supervision.barge: 1001 is already given by extension[0].number",
        ),
        (
            "\"goodbye\"",
            "\"x\"",
            "pbx.toml:8:9: supervision.sound: there is no sound",
        ),
    ];
    for (was, is, expected) in cases {
        let complaint = read(&text.replace(was, is)).unwrap_err();
        assert!(complaint.starts_with(expected), "{was} -> {is}: {complaint}");
    }
}

#[test]
fn every_mistake_is_told_not_only_the_first() {
    let text = RIGHT
        .replace("\"default\"", "\"jazz\"")
        .replace("\"tulip-7\"", "\"1001\"");
    let complaints = read(&text).unwrap_err();
    let lines: Vec<_> = complaints.lines().collect();
    assert_eq!(lines.len(), 2, "{complaints}");
    assert!(lines.first().unwrap().starts_with("pbx.toml:13:") && lines.last().unwrap().starts_with("pbx.toml:25:"));
}

#[test]
fn a_password_is_never_quoted() {
    for wrong in [
        "password = [\"tulip-7\"]",
        "password = \"tulip-7\\u0007\"",
        "password = { a = \"tulip-7\" }",
    ] {
        let complaint = complaint("password = \"tulip-7\"", wrong);
        assert!(
            complaint.contains("extension[0].password: expected a password"),
            "{complaint}"
        );
        assert!(!complaint.contains("tulip"), "{complaint}");
    }
    assert!(!format!("{:?}", read(RIGHT).unwrap()).contains("tulip"));
}

#[test]
fn music_is_read_and_what_is_no_music_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let with = |file: &str| {
        let text = format!("{RIGHT}[[music]]\nname = \"jazz\"\nfile = \"{file}\"\n").replace("\"default\"", "\"jazz\"");
        parse("pbx.toml", text, folder.path()).map_err(|error| error.to_string())
    };
    std::fs::write(folder.path().join("text.wav"), "no music").unwrap();
    let wav = sounds::built_in_file("default").unwrap();
    std::fs::write(folder.path().join("jazz.wav"), wav).unwrap();
    let settings = with("jazz.wav").unwrap();
    assert_eq!(
        settings
            .music
            .iter()
            .map(|music| music.name.as_str())
            .collect::<Vec<_>>(),
        ["jazz"]
    );
    assert_eq!(settings.switch.lots.first().unwrap().music, "jazz");
    for (file, cause) in [("text.wav", "not a RIFF/WAVE file"), ("none.wav", "No such file")] {
        let complaint = with(file).unwrap_err();
        assert!(complaint.starts_with("pbx.toml:28:8: music[0].file: "), "{complaint}");
        assert!(
            complaint.contains(cause) && complaint.contains("expected a WAV file"),
            "{complaint}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = load(Path::new("/nowhere/pbx.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/pbx.toml: "), "{error}");
}
