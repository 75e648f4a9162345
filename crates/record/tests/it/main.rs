//! Tests of the record crate from outside.

mod fhir_real;
