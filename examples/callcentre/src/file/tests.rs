use super::parse;

const SOUND: &str = r#"
hours = "08:00-18:00"
interval = "30min"

[[queue]]
name = "desk"
strategy = "skill-based"
order = "ageing:60"
rings = [{ after = "30s", drop = ["french"] }]
overflow = "late"

[[queue]]
name = "late"

[[contact]]
name = "english"
queue = "desk"
expected = [40, 90]
busyness = 0.1
service = "lognormal:3min,cv=1.2"
patience = "exp:4min"

[[contact]]
name = "french"
queue = "desk"
arrivals = "20/h"
service = "exp:3min"
needs = { french = 2 }

[[agents]]
name = "all"
count = 6
queues = ["desk", { queue = "late", penalty = 2 }]
skills = { french = 3 }
shifts = ["08:00-16:00", "16:00-18:00"]
breaks = ["12:00-12:30"]
"#;

fn wrong(text: &str) -> String {
    parse("a.toml", text)
        .err()
        .map_or_else(|| "nothing".to_owned(), |error| error.to_string())
}

#[test]
fn a_file_becomes_a_scenario() {
    let study = parse("a.toml", SOUND).map_err(|error| error.to_string()).unwrap();
    let scenario = &study.scenarios[0];
    assert_eq!(scenario.length.as_secs(), 36_000);
    assert_eq!(scenario.queues.len(), 2);
    assert_eq!(scenario.types[1].needs.iter().next(), Some((acd::SkillId(0), 2)));
    let shifts = &scenario.groups[0].shifts;
    assert_eq!(
        (
            shifts[0].from.as_secs(),
            shifts[0].to.as_secs(),
            shifts[0].breaks[0].0.as_secs()
        ),
        (0, 28_800, 14_400)
    );
    assert!(shifts[1].breaks.is_empty());
    assert_eq!(scenario.groups[0].config.memberships[1].penalty, 2);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases = [
        (
            "overflow = \"late\"",
            "overflow = \"latte\"",
            "a.toml:10:12: no queue \"latte\"; there are desk, late",
        ),
        (
            "strategy = \"skill-based\"",
            "strategy = \"best\"",
            "a.toml:7:12: expected ring-all, longest-idle",
        ),
        (
            "service = \"exp:3min\"",
            "service = \"exp:3\"",
            "a.toml:27:11: expected a length of time",
        ),
        (
            "name = \"late\"",
            "name = \"desk\"",
            "a.toml:13:8: there is another \"desk\"",
        ),
        ("count = 6", "number = 6", "unknown field `number`"),
        ("arrivals = \"20/h\"", "", "give either arrivals"),
        ("hours = \"08:00-18:00\"", "", "give either hours"),
        (
            "breaks = [\"12:00-12:30\"]",
            "breaks = [\"12:30-12:00\"]",
            "expected hours such as 08:00-16:30",
        ),
        ("busyness = 0.1", "busyness = -1.0", "the arrivals of type 0"),
        (
            "count = 6",
            "count = 6\ncapacity = { fax = 1 }",
            "expected voice, chat or email",
        ),
        ("\"desk\", { queue", "7, { queue", "expected the name of a queue"),
    ];
    for (from, to, expected) in cases {
        assert!(SOUND.contains(from), "{from}");
        let told = wrong(&SOUND.replacen(from, to, 1));
        assert!(told.contains(expected), "{to}: {told}");
        assert!(told.starts_with("a.toml:"), "{told}");
    }
    let both = wrong(
        &SOUND
            .replacen("\"late\"\n\n", "\"x\"\n\n", 1)
            .replacen("queue = \"desk\"", "queue = \"y\"", 1),
    );
    assert_eq!(both.lines().count(), 2, "all at once: {both}");
}

#[test]
fn the_scenarios_that_come_with_it_are_sound() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.contains("outcome =") {
            assert_eq!(wrong(&text), "nothing", "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 2);
}
