//! The bodies of the fuzz targets of event packages, plain functions so that tests replay the corpora.

use super::dialog_info::{DialogInfo, DialogWatcher, MAX_DIALOGS, Watched};
use super::message_summary::{MAX_SUMMARY, MessageSummary};
use super::pidf::Presence;
use super::refer::{Fragment, build};
use crate::body::xml::MAX_DOCUMENT;

/// Reads `data` as each kind of body.
///
/// # Panics
///
/// If what was accepted does not print to something that reads the same.
pub fn bodies(data: &[u8]) {
    dialog_info(data);
    pidf(data);
    message_summary(data);
    sipfrag(data);
}

/// Reads `data` as a dialog-info document.
///
/// # Panics
///
/// As [`bodies`]; or if a watcher knows more than the document says, or takes it twice.
pub fn dialog_info(data: &[u8]) {
    let Ok(info) = DialogInfo::parse(data) else { return };
    assert!(info.dialogs.len() <= MAX_DIALOGS);
    let xml = info.to_xml();
    // Escapes and indentation make it longer.
    if xml.len() <= MAX_DOCUMENT {
        assert_eq!(DialogInfo::parse(xml.as_bytes()).as_ref(), Ok(&info));
    }
    let mut watcher = DialogWatcher::new();
    let first = watcher.receive(&info);
    assert!(watcher.dialogs().count() <= info.dialogs.len());
    if matches!(first, Ok(Watched::Changed(_))) {
        assert_eq!(watcher.receive(&info), Ok(Watched::Old));
    }
}

/// Reads `data` as a presence document.
///
/// # Panics
///
/// As [`bodies`].
pub fn pidf(data: &[u8]) {
    let Ok(presence) = Presence::parse(data) else { return };
    let xml = presence.to_xml();
    if xml.len() <= MAX_DOCUMENT {
        assert_eq!(Presence::parse(xml.as_bytes()).as_ref(), Ok(&presence));
    }
}

/// Reads `data` as a message summary.
///
/// # Panics
///
/// As [`bodies`].
pub fn message_summary(data: &[u8]) {
    let Ok(summary) = MessageSummary::parse(data) else {
        return;
    };
    let body = summary.to_body();
    if body.len() <= MAX_SUMMARY {
        assert_eq!(MessageSummary::parse(body.as_bytes()).as_ref(), Ok(&summary));
    }
}

/// Reads `data` as a fragment of a message.
///
/// # Panics
///
/// As [`bodies`].
pub fn sipfrag(data: &[u8]) {
    crate::body::fuzz::fragment(data);
    let Ok(fragment) = Fragment::parse(data) else { return };
    let body = build(fragment.status, Some(fragment.reason));
    assert_eq!(Fragment::parse(&body).map(|again| again.status), Ok(fragment.status));
    crate::body::fuzz::fragment(&body);
}
