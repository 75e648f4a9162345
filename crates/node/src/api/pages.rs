//! The pages, served beside the API: files that `yilian-assets` embeds, under headers that let a
//! page load nothing from anywhere else and run nothing that is not a file of it.
//!
//! Whoever asks for HTML where no call and no file is gets the one document of the pages; it has
//! the routes. What is named by its content's hash is kept by browsers for ever, all else is asked
//! for again each time, and answered with nothing when it is as it was.

use std::borrow::Cow;

use axum::{
    body::Bytes,
    extract::Request,
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use yilian_assets::Asset;
use yilian_protocol::call::{CallError, http::PREFIX};

use super::Failure;

const DOCUMENT: &str = "index.html";

/// Files of these names never change.
const BY_HASH: &str = "assets/";

const SAFETY: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
         style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// What a program says that was built without pages.
const NONE: &str = "This program was built without pages. `cargo xtask pages` builds them; then \
                    build the program again.\n";

/// Answers whatever is no call: a file, the document, or that there is nothing.
pub async fn serve(request: Request) -> Response {
    let nothing = || Failure(CallError::not_found("route")).into_response();
    let path = request.uri().path();
    if !matches!(*request.method(), Method::GET | Method::HEAD) || path.starts_with(PREFIX) {
        return nothing();
    }
    let name = path.trim_start_matches('/');
    if !name.is_empty()
        && let Some(asset) = yilian_assets::get(name)
    {
        return answer(name, asset, request.headers());
    }
    let is_named = name
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains('.'));
    if is_named || !accepts(request.headers(), header::ACCEPT, "text/html") {
        return nothing();
    }
    match yilian_assets::get(DOCUMENT) {
        Some(document) => answer(DOCUMENT, document, request.headers()),
        None => (StatusCode::NOT_FOUND, NONE).into_response(),
    }
}

fn answer(name: &str, asset: Asset, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(asset.hash));
    let mut headers = HeaderMap::new();
    let lasting = match name.starts_with(BY_HASH) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let fixed = [
        (header::CONTENT_TYPE, media_type(name)),
        (header::CACHE_CONTROL, lasting),
        (header::VARY, "accept-encoding"),
    ];
    for (header, value) in fixed.into_iter().chain(SAFETY) {
        headers.insert(header, axum::http::HeaderValue::from_static(value));
    }
    if accepts(asked, header::IF_NONE_MATCH, &tag) {
        return (StatusCode::NOT_MODIFIED, headers, [(header::ETAG, tag)]).into_response();
    }
    let tag = [(header::ETAG, tag)];
    if accepts(asked, header::ACCEPT_ENCODING, "br") {
        let brotli = [(header::CONTENT_ENCODING, "br")];
        return (headers, tag, brotli, body(asset.brotli)).into_response();
    }
    (headers, tag, body(asset.plain)).into_response()
}

/// Bytes to send. What is embedded is not copied: who asks for much and reads none takes no memory.
fn body(bytes: Cow<'static, [u8]>) -> Bytes {
    match bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// Whether a list in a header names `word`, whatever its weight; a weight of zero is no browser's.
fn accepts(headers: &HeaderMap, header: HeaderName, word: &str) -> bool {
    let lists = headers.get_all(header).into_iter();
    let lists = lists.filter_map(|list| list.to_str().ok());
    let mut words = lists.flat_map(|list| list.split(','));
    words.any(|entry| entry.split(';').next().map(str::trim) == Some(word))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(header: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header, value.parse().unwrap())])
    }

    fn asset() -> Asset {
        Asset {
            plain: b"plain"[..].into(),
            brotli: b"br"[..].into(),
            hash: [1; 32],
        }
    }

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        response
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn every_file_comes_with_the_policy_and_its_type() {
        let response = answer("index.html", asset(), &HeaderMap::new());
        assert_eq!(
            header(&response, "content-type"),
            "text/html; charset=utf-8"
        );
        assert_eq!(header(&response, "cache-control"), "no-cache");
        let policy = header(&response, "content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"));
        assert!(!policy.contains("http"), "a third host: {policy}");
        let response = answer("assets/a-1f.wasm", asset(), &HeaderMap::new());
        assert_eq!(header(&response, "content-type"), "application/wasm");
        assert!(header(&response, "cache-control").contains("immutable"));
    }

    #[test]
    fn brotli_is_for_those_who_read_it() {
        for (accepted, encoding) in [
            ("gzip, deflate, br, zstd", "br"),
            ("br;q=1.0", "br"),
            ("gzip", ""),
            ("brotli", ""),
        ] {
            let asked = asked(header::ACCEPT_ENCODING, accepted);
            let response = answer("a.js", asset(), &asked);
            assert_eq!(
                header(&response, "content-encoding"),
                encoding,
                "{accepted}"
            );
        }
    }

    #[test]
    fn who_has_it_gets_nothing_again() {
        let tag = format!("\"{}\"", hex::encode([1; 32]));
        let response = answer("a.js", asset(), &asked(header::IF_NONE_MATCH, &tag));
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        let other = asked(header::IF_NONE_MATCH, "\"00\"");
        assert_eq!(answer("a.js", asset(), &other).status(), StatusCode::OK);
    }
}
