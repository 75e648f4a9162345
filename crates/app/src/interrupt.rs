//! Ctrl-C: at a prompt, which has taken the terminal in hand; and afterwards.
//!
//! The prompt turns the terminal's own keys off, and sends the process the signal itself. With the
//! signal's usual effect the process would end there, and leave the terminal without an echo. So
//! the signal is heard, and the prompt gives the terminal back first.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
    mpsc,
};

use tokio::signal::unix::{SignalKind, signal};

/// What a shell says of a command that Ctrl-C ended.
const EXIT_CODE: i32 = 130;

/// Whether a prompt has the terminal.
static ASKING: AtomicBool = AtomicBool::new(false);
/// Whether the command ends in good order by itself.
static AWAITED: AtomicBool = AtomicBool::new(false);

/// Asks somebody at the terminal: Ctrl-C ends `ask` with an error, and the process when nobody is
/// asked any more.
pub fn at_prompt<R>(ask: impl FnOnce() -> R) -> R {
    static HEARD: OnceLock<()> = OnceLock::new();
    HEARD.get_or_init(hear);
    ASKING.store(true, Ordering::SeqCst);
    let answer = ask();
    ASKING.store(false, Ordering::SeqCst);
    answer
}

/// From now on whoever waits for Ctrl-C ends the process.
pub fn is_awaited() {
    AWAITED.store(true, Ordering::SeqCst);
}

/// Hears the signal from now on, when it returns. Where that cannot be, it has its usual effect.
fn hear() {
    let (hearing, heard) = mpsc::channel::<()>();
    let listen = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let Ok(mut interrupts) = signal(SignalKind::interrupt()) else {
                return;
            };
            drop(hearing);
            while interrupts.recv().await.is_some() {
                if !ASKING.load(Ordering::SeqCst) && !AWAITED.load(Ordering::SeqCst) {
                    std::process::exit(EXIT_CODE);
                }
            }
        });
    };
    if std::thread::Builder::new().spawn(listen).is_ok() {
        // Ends when the other end is gone, whatever the reason.
        heard.iter().for_each(drop);
    }
}
