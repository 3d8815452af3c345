pub use crate::auth::fuzz::digest;
pub use crate::body::fuzz::{dtmf, media_control, multipart};
pub use crate::endpoint::fuzz::endpoint;
pub use crate::event::fuzz::{bodies, dialog_info, message_summary, pidf, sipfrag};
pub use crate::event::publish::fuzz::publish;
pub use crate::header::fuzz as header;
pub use crate::outbound::fuzz::outbound;
pub use crate::proxy::fuzz::proxy;
pub use crate::resolver::fuzz::resolver;
pub use crate::websocket::fuzz::websocket;
pub use crate::wire::fuzz::{headers, message, stream, uri};

/// Bytes read as a script: operations with their arguments.
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    /// Operations that are played at most: more show nothing new, and slow a run down.
    const STEPS: usize = 2_001;

    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Plays operation after operation; each takes its arguments from what follows.
    pub(crate) fn play(&mut self, mut step: impl FnMut(u8, &mut Self)) {
        for _ in 0..Self::STEPS {
            let Some(operation) = self.byte() else { break };
            step(operation, self);
        }
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A small number, 0 at the end.
    pub(crate) fn number(&mut self) -> u64 {
        u64::from(self.byte().unwrap_or_default())
    }

    /// Up to 2,040 octets.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte().unwrap_or_default()) * 8;
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// One of `all`, if there is any.
    pub(crate) fn choice<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let at = usize::from(self.byte().unwrap_or_default());
        all.get(at % all.len().max(1)).copied()
    }
}
