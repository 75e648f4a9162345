//! The pages as files: `cargo xtask pages` writes them into `site`, and a program that is built
//! then has them inside. A program that is built without them has none, and says so when it is
//! asked for a page. A debug build reads them from the folder each time.
//!
//! Every file stands there twice: as it is, and compressed by Brotli under its name and `.br`. What
//! lies in `assets/` is named by the hash of its content.

#![forbid(unsafe_code)]

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "site"]
struct Site;

/// A file of the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its bytes.
    pub plain: Cow<'static, [u8]>,
    /// The same, compressed by Brotli.
    pub brotli: Cow<'static, [u8]>,
    /// SHA-256 of the plain bytes.
    pub hash: [u8; 32],
}

/// The file at `path`, as `index.html`; none when there is none, or no pages were built.
#[must_use]
pub fn get(path: &str) -> Option<Asset> {
    let is_hidden = path.split('/').any(|part| part.starts_with('.'));
    if is_hidden || path.ends_with(".br") {
        return None;
    }
    let plain = Site::get(path)?;
    let brotli = Site::get(&format!("{path}.br"))?;
    Some(Asset {
        hash: plain.metadata.sha256_hash(),
        plain: plain.data,
        brotli: brotli.data,
    })
}
