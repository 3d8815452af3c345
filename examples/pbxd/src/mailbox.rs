//! What the two threads say to each other.
//!
//! A turn's messages are handed over in one go, with one lock, and the other side is woken only if it was not yet, and only for
//! what cannot wait: a wake-up costs more than most messages do. Neither side ever waits for the other. A side that has filled the other's mailbox stops reading its sockets until there is room
//! again ([`Outbox::is_congested`]): the kernel then drops packets, no message is lost, and memory stays bounded.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::Waker;

/// Messages in a mailbox from which on the sender takes no more input.
const CONGESTED: usize = 50_000;

struct Shared<T> {
    queue: Mutex<Queue<T>>,
    waker: Arc<Waker>,
}

struct Queue<T> {
    messages: Vec<T>,
    /// Whether the receiver was woken since it last looked.
    woken: bool,
    closed: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sender's end. When it is dropped, the receiver is told.
pub(crate) struct Outbox<T>(Arc<Shared<T>>);

/// The receiver's end.
pub(crate) struct Inbox<T>(Arc<Shared<T>>);

/// A mailbox whose receiver is woken by `waker`.
pub(crate) fn mailbox<T>(waker: Arc<Waker>) -> (Outbox<T>, Inbox<T>) {
    let shared = Arc::new(Shared {
        queue: Mutex::new(Queue {
            messages: Vec::new(),
            woken: false,
            closed: false,
        }),
        waker,
    });
    (Outbox(Arc::clone(&shared)), Inbox(shared))
}

impl<T> Outbox<T> {
    /// Hands over all messages, in their order, and leaves `messages` empty with its memory. If none of them is `urgent`,
    /// the receiver finds them when it next wakes up for another reason.
    pub(crate) fn send(&self, messages: &mut Vec<T>, urgent: bool) -> io::Result<()> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut queue = self.0.lock();
        queue.messages.append(messages);
        let wake = urgent && !std::mem::replace(&mut queue.woken, true);
        drop(queue);
        if wake { self.0.waker.wake() } else { Ok(()) }
    }

    /// Whether so much waits there that the sender is to take no more input.
    pub(crate) fn is_congested(&self) -> bool {
        self.0.lock().messages.len() >= CONGESTED
    }
}

impl<T> Drop for Outbox<T> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        // The receiver finds out at its next turn at the latest.
        let _ = self.0.waker.wake();
    }
}

impl<T> Inbox<T> {
    /// Appends what has arrived; `false` where the sender is gone.
    pub(crate) fn receive(&self, into: &mut Vec<T>) -> bool {
        let mut queue = self.0.lock();
        queue.woken = false;
        if into.is_empty() {
            std::mem::swap(into, &mut queue.messages);
        } else {
            into.append(&mut queue.messages);
        }
        !queue.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (mio::Poll, Outbox<u32>, Inbox<u32>) {
        let poll = mio::Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), mio::Token(0)).unwrap());
        let (outbox, inbox) = mailbox(waker);
        (poll, outbox, inbox)
    }

    fn wakes(poll: &mut mio::Poll) -> usize {
        let mut events = mio::Events::with_capacity(4);
        poll.poll(&mut events, Some(std::time::Duration::ZERO)).unwrap();
        events.iter().count()
    }

    #[test]
    fn a_turn_is_one_wake_and_keeps_its_order() {
        let (mut poll, outbox, inbox) = pair();
        outbox.send(&mut vec![], true).unwrap();
        assert_eq!(wakes(&mut poll), 0);
        outbox.send(&mut vec![1, 2], true).unwrap();
        assert_eq!(wakes(&mut poll), 1);
        outbox.send(&mut vec![3], true).unwrap();
        assert_eq!(wakes(&mut poll), 0, "woken again although messages waited");
        let mut got = vec![0];
        assert!(inbox.receive(&mut got));
        assert_eq!(got, [0, 1, 2, 3]);
        outbox.send(&mut vec![4], true).unwrap();
        assert_eq!(wakes(&mut poll), 1);
    }

    #[test]
    fn what_can_wait_wakes_nobody_and_hinders_no_wake_up() {
        let (mut poll, outbox, inbox) = pair();
        outbox.send(&mut vec![1], false).unwrap();
        assert_eq!(wakes(&mut poll), 0);
        outbox.send(&mut vec![2], true).unwrap();
        assert_eq!(wakes(&mut poll), 1);
        outbox.send(&mut vec![3], false).unwrap();
        outbox.send(&mut vec![4], true).unwrap();
        assert_eq!(wakes(&mut poll), 0, "was woken already");
        let mut got = Vec::new();
        inbox.receive(&mut got);
        assert_eq!(got, [1, 2, 3, 4]);
    }

    #[test]
    fn congestion_begins_at_the_limit_and_ends_when_read() {
        let (_poll, outbox, inbox) = pair();
        outbox.send(&mut vec![0; CONGESTED - 1], true).unwrap();
        assert!(!outbox.is_congested());
        outbox.send(&mut vec![0], true).unwrap();
        assert!(outbox.is_congested());
        inbox.receive(&mut Vec::new());
        assert!(!outbox.is_congested());
    }

    #[test]
    fn the_end_of_the_sender_is_told_after_its_last_message() {
        let (mut poll, outbox, inbox) = pair();
        outbox.send(&mut vec![7], true).unwrap();
        drop(outbox);
        assert_eq!(wakes(&mut poll), 1);
        let mut got = Vec::new();
        assert!(!inbox.receive(&mut got));
        assert_eq!(got, [7]);
    }
}
