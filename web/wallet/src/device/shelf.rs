//! Where a browser keeps bytes: `web/pages/src/device/shelf.ts`, over IndexedDB.

use js_sys::{Array, JsString, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};

use crate::trouble::{Fault, Trouble};

#[wasm_bindgen(typescript_custom_section)]
const SHELF: &str = "
/** Where bytes are kept under names. What was written is on disk when it is answered. */
export interface Shelf {
  read(name: string): Promise<Uint8Array | undefined>;
  names(): Promise<string[]>;
  /** All of them, and none of those that go any more; or nothing of it. */
  write(entries: [name: string, bytes: Uint8Array][], gone: string[]): Promise<void>;
}
";

#[wasm_bindgen]
extern "C" {
    /// See the TypeScript beside it.
    #[wasm_bindgen(typescript_type = "Shelf")]
    #[derive(Debug)]
    pub type Shelf;

    #[wasm_bindgen(method, catch, js_name = read)]
    async fn ask_read(this: &Shelf, name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, js_name = names)]
    async fn ask_names(this: &Shelf) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, js_name = write)]
    async fn ask_write(this: &Shelf, entries: Array, gone: Array) -> Result<JsValue, JsValue>;
}

/// Bytes under a name.
pub(crate) type Entry = (String, Vec<u8>);

impl Shelf {
    pub(crate) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Trouble> {
        let read = self.ask_read(name).await.map_err(|error| lost(&error))?;
        let bytes = read.dyn_into::<Uint8Array>().ok();
        Ok(bytes.map(|bytes| bytes.to_vec()))
    }

    /// The names that begin with `prefix`.
    pub(crate) async fn names(&self, prefix: &str) -> Result<Vec<String>, Trouble> {
        let names = self.ask_names().await.map_err(|error| lost(&error))?;
        let names = Array::from(&names);
        let names = names.iter().filter_map(|name| name.as_string());
        Ok(names.filter(|name| name.starts_with(prefix)).collect())
    }

    pub(crate) async fn write(&self, entries: &[Entry]) -> Result<(), Trouble> {
        self.change(entries, &[]).await
    }

    /// Puts entries, and takes away those of the names `gone`.
    pub(crate) async fn change(&self, entries: &[Entry], gone: &[String]) -> Result<(), Trouble> {
        let pairs = Array::new();
        for (name, bytes) in entries {
            let bytes = Uint8Array::from(bytes.as_slice());
            pairs.push(&Array::of2(&JsString::from(name.as_str()), &bytes));
        }
        let gone = gone.iter().map(|name| JsString::from(name.as_str()));
        let written = self.ask_write(pairs, gone.collect()).await;
        written.map(drop).map_err(|error| lost(&error))
    }
}

fn lost(error: &JsValue) -> Trouble {
    let error = error.dyn_ref::<js_sys::Error>();
    let message = error.map(|error| String::from(error.message()));
    let message = message.unwrap_or_else(|| "the browser does not say why".to_owned());
    Trouble::new(Fault::NotKept, message)
}
