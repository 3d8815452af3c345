//! Fixpoint, RFC 4235's shapes as phones send them, and hostile documents.

use super::DialogInfoErrorKind as Kind;
use super::*;
use proptest::prelude::*;

fn kind(document: &str) -> Kind {
    DialogInfo::parse(document.as_bytes()).unwrap_err().kind
}

/// A document around `inner`.
fn document(inner: &str) -> String {
    format!("<dialog-info xmlns='{NAMESPACE}' version='0' state='full' entity='sip:a@b'>{inner}</dialog-info>")
}

const DIALOG: &str = "<dialog id='1'><state>early</state></dialog>";

#[test]
fn a_phone_s_document() {
    let xml = r#"<?xml version="1.0"?>
        <d:dialog-info xmlns:d="urn:ietf:params:xml:ns:dialog-info" xmlns:x="urn:other" version="12" state="partial"
            entity="sip:1001@pbx.example">
          <!-- ringing -->
          <d:dialog id="as7d900as8" call-id="a84b4c76e66710" local-tag="1928301774" remote-tag="456887766" direction="recipient">
            <d:state event="replaced" code="200"> confirmed </d:state>
            <d:duration>274</d:duration>
            <x:state>nonsense</x:state>
            <d:local>
              <d:identity display="Ann &amp; Co">sip:1001@pbx.example;a=&lt;1&#62;</d:identity>
              <d:target uri="sip:1001@192.0.2.4"><d:param pname="+sip.rendering" pval="no"/></d:target>
            </d:local>
            <d:remote><d:identity><![CDATA[sip:bob@host]]></d:identity></d:remote>
          </d:dialog>
        </d:dialog-info>"#;
    let info = DialogInfo::parse(xml.as_bytes()).unwrap();
    assert_eq!(
        (info.version, info.state, info.entity.as_str()),
        (12, DocumentState::Partial, "sip:1001@pbx.example")
    );
    let expected = DialogElement {
        id: "as7d900as8".into(),
        call_id: Some("a84b4c76e66710".into()),
        local_tag: Some("1928301774".into()),
        remote_tag: Some("456887766".into()),
        direction: Some(Direction::Recipient),
        state: DialogState::Confirmed,
        cause: Some(Cause::Replaced),
        code: Some(200),
        duration: Some(274),
        local: Some(
            Participant::new("sip:1001@pbx.example;a=<1>")
                .with_display("Ann & Co")
                .with_target("sip:1001@192.0.2.4"),
        ),
        remote: Some(Participant::new("sip:bob@host")),
    };
    assert_eq!(info.dialogs, [expected]);
}

#[test]
fn what_is_not_a_document_is_refused() {
    assert_eq!(kind(""), Kind::NotDialogInfo);
    assert_eq!(kind("text"), Kind::Syntax);
    assert_eq!(kind("<presence/>"), Kind::NotDialogInfo);
    assert_eq!(
        kind("<dialog-info version='0' state='full' entity='a'/>"),
        Kind::NotDialogInfo
    ); // no namespace
    assert_eq!(kind(&format!("{}{}", document(""), document(""))), Kind::NotDialogInfo);
    assert_eq!(kind(&format!("{}junk", document(""))), Kind::Syntax);
    assert_eq!(kind("<dialog-info"), Kind::Syntax);
    assert_eq!(kind(&document("<dialog id='1'></x>")), Kind::Syntax);
    assert_eq!(kind(document("").trim_end_matches("</dialog-info>")), Kind::Syntax);
    assert_eq!(kind(&document("<dialog id='1'/>")), Kind::MissingState);
    assert_eq!(
        kind(&document("<dialog><state>early</state></dialog>")),
        Kind::MissingAttribute
    );
    assert_eq!(kind(&document("<dialog id='1' id='2'/>")), Kind::Syntax);
    for bad in [
        "<state>ringing</state>",
        "<state code='99'>early</state>",
        "<duration>-1</duration>",
    ] {
        assert_eq!(
            kind(&document(&format!("<dialog id='1'>{bad}</dialog>"))),
            Kind::BadValue,
            "{bad}"
        );
    }
    for (from, to) in [("'0'", "'-1'"), ("'0'", "'4294967296'"), ("full", "whole")] {
        assert_eq!(kind(&document("").replacen(from, to, 1)), Kind::BadValue, "{to}");
    }
    let error = DialogInfo::parse(b"<dialog-info \xff").unwrap_err();
    assert_eq!((error.kind, error.offset), (Kind::NotUtf8, 13));
}

#[test]
fn nothing_is_expanded() {
    let bomb = format!(
        "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>{}",
        document(DIALOG)
    );
    assert_eq!(kind(&bomb), Kind::DocumentType);
    let identity = |text: &str| {
        let local = format!("<local><identity>{text}</identity></local>");
        document(&format!("<dialog id='1'><state>early</state>{local}</dialog>"))
    };
    assert_eq!(kind(&identity("&a;")), Kind::UnknownEntity);
    assert_eq!(kind(&document("<dialog id='&a;'/>")), Kind::UnknownEntity);
    assert_eq!(kind(&identity("&#0;")), Kind::Syntax);
    let masked = DialogInfo::parse(identity("a&#7;b").as_bytes()).unwrap();
    assert_eq!(masked.dialogs[0].local.as_ref().unwrap().identity, "a\u{fffd}b");
}

#[test]
fn each_limit_and_one_past() {
    let dialogs = |count| document(&DIALOG.repeat(count));
    assert_eq!(
        DialogInfo::parse(dialogs(MAX_DIALOGS).as_bytes())
            .unwrap()
            .dialogs
            .len(),
        MAX_DIALOGS
    );
    assert_eq!(kind(&dialogs(MAX_DIALOGS + 1)), Kind::TooManyDialogs);

    let nested = |depth: usize| document(&format!("{}{}", "<x>".repeat(depth - 1), "</x>".repeat(depth - 1)));
    assert!(DialogInfo::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(kind(&nested(MAX_DEPTH + 1)), Kind::TooDeep);
    assert_eq!(kind(&"<x>".repeat(MAX_DOCUMENT / 3)), Kind::NotDialogInfo);

    let attributes = |count: usize| {
        let all: String = (0..count).map(|i| format!(" a{i}=''")).collect();
        document(&format!("<x{all}/>"))
    };
    assert!(DialogInfo::parse(attributes(MAX_ATTRIBUTES).as_bytes()).is_ok());
    assert_eq!(kind(&attributes(MAX_ATTRIBUTES + 1)), Kind::TooManyAttributes);

    // One is the document's own.
    let namespaces = |count: usize| {
        let all: String = (1..count).map(|i| format!(" xmlns:n{i}='u'")).collect();
        document(&format!("<x{all}/>"))
    };
    assert!(DialogInfo::parse(namespaces(MAX_NAMESPACES).as_bytes()).is_ok());
    assert_eq!(kind(&namespaces(MAX_NAMESPACES + 1)), Kind::TooManyNamespaces);

    let value = |len| document(&format!("<x a='{}'/>", "v".repeat(len)));
    assert!(DialogInfo::parse(value(MAX_TEXT).as_bytes()).is_ok());
    assert_eq!(kind(&value(MAX_TEXT + 1)), Kind::TextTooLong);

    let text = |len| {
        let local = format!("<local><identity>{}</identity></local>", "v".repeat(len));
        document(&format!("<dialog id='1'><state>early</state>{local}</dialog>"))
    };
    assert!(DialogInfo::parse(text(MAX_TEXT).as_bytes()).is_ok());
    assert_eq!(kind(&text(MAX_TEXT + 1)), Kind::TextTooLong);

    let padded = |len: usize| format!("{}{}", " ".repeat(len - document("").len()), document(""));
    assert!(DialogInfo::parse(padded(MAX_DOCUMENT).as_bytes()).is_ok());
    assert_eq!(kind(&padded(MAX_DOCUMENT + 1)), Kind::TooLong);
}

/// Found by fuzzing: masked, an attribute grew beyond the limit, and what was printed was refused.
#[test]
fn the_limit_of_a_text_counts_what_it_becomes() {
    let with = |length: usize| document(&format!("<x a=\"{}\"/>", "\u{1}".repeat(length)));
    let fits = MAX_TEXT / '\u{fffd}'.len_utf8();
    assert!(DialogInfo::parse(with(fits).as_bytes()).is_ok());
    assert_eq!(kind(&with(fits + 1)), Kind::TextTooLong);
}

fn participant() -> impl Strategy<Value = Participant> {
    (any::<String>(), any::<Option<String>>(), any::<Option<String>>()).prop_map(|(identity, display, target)| {
        Participant {
            identity,
            display,
            target,
        }
    })
}

fn dialog() -> impl Strategy<Value = DialogElement> {
    let ids = (
        any::<String>(),
        any::<Option<String>>(),
        any::<Option<String>>(),
        any::<Option<String>>(),
    );
    let state = prop::sample::select(vec![
        DialogState::Trying,
        DialogState::Proceeding,
        DialogState::Early,
        DialogState::Confirmed,
        DialogState::Terminated,
    ]);
    let cause = prop::option::of(prop::sample::select(vec![
        Cause::Cancelled,
        Cause::Rejected,
        Cause::Replaced,
        Cause::LocalBye,
        Cause::RemoteBye,
        Cause::Error,
        Cause::Timeout,
    ]));
    let direction = prop::option::of(prop::sample::select(vec![Direction::Initiator, Direction::Recipient]));
    let parties = (prop::option::of(participant()), prop::option::of(participant()));
    let numbers = (prop::option::of(100_u16..700), any::<Option<u64>>());
    (ids, direction, state, cause, numbers, parties).prop_map(
        |((id, call_id, local_tag, remote_tag), direction, state, cause, (code, duration), (local, remote))| {
            DialogElement {
                id,
                call_id,
                local_tag,
                remote_tag,
                direction,
                state,
                cause,
                code,
                duration,
                local,
                remote,
            }
        },
    )
}

/// What a value becomes on its way: control characters masked, text trimmed.
fn cleaned(mut info: DialogInfo) -> DialogInfo {
    let mask = |text: &mut String| *text = text.chars().map(masked).collect();
    mask(&mut info.entity);
    for dialog in &mut info.dialogs {
        mask(&mut dialog.id);
        for text in [&mut dialog.call_id, &mut dialog.local_tag, &mut dialog.remote_tag]
            .into_iter()
            .flatten()
        {
            mask(text);
        }
        for participant in [&mut dialog.local, &mut dialog.remote].into_iter().flatten() {
            mask(&mut participant.identity);
            participant.identity = participant.identity.trim().to_owned();
            for text in [&mut participant.display, &mut participant.target]
                .into_iter()
                .flatten()
            {
                mask(text);
            }
        }
    }
    info
}

proptest! {
    /// Whatever the texts contain, the document means the same to its reader.
    #[test]
    fn reads_what_it_writes(
        entity in any::<String>(),
        version in any::<u32>(),
        full in any::<bool>(),
        dialogs in prop::collection::vec(dialog(), 0..4),
    ) {
        let state = if full { DocumentState::Full } else { DocumentState::Partial };
        let info = DialogInfo { entity, version, state, dialogs };
        let xml = info.to_xml();
        let read = DialogInfo::parse(xml.as_bytes());
        prop_assert_eq!(read, Ok(cleaned(info)), "{}", xml);
    }

    /// Any bytes give an answer.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        crate::event::fuzz::bodies(&bytes);
    }

    /// A valid document with bytes changed, cut or doubled.
    #[test]
    fn mutated_documents(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let mut info = DialogInfo::new("sip:a@b", 1, DocumentState::Full);
        let mut dialog = DialogElement::new("x", DialogState::Early);
        dialog.local = Some(Participant::new("sip:b").with_display("d\"").with_target("t&"));
        info.dialogs.push(dialog);
        let mut bytes = info.to_xml().into_bytes();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        for document in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            crate::event::fuzz::bodies(document);
        }
    }
}
