//! What a node does of its own accord, each on a thread of its own that ends with the node.

use std::{sync::Arc, thread::JoinHandle};

use tokio::sync::Notify;

/// Work that goes on until it ends or is stopped.
#[derive(Debug)]
pub struct Background {
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts `work` on a thread called `name`.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        name: &str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = work => {}
                        () = stopped.notified() => {}
                    }
                });
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    /// Stops it, and waits until it has let go of its files.
    pub fn stop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
