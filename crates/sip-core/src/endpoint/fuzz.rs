//! The body of the fuzz target for the whole endpoint.
