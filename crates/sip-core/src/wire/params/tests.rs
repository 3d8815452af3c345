//! Both forms of parameters behave alike: the text that is looked up in, and the list that it becomes.

use super::*;
use proptest::prelude::*;

fn listed(params: &Params) -> Params {
    Params(Repr::List(params.clone().take_list()))
}

fn header(params: &Params) -> String {
    let mut text = String::new();
    params.write(&mut text).unwrap();
    text
}

fn uri(params: &Params) -> String {
    let mut text = String::new();
    params.write_uri(&mut text).unwrap();
    text
}

fn alike(raw: &Params, list: &Params) {
    assert!(matches!(list.0, Repr::List(_)));
    assert_eq!(raw, list);
    assert_eq!(header(raw), header(list));
    assert_eq!(uri(raw), uri(list));
    assert_eq!(raw.len(), list.len());
    assert_eq!(raw.is_empty(), list.is_empty());
    for name in ["a", "B", "tag", "x", ""] {
        assert_eq!(raw.get(name), list.get(name));
    }
}

fn lex(text: &str) -> Option<Params> {
    let mut lexer = Lexer::new(text.as_bytes());
    let params = Params::lex(&mut lexer).ok()?;
    lexer.is_end().then_some(params)
}

#[test]
fn plain_text_stays_text() {
    for text in ["", ";lr", ";a=b;c", " ; a = b ;c=\"d e;f\" ", ";a=", ";a=\"\""] {
        let mut lexer = Lexer::new(text.as_bytes());
        let params = Params::lex(&mut lexer).unwrap();
        assert!(matches!(params.0, Repr::Raw(_) | Repr::Simple(_)), "{text}");
        alike(&params, &listed(&params));
    }
    for text in [
        ";a=\"\\\"\"",
        ";a=\"b\tc\"",
        ";a\t=b",
        ";a=\u{e9}",
        ";a=b\r\n ;c",
        ";a=%41",
    ] {
        assert!(matches!(lex(text).unwrap().0, Repr::List(_)), "{text:?}");
    }
}

#[test]
fn a_parameter_is_set_in_its_place() {
    let mut params = lex(";branch=z9hG4bK1;RPORT;x=\"y z\"").unwrap();
    params.set("rport", Some("5060"));
    params.set("received", Some("192.0.2.1"));
    assert_eq!(
        header(&params),
        ";branch=z9hG4bK1;RPORT=5060;x=\"y z\";received=192.0.2.1"
    );
    assert!(matches!(params.0, Repr::Raw(_)));
    params.set("x", Some("w"));
    assert_eq!(
        header(&params),
        ";branch=z9hG4bK1;RPORT=5060;x=\"w\";received=192.0.2.1"
    );
    assert!(params.remove("Branch") && !params.remove("branch"));
    params.set("x", None);
    assert_eq!(header(&params), ";RPORT=5060;x;received=192.0.2.1");
}

#[test]
fn a_value_that_needs_quotes_or_escapes_gets_them() {
    let mut params = Params::new();
    params.set("a b", Some("c d"));
    assert_eq!(header(&params), ";a-b=\"c d\"");
    assert_eq!(uri(&params), ";a-b=c%20d");
    let mut params = Params::new();
    params.set("a", Some("50%"));
    assert_eq!(
        (header(&params).as_str(), uri(&params).as_str()),
        (";a=50%", ";a=50%25")
    );
}

proptest! {
    #[test]
    fn text_and_list_are_alike(text in "( ?;[ab-]{1,2}( ?= ?([a-c.:/=@]{0,3}|\"[a-c;, ]{0,4}\"))?){0,5}") {
        let params = lex(&text).unwrap();
        alike(&params, &listed(&params));
        prop_assert_eq!(lex(&header(&params)), Some(params));
    }

    #[test]
    fn edits_of_text_and_list_are_alike(
        text in "(;(a|b|tag|x)(=([0-9a-c]{0,3}|\"[a-c ]{0,2}\"))?){0,4}",
        edits in prop::collection::vec(("(a|B|tag|x|y)", prop::option::of("[a-c%\\\\\" \u{e9};,<]{0,3}"), any::<bool>()), 0..5),
    ) {
        let mut raw = lex(&text).unwrap();
        let mut list = listed(&raw);
        for (name, value, remove) in edits {
            if remove {
                prop_assert_eq!(raw.remove(&name), list.remove(&name));
            } else {
                raw.set(&name, value.as_deref());
                list.set(&name, value.as_deref());
            }
            alike(&raw, &list);
        }
    }

    #[test]
    fn what_is_written_with_changes_is_what_would_be_set(
        text in "(;(a|b|Tag|x)(=([0-9a-c]{0,3}|\"[a-c ]{0,2}\"))?){0,4}",
        values in prop::array::uniform3(prop::option::of("[0-9a-c.:]{1,4}")),
    ) {
        let mut params = lex(&text).unwrap();
        let names = ["tag", "X", "y"];
        let changed = [0, 1, 2].map(|at| (names[at], values[at].as_deref()));
        let mut written = String::new();
        params.write_with(&mut written, &changed).unwrap();
        for (name, value) in changed {
            if value.is_some() {
                params.set(name, value);
            }
        }
        prop_assert_eq!(written, header(&params));
    }
}
