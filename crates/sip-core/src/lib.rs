//! SIP without I/O: messages, transactions, dialogs, subscriptions, registrar, digest
