//! What a hostile reviewer would try, vectors checked by second implementations, and published test vectors.

mod attacks;
mod oracle;
mod setting;
mod vectors;
