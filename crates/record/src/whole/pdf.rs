//! PDF, ISO 32000-2: header (7.5.2), trailer (7.5.5), and that it is not encrypted (7.6). Nothing
//! of it is read further, so it is found by nothing.

use super::{Fault, Read};

/// The end of the file, in which `startxref` and `%%EOF` stand.
const TAIL: usize = 1_024;
/// What is looked at of a trailer dictionary.
const TRAILER: usize = 4_096;

pub(super) fn read(bytes: &[u8]) -> Result<Read, Fault> {
    let version = bytes.strip_prefix(b"%PDF-").unwrap_or_default();
    if !matches!(version, [b'1' | b'2', b'.', b'0'..=b'9', ..]) {
        return Err(Fault::whole("has no version in its first line"));
    }
    let from = bytes.len().saturating_sub(TAIL);
    let tail = bytes.get(from..).unwrap_or_default();
    let end = last(tail, b"%%EOF").ok_or(Fault::whole("is cut off: it has no end"))?;
    let body = tail.get(..end).unwrap_or_default();
    let place = last(body, b"startxref").ok_or(Fault::whole("has no cross-reference"))?;
    let number = body.get(place + b"startxref".len()..).unwrap_or_default();
    let number = std::str::from_utf8(number.trim_ascii()).ok();
    let offset = number.and_then(|number| number.parse::<usize>().ok());
    let table = offset.and_then(|offset| bytes.get(offset..));
    let table = table.filter(|table| is_table(table));
    let table = table.ok_or(Fault::whole("has no cross-reference where it says"))?;
    if encrypted(table) {
        return Err(Fault::whole(
            "is encrypted: its readers would need a password besides",
        ));
    }
    Ok(Read::default())
}

/// A table begins with `xref`, a stream with the number of its object.
fn is_table(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    text.starts_with(b"xref") || text.first().is_some_and(u8::is_ascii_digit)
}

/// Whether the dictionary of the trailer, or of the stream that stands for it, names how the file
/// is encrypted.
fn encrypted(table: &[u8]) -> bool {
    let trailer = match first(table, b"trailer") {
        Some(at) if table.trim_ascii_start().starts_with(b"xref") => table.get(at..),
        _ => Some(table),
    };
    let trailer = trailer.unwrap_or_default();
    let trailer = trailer.get(..TRAILER).unwrap_or(trailer);
    let ends = [&b"startxref"[..], b"stream"];
    let end = ends.iter().filter_map(|mark| first(trailer, mark)).min();
    let trailer = trailer
        .get(..end.unwrap_or(trailer.len()))
        .unwrap_or_default();
    first(trailer, b"/Encrypt").is_some()
}

fn first(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}

fn last(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).rposition(|window| window == mark)
}
