//! The body of the fuzz target `event_bodies`, a plain function so that tests replay the corpus.

use super::dialog_info::{DialogInfo, MAX_DIALOGS, MAX_DOCUMENT};
use super::refer::{Fragment, build};

/// Reads `data` as each kind of body.
///
/// # Panics
///
/// If what was accepted does not print to something that reads the same.
pub fn bodies(data: &[u8]) {
    if let Ok(info) = DialogInfo::parse(data) {
        assert!(info.dialogs.len() <= MAX_DIALOGS);
        let xml = info.to_xml();
        // Escapes and indentation make it longer.
        if xml.len() <= MAX_DOCUMENT {
            assert_eq!(DialogInfo::parse(xml.as_bytes()).as_ref(), Ok(&info));
        }
    }
    if let Ok(fragment) = Fragment::parse(data) {
        let body = build(fragment.status, Some(fragment.reason));
        assert_eq!(Fragment::parse(&body).map(|again| again.status), Ok(fragment.status));
    }
}
