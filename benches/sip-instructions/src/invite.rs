//! The message that is measured: an INVITE as it comes to a PBX over two proxies, challenged and sent again.

const BODY: &str = "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.101\r\ns=-\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\n\
    m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=sendrecv\r\n";

/// The INVITE.
pub fn invite() -> bytes::Bytes {
    format!(
        "INVITE sip:bob@biloxi.example.com;transport=udp SIP/2.0\r\n\
         Via: SIP/2.0/UDP proxy2.example.com:5060;branch=z9hG4bK2d4790.1\r\n\
         Via: SIP/2.0/UDP proxy1.example.com:5060;branch=z9hG4bK721e418c4.1;received=192.0.2.111\r\n\
         Via: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74bf9;received=192.0.2.101;rport=5060\r\n\
         Record-Route: <sip:proxy2.example.com;lr>\r\nRecord-Route: <sip:proxy1.example.com;lr>\r\n\
         Max-Forwards: 68\r\nFrom: \"Alice\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n\
         To: \"Bob\" <sip:bob@biloxi.example.com>\r\nCall-ID: 3848276298220188511@atlanta.example.com\r\n\
         CSeq: 2 INVITE\r\nContact: <sip:alice@192.0.2.101:5060;transport=udp>;expires=3600\r\n\
         Authorization: Digest username=\"alice\", realm=\"biloxi.example.com\", \
         nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"sip:bob@biloxi.example.com\", \
         response=\"6629fae49393a05397450978507c4ef1\", algorithm=MD5\r\n\
         Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO\r\nSupported: replaces, timer\r\nSession-Expires: 1800\r\n\
         User-Agent: Example Phone 1.0\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
    .into()
}
