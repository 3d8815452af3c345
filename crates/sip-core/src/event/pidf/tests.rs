//! Fixpoint, documents as phones send them, and hostile ones.

use super::*;
use crate::body::xml::{MAX_TEXT, XmlErrorKind as Kind, masked};
use proptest::prelude::*;

fn kind(document: &str) -> Kind {
    Presence::parse(document.as_bytes()).unwrap_err().kind
}

/// A document around `inner`.
fn document(inner: &str) -> String {
    format!(
        "<presence xmlns='{NAMESPACE}' xmlns:dm='{DATA_MODEL}' xmlns:r='{RPID}' entity='pres:a@b'>{inner}</presence>"
    )
}

/// After RFC 3863 §4.2.1 and RFC 4480 §5.
#[test]
fn a_phone_s_document() {
    let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
      <p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:im="urn:ietf:params:xml:ns:pidf:im"
          xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"
          entity="pres:someone@example.com">
        <p:tuple id="bs35r9">
          <p:status><p:basic> open </p:basic><im:im>busy</im:im></p:status>
          <p:contact priority="0.8">im:someone@mobilecarrier.net</p:contact>
          <p:note xml:lang="en">Don't Disturb &amp; Please!</p:note>
          <p:note xml:lang="fr">Ne d&#xe9;rangez pas</p:note>
          <p:timestamp>2001-10-27T16:49:29Z</p:timestamp>
        </p:tuple>
        <p:tuple id="x"><p:status/></p:tuple>
        <p:note>I'll be in Tokyo next week</p:note>
        <dm:person id="p1">
          <rpid:activities until="2003-01-27T17:30:00Z">
            <rpid:on-the-phone/><rpid:far-away/><rpid:other>sculpting</rpid:other><rpid:note>yes</rpid:note>
          </rpid:activities>
          <dm:note>Scoring 120</dm:note>
        </dm:person>
      </p:presence>"#;
    let presence = Presence::parse(xml.as_bytes()).unwrap();
    let note = |text: &str, language: Option<&str>| Note {
        text: text.into(),
        language: language.map(str::to_owned),
    };
    let phone = Tuple {
        id: "bs35r9".into(),
        basic: Some(Basic::Open),
        contact: Some("im:someone@mobilecarrier.net".into()),
        priority: Some(800),
        notes: vec![
            note("Don't Disturb & Please!", Some("en")),
            note("Ne dérangez pas", Some("fr")),
        ],
        timestamp: Some("2001-10-27T16:49:29Z".into()),
    };
    let silent = Tuple {
        id: "x".into(),
        ..Tuple::default()
    };
    let person = Person {
        id: "p1".into(),
        activities: vec![Activity::OnThePhone, Activity::Other("sculpting".into())],
        notes: vec![note("yes", None), note("Scoring 120", None)],
    };
    let expected = Presence {
        entity: "pres:someone@example.com".into(),
        tuples: vec![phone, silent],
        notes: vec![note("I'll be in Tokyo next week", None)],
        persons: vec![person],
    };
    assert_eq!(presence, expected);
}

#[test]
fn what_is_not_a_document_is_refused() {
    assert_eq!(kind(""), Kind::WrongDocument);
    assert_eq!(kind("<presence entity='a'/>"), Kind::WrongDocument, "no namespace");
    assert_eq!(
        kind(&format!("<presence xmlns='{NAMESPACE}'/>")),
        Kind::MissingAttribute
    );
    assert_eq!(kind(&document("<tuple/>")), Kind::MissingAttribute);
    assert_eq!(
        kind(&document("<tuple id='1'><status><basic>Open</basic></status></tuple>")),
        Kind::BadValue
    );
    assert_eq!(kind(&document("<tuple id='1'>")), Kind::Syntax);
    assert_eq!(
        kind(&format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{}", document(""))),
        Kind::DocumentType
    );
    assert_eq!(kind(&document("<note>&a;</note>")), Kind::UnknownEntity);
}

#[test]
fn each_limit_and_one_past() {
    let check = |limit: usize, make: &dyn Fn(usize) -> String, past: Kind| {
        assert!(
            Presence::parse(document(&make(limit)).as_bytes()).is_ok(),
            "{past:?} {limit}"
        );
        assert_eq!(kind(&document(&make(limit + 1))), past);
    };
    let many = Kind::TooManyElements;
    check(MAX_TUPLES, &|count| "<tuple id='1'/>".repeat(count), many);
    check(MAX_PERSONS, &|count| "<dm:person/>".repeat(count), many);
    check(MAX_NOTES, &|count| "<note/>".repeat(count), many);
    check(
        MAX_NOTES,
        &|count| format!("<tuple id='1'>{}</tuple>", "<note/>".repeat(count)),
        many,
    );
    check(
        MAX_NOTES,
        &|count| format!("<dm:person>{}</dm:person>", "<dm:note/>".repeat(count)),
        many,
    );
    let busy = |count| {
        format!(
            "<dm:person><r:activities>{}</r:activities></dm:person>",
            "<r:busy/>".repeat(count)
        )
    };
    check(MAX_ACTIVITIES, &busy, many);
    check(
        MAX_TEXT,
        &|length| format!("<note>{}</note>", "x".repeat(length)),
        Kind::TextTooLong,
    );
}

fn note() -> impl Strategy<Value = Note> {
    any::<(String, Option<String>)>().prop_map(|(text, language)| Note { text, language })
}

fn tuple() -> impl Strategy<Value = Tuple> {
    let basic = prop::option::of(prop::sample::select(vec![Basic::Open, Basic::Closed]));
    let contact = prop::option::of((any::<String>(), prop::option::of(0_u16..=1000)));
    let rest = (prop::collection::vec(note(), 0..3), any::<Option<String>>());
    (any::<String>(), basic, contact, rest).prop_map(|(id, basic, contact, (notes, timestamp))| Tuple {
        id,
        basic,
        priority: contact.as_ref().and_then(|(_, priority)| *priority),
        contact: contact.map(|(uri, _)| uri),
        notes,
        timestamp,
    })
}

fn person() -> impl Strategy<Value = Person> {
    let known = prop::sample::select(vec![Activity::Away, Activity::OnThePhone, Activity::Meeting]);
    let activity = prop_oneof![known, any::<String>().prop_map(Activity::Other)];
    let parts = (
        any::<String>(),
        prop::collection::vec(activity, 0..3),
        prop::collection::vec(note(), 0..3),
    );
    parts.prop_map(|(id, activities, notes)| Person { id, activities, notes })
}

/// What a value becomes on its way: control characters masked, text trimmed.
fn cleaned(mut presence: Presence) -> Presence {
    let mask = |text: &mut String| *text = text.chars().map(masked).collect();
    let line = |text: &mut String| {
        mask(text);
        *text = text.trim().to_owned();
    };
    let note = |note: &mut Note| {
        line(&mut note.text);
        note.language.iter_mut().for_each(mask);
    };
    mask(&mut presence.entity);
    presence.notes.iter_mut().for_each(note);
    for tuple in &mut presence.tuples {
        mask(&mut tuple.id);
        tuple.contact.iter_mut().chain(&mut tuple.timestamp).for_each(line);
        tuple.notes.iter_mut().for_each(note);
    }
    for person in &mut presence.persons {
        mask(&mut person.id);
        person.notes.iter_mut().for_each(note);
        for activity in &mut person.activities {
            if let Activity::Other(words) = activity {
                line(words);
            }
        }
    }
    presence
}

proptest! {
    /// Whatever the texts contain, the document means the same to its reader.
    #[test]
    fn reads_what_it_writes(
        entity in any::<String>(),
        tuples in prop::collection::vec(tuple(), 0..3),
        notes in prop::collection::vec(note(), 0..3),
        persons in prop::collection::vec(person(), 0..3),
    ) {
        let presence = Presence { entity, tuples, notes, persons };
        let xml = presence.to_xml();
        prop_assert_eq!(Presence::parse(xml.as_bytes()), Ok(cleaned(presence)), "{}", xml);
    }

    /// A valid document with bytes changed or cut.
    #[test]
    fn mutated_documents(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut presence = Presence::new("pres:a@b");
        presence.tuples.push(Tuple::open("a").with_contact("sip:a@b").with_note("x & y"));
        presence.set_activity(Activity::Other("z".into()));
        let mut bytes = presence.to_xml().into_bytes();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        crate::event::fuzz::pidf(&bytes);
        crate::event::fuzz::pidf(&bytes[..cut.index(bytes.len())]);
    }
}
