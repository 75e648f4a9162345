//! The transport of a page or of its worker: the browser's own `fetch`. Nothing of a library for
//! addresses is needed, and what is loaded stays small.

use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Headers, ReadableStream, ReadableStreamDefaultReader, RequestInit, Response,
};
use yilian_protocol::call::{
    Answered, Call, CallError, Transport,
    http::{Answer, Request},
};

use super::TIMEOUT;

/// Speaks to the node at one base URL.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    base: String,
}

impl HttpTransport {
    /// Speaks to the node at `base`, as `https://node.example.org`: a page's own origin.
    ///
    /// # Errors
    /// None in a browser.
    pub fn new(base: &str) -> Result<Self, CallError> {
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { base })
    }
}

impl Transport for HttpTransport {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let request = Request::of(&call);
        let response = self
            .send(request)
            .await
            .map_err(|error| unreachable(&error))?;
        let mut answer = Answer::to::<C>();
        if let Some(body) = response.body() {
            fill(&mut answer, &body).await?;
        }
        answer.read::<C>(response.status())
    }
}

impl HttpTransport {
    async fn send(&self, request: Request) -> Result<Response, JsValue> {
        let options = RequestInit::new();
        options.set_method(request.method.name());
        let timeout = u32::try_from(TIMEOUT.as_millis()).unwrap_or(u32::MAX);
        options.set_signal(Some(&AbortSignal::timeout_with_u32(timeout)));
        if let Some(body) = request.body {
            let headers = Headers::new()?;
            headers.set("content-type", "application/octet-stream")?;
            options.set_headers(&headers);
            options.set_body(&Uint8Array::from(body.as_slice()));
        }
        // Of a window or of a worker.
        let global = js_sys::global();
        let ask: Function = Reflect::get(&global, &"fetch".into())?.dyn_into()?;
        let url = format!("{}{}", self.base, request.target);
        let sent: Promise = ask.call2(&global, &url.into(), &options)?.dyn_into()?;
        JsFuture::from(sent).await?.dyn_into()
    }
}

/// Reads a body piece by piece, so that a hostile node cannot fill the memory.
async fn fill(answer: &mut Answer, body: &ReadableStream) -> Result<(), CallError> {
    let reader = body.get_reader().dyn_into::<ReadableStreamDefaultReader>();
    let reader = reader.map_err(|reader| unreachable(&reader))?;
    loop {
        let piece = next(&reader).await.map_err(|error| unreachable(&error))?;
        let Some(piece) = piece else {
            return Ok(());
        };
        if let Err(error) = answer.push(&piece.to_vec()) {
            // The rest is not wanted; whether it can be told so does not matter.
            drop(reader.cancel());
            return Err(error);
        }
    }
}

async fn next(reader: &ReadableStreamDefaultReader) -> Result<Option<Uint8Array>, JsValue> {
    let piece = JsFuture::from(reader.read()).await?;
    if Reflect::get(&piece, &"done".into())?.is_truthy() {
        return Ok(None);
    }
    Ok(Some(Reflect::get(&piece, &"value".into())?.dyn_into()?))
}

fn unreachable(error: &JsValue) -> CallError {
    let error = error.dyn_ref::<js_sys::Error>();
    CallError::Unreachable {
        message: error.map_or_else(
            || "the browser could not ask".to_owned(),
            |error| String::from(error.message()),
        ),
    }
}
