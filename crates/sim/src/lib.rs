//! Seeded networks and virtual phones around any Strowger machine
