//! Open files: sockets and storage share what the system allows to one process. Storage comes
//! first, for a node whose storage fails is none.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::limits::{ConnectionOptions, Limits, TOTAL_MIN};

/// Files that storage, peers and neighbours have for themselves: four for 65,536 blocks, some
/// dozens for objects and databases, a socket for each peer.
const RESERVE: usize = 768;
/// Files that are asked for at most. Some systems allow a billion, and some libraries count them.
const ASKED_MAX: u64 = 1 << 20;

/// The open files that this process may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles(usize);

impl OpenFiles {
    /// Raises the limit as far as the system lets it.
    ///
    /// # Errors
    /// [`FilesError`] when that is too little for a node.
    pub fn raise() -> Result<Self, FilesError> {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let most = maximum.unwrap_or(ASKED_MAX).min(ASKED_MAX);
        let mut allowed = current.unwrap_or(ASKED_MAX);
        if allowed < most {
            let asked = Rlimit {
                current: Some(most),
                maximum,
            };
            if setrlimit(Resource::Nofile, asked).is_ok() {
                allowed = most;
            }
        }
        Self::of(usize::try_from(allowed).unwrap_or(usize::MAX))
    }

    /// That many.
    ///
    /// # Errors
    /// [`FilesError`] when they are too few for a node.
    pub const fn of(allowed: usize) -> Result<Self, FilesError> {
        let needed = RESERVE + TOTAL_MIN;
        if allowed < needed {
            return Err(FilesError { allowed, needed });
        }
        Ok(Self(allowed))
    }

    /// What is left for connections, of those that an operator wants.
    #[must_use]
    pub fn limits(self, options: ConnectionOptions) -> Limits {
        let left = self.0 - RESERVE;
        if left < options.total {
            tracing::warn!(
                allowed = self.0,
                reserved = RESERVE,
                wanted = options.total,
                "only {left} connections: the system allows no more open files"
            );
        }
        Limits::of(ConnectionOptions {
            total: options.total.clamp(TOTAL_MIN, left),
            ..options
        })
    }
}

impl std::fmt::Display for OpenFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(allowed) = self;
        write!(
            f,
            "{allowed} open files, {RESERVE} of them kept for storage"
        )
    }
}

/// The system allows too few open files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process may have {allowed} open files, and a node needs {needed}")]
pub struct FilesError {
    /// How many it may have.
    pub allowed: usize,
    /// How many it needs.
    pub needed: usize,
}

impl FilesError {
    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        "raise the hard limit: `LimitNOFILE=65536` in its systemd unit, or `ulimit -Hn 65536` \
         before it starts"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_keeps_its_files_whatever_connections_want() {
        let limits = |allowed: usize, total: usize| {
            let options = ConnectionOptions {
                total,
                ..ConnectionOptions::default()
            };
            OpenFiles::of(allowed).unwrap().limits(options)
        };
        for allowed in [RESERVE + TOTAL_MIN, 1_024, 4_096, 65_536] {
            let limits = limits(allowed, usize::MAX);
            let all = limits.arriving + limits.strangers + limits.members + limits.loopback;
            assert!(all + RESERVE <= allowed, "{allowed}: {limits:?}");
        }
        assert_eq!(limits(65_536, 2_048).members, 512);
    }

    #[test]
    fn too_few_files_are_refused() {
        let error = OpenFiles::of(RESERVE + TOTAL_MIN - 1).unwrap_err();
        assert!(error.to_string().contains("831"), "{error}");
        assert!(error.remedy().contains("LimitNOFILE"));
    }

    #[test]
    fn the_limit_is_raised_to_what_the_system_allows() {
        let most = getrlimit(Resource::Nofile).maximum.unwrap_or(ASKED_MAX);
        OpenFiles::raise().unwrap();
        let now = getrlimit(Resource::Nofile).current.unwrap_or(ASKED_MAX);
        assert!(now >= most.min(ASKED_MAX), "{now} of {most}");
    }
}
