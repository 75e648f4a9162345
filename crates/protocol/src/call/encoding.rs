//! How answers are written.

use schemars::{Schema, json_schema};
use serde::{Serialize, de::DeserializeOwned};

use super::CallError;
use crate::schema::{JsonSchema, Schemas};

/// A way to write answers of the type `A`.
pub trait Encoding<A> {
    /// The media type; none when nothing is written.
    const MEDIA_TYPE: Option<&'static str>;

    /// What the media type is of, for the API's description.
    fn schema(schemas: &mut Schemas) -> Schema;

    /// The bytes of `answer`.
    ///
    /// # Errors
    /// [`CallError::Unavailable`] when it cannot be written; a bug.
    fn write(answer: A) -> Result<Vec<u8>, CallError>;

    /// Reads an answer.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] when the bytes are none: who sent them is no such node.
    fn read(bytes: Vec<u8>) -> Result<A, CallError>;
}

/// JSON: what people and other languages read.
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl<A: Serialize + DeserializeOwned + JsonSchema> Encoding<A> for Json {
    const MEDIA_TYPE: Option<&'static str> = Some("application/json");

    fn schema(schemas: &mut Schemas) -> Schema {
        schemas.of::<A>()
    }

    fn write(answer: A) -> Result<Vec<u8>, CallError> {
        serde_json::to_vec(&answer).map_err(|error| CallError::Unavailable {
            message: format!("the answer cannot be written: {error}"),
        })
    }

    fn read(bytes: Vec<u8>) -> Result<A, CallError> {
        serde_json::from_slice(&bytes).map_err(|error| CallError::Unreachable {
            message: format!("the answer is not what the call promises: {error}"),
        })
    }
}

/// The bytes themselves: a sealed object.
#[derive(Debug, Clone, Copy)]
pub struct Octets;

impl Encoding<Vec<u8>> for Octets {
    const MEDIA_TYPE: Option<&'static str> = Some("application/octet-stream");

    fn schema(_: &mut Schemas) -> Schema {
        json_schema!({ "type": "string", "format": "binary" })
    }

    fn write(answer: Vec<u8>) -> Result<Vec<u8>, CallError> {
        Ok(answer)
    }

    fn read(bytes: Vec<u8>) -> Result<Vec<u8>, CallError> {
        Ok(bytes)
    }
}

/// Nothing but that it is done.
#[derive(Debug, Clone, Copy)]
pub struct Nothing;

impl Encoding<()> for Nothing {
    const MEDIA_TYPE: Option<&'static str> = None;

    fn schema(_: &mut Schemas) -> Schema {
        json_schema!(false)
    }

    fn write((): ()) -> Result<Vec<u8>, CallError> {
        Ok(Vec::new())
    }

    fn read(_: Vec<u8>) -> Result<(), CallError> {
        Ok(())
    }
}
