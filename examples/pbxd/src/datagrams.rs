//! Many datagrams with one system call.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};

/// Room for `BATCH` datagrams of up to `SIZE` bytes; a longer one arrives cut to `SIZE`.
pub(crate) struct Datagrams<const BATCH: usize, const SIZE: usize> {
    buffer: Box<[u8]>,
    // The kernel writes the length of each sender's address over the room that was given for it, so that headers that have
    // served one family of addresses are too short for the other.
    v4: MultiHeaders<SockaddrStorage>,
    v6: MultiHeaders<SockaddrStorage>,
}

/// What one call brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    /// How many datagrams.
    pub(crate) count: usize,
    /// Whether nothing was left behind: no second call is needed to find that out.
    pub(crate) drained: bool,
}

impl<const BATCH: usize, const SIZE: usize> Datagrams<BATCH, SIZE> {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; BATCH * SIZE].into_boxed_slice(),
            v4: MultiHeaders::preallocate(BATCH, None),
            v6: MultiHeaders::preallocate(BATCH, None),
        }
    }

    /// Takes up to `BATCH` datagrams out of a socket that does not block, bound to `local`. Does not allocate.
    pub(crate) fn receive(
        &mut self,
        socket: &impl AsRawFd,
        local: SocketAddr,
        mut each: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<Received> {
        let mut parts = self.buffer.chunks_exact_mut(SIZE);
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(parts.next().unwrap_or_default())]);
        let headers = if local.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
        let messages = match recvmmsg(socket.as_raw_fd(), headers, &mut slices, MsgFlags::MSG_DONTWAIT, None) {
            Ok(messages) => messages,
            Err(Errno::EAGAIN | Errno::EINTR) => {
                return Ok(Received {
                    count: 0,
                    drained: true,
                });
            }
            Err(error) => return Err(error.into()),
        };
        let mut count = 0;
        for message in messages {
            count += 1;
            if let Some(remote) = message.address.as_ref().and_then(std_address) {
                each(remote, message.iovs().next().unwrap_or_default());
            }
        }
        Ok(Received {
            count,
            drained: count < BATCH,
        })
    }
}

fn std_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn socket(address: &str) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        let local = socket.local_addr().unwrap();
        (socket, local)
    }

    #[test]
    fn takes_a_batch_and_tells_whether_any_are_left() {
        let mut datagrams = Datagrams::<4, 64>::new();
        let (receiver, local) = socket("127.0.0.1:0");
        let (sender, from) = socket("127.0.0.1:0");
        let mut receive = || {
            let mut got = Vec::new();
            let received = datagrams
                .receive(&receiver, local, |remote, data| got.push((remote, data.to_vec())))
                .unwrap();
            (received, got)
        };
        assert_eq!(
            receive(),
            (
                Received {
                    count: 0,
                    drained: true
                },
                vec![]
            )
        );
        for byte in 0..6u8 {
            sender.send_to(&[byte; 3], local).unwrap();
        }
        let (first, got) = receive();
        assert_eq!(
            first,
            Received {
                count: 4,
                drained: false
            }
        );
        assert_eq!(got.last(), Some(&(from, vec![3; 3])));
        let (second, got) = receive();
        assert_eq!(
            second,
            Received {
                count: 2,
                drained: true
            }
        );
        assert_eq!(got, [(from, vec![4; 3]), (from, vec![5; 3])]);
    }

    #[test]
    fn both_families_empty_and_overlong_datagrams() {
        let mut datagrams = Datagrams::<4, 8>::new();
        for address in ["127.0.0.1:0", "[::1]:0", "127.0.0.1:0"] {
            let (receiver, local) = socket(address);
            let (sender, from) = socket(address);
            for length in [0, 8, 9] {
                sender.send_to(&vec![1; length], local).unwrap();
            }
            let mut got = Vec::new();
            datagrams
                .receive(&receiver, local, |remote, data| got.push((remote, data.len())))
                .unwrap();
            assert_eq!(got, [(from, 0), (from, 8), (from, 8)]);
        }
    }
}
