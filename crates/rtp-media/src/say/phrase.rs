//! The fixed phrases.

/// Defines the phrases and their names.
macro_rules! phrases {
    ($($(#[$doc:meta])* $phrase:ident = $name:literal,)*) => {
        /// A fixed phrase: what it says in English is its documentation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[non_exhaustive]
        pub enum Phrase {
            $($(#[$doc])* $phrase,)*
        }

        impl Phrase {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$phrase),*];

            /// The name of its sound in a language's folder.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$phrase => $name,)*
                }
            }
        }
    };
}

phrases! {
    /// "Welcome."
    Welcome = "welcome",
    /// "All our agents are busy. Please wait."
    PleaseWait = "please-wait",
    /// "Thank you for waiting."
    ThankYouForWaiting = "thank-you-for-waiting",
    /// "You are next."
    YouAreNext = "you-are-next",
    /// "You are number …" A number follows, and [`InTheQueue`](Self::InTheQueue).
    YouAreNumber = "you-are-number",
    /// "… in the queue."
    InTheQueue = "in-the-queue",
    /// "The expected waiting time is …"
    ExpectedWait = "expected-wait",
    /// "… about …"
    About = "about",
    /// "… less than a minute."
    LessThanAMinute = "less-than-a-minute",
    /// "… more than an hour."
    MoreThanAnHour = "more-than-an-hour",
    /// "Your call is being connected."
    Connecting = "connecting",
    /// "This call may be recorded."
    RecordingNotice = "recording-notice",
    /// "You are signed on."
    SignedOn = "signed-on",
    /// "You are signed off."
    SignedOff = "signed-off",
    /// "You are not signed on."
    NotSignedOn = "not-signed-on",
    /// "You are paused."
    Paused = "paused",
    /// "You are ready again."
    Resumed = "resumed",
    /// "Your after-call work has ended."
    WrapUpEnded = "wrap-up-ended",
    /// "Press one to be called back."
    PressOneForCallBack = "press-1-for-call-back",
    /// "We will call you back. You keep your place in the queue."
    CallBackConfirmed = "call-back-confirmed",
    /// "This is the call-back that you asked for. Press one to be connected."
    CallBackArrived = "call-back-arrived",
    /// "Press one to take the call."
    PressOneToAccept = "press-1-to-accept",
    /// "Please leave a message after the tone."
    LeaveAMessage = "leave-a-message",
    /// "The queue is closed at present."
    QueueClosed = "queue-closed",
    /// "The queue is full."
    QueueFull = "queue-full",
    /// "Nobody is available at present."
    NobodyAvailable = "nobody-available",
    /// "Please try again later."
    TryAgainLater = "try-again-later",
    /// "Please enter your number, then the hash key."
    EnterYourNumber = "enter-your-number",
    /// "Please enter your PIN, then the hash key."
    EnterYourPin = "enter-your-pin",
    /// "That code is wrong."
    WrongCode = "wrong-code",
    /// "You are not allowed to do that."
    NotAllowed = "not-allowed",
    /// "That is not a valid choice."
    InvalidChoice = "invalid-choice",
    /// "You are listening to the call." For a supervisor.
    Listening = "listening",
    /// "Only the agent hears you." For a supervisor.
    Whispering = "whispering",
    /// "All can hear you." For a supervisor.
    BargedIn = "barged-in",
    /// "There is no call to listen to."
    NoCall = "no-call",
    /// "Parked at …" A number follows.
    ParkedAt = "parked-at",
    /// "That parking slot is taken."
    SlotTaken = "slot-taken",
    /// "All parking slots are taken."
    LotFull = "lot-full",
    /// "Goodbye."
    Goodbye = "goodbye",
}
