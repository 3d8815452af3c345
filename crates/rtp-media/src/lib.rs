//! RTP media without I/O: packets, streams, codecs, DTMF, tones, prompts, and the engine that joins them
