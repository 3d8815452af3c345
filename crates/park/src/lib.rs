//! Call parking lots and slots, for any kind of call id, without I/O
