//! Call control without I/O: a back-to-back user agent with extensions, transfers and parking
