//! Bulk exports: files with one resource a line (NDJSON), plain or gzipped, sorted by patient here.
//!
//! From the HL7 FHIR Bulk Data Access guide: a file per type, resources of many patients mixed,
//! references relative (`Patient/1`).
//!
//! A resource belongs to the one patient whom it is about: a Patient to itself; any other to the
//! patient of its `patient` or `subject`; without these to the only patient it refers to at all.
//! What refers to no patient is shared. What refers to several without saying whose it is is set
//! apart, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

use super::bundle::Bundle;
use super::resource::Resource;
use crate::Error;

/// Longest line, in bytes: one resource with its attachments.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// Largest file after decompression, in bytes; a gzip bomb stops here.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Most resources in all files of an export.
const RESOURCES_MAX: usize = 1_000_000;

/// Gathers the files of an export, in any order.
#[derive(Debug, Default)]
pub struct BulkReader {
    resources: Vec<Resource>,
}

/// An export, patient by patient.
#[derive(Debug, Default)]
pub struct Bulk {
    /// Logical id of each patient, with the bundle of all resources about them.
    pub patients: BTreeMap<String, Bundle>,
    /// Organisations, clinicians, places and whatever else is about no patient.
    pub shared: Vec<Resource>,
    /// Resources that name several patients and none as theirs, or a patient by a URL that is not
    /// relative.
    pub unassigned: Vec<Resource>,
}

impl BulkReader {
    /// Reads a `.ndjson` or `.ndjson.gz` file; which one is told by its first bytes.
    pub fn read_file(&mut self, path: &Path) -> Result<(), Error> {
        self.read(File::open(path)?)
    }

    /// Reads NDJSON, plain or gzipped.
    pub fn read(&mut self, input: impl Read) -> Result<(), Error> {
        let mut input = BufReader::new(input);
        if input.fill_buf()?.starts_with(&GZIP_MAGIC) {
            return self.read_lines(BufReader::new(MultiGzDecoder::new(input)));
        }
        self.read_lines(input)
    }

    /// Everything read, in its order.
    pub fn into_resources(self) -> Vec<Resource> {
        self.resources
    }

    /// Sorts everything read by patient.
    pub fn finish(self) -> Bulk {
        let mut bulk = Bulk::default();
        let mut patients: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
        for resource in self.resources {
            match subject(&resource) {
                Subject::Patient(id) => patients.entry(id).or_default().push(resource),
                Subject::Nobody => bulk.shared.push(resource),
                Subject::Unclear => bulk.unassigned.push(resource),
            }
        }
        let bundle = |(id, resources)| (id, Bundle::collection(resources));
        bulk.patients = patients.into_iter().map(bundle).collect();
        bulk
    }

    fn read_lines(&mut self, mut input: impl BufRead) -> Result<(), Error> {
        let mut left = FILE_BYTES_MAX;
        let mut text = Vec::new();
        for line in 1_u64.. {
            text.clear();
            let limit = LINE_BYTES_MAX.min(left) + 1;
            let read = (&mut input).take(limit).read_until(b'\n', &mut text)? as u64;
            if read == limit {
                let max = if left < LINE_BYTES_MAX {
                    FILE_BYTES_MAX
                } else {
                    LINE_BYTES_MAX
                };
                return Err(Error::TooLarge { max });
            }
            if read == 0 {
                break;
            }
            left -= read;
            if text.trim_ascii().is_empty() {
                continue;
            }
            if self.resources.len() == RESOURCES_MAX {
                return Err(Error::TooManyEntries { max: RESOURCES_MAX });
            }
            let at_line = |source| Error::Line {
                line,
                source: Box::new(source),
            };
            self.resources
                .push(Resource::parse(&text).map_err(at_line)?);
        }
        Ok(())
    }
}

enum Subject {
    Patient(String),
    Nobody,
    Unclear,
}

fn subject(resource: &Resource) -> Subject {
    if resource.resource_type() == "Patient" {
        return resource
            .id()
            .map_or(Subject::Unclear, |id| Subject::Patient(id.to_owned()));
    }
    let direct = ["patient", "subject"].into_iter().find_map(|name| {
        resource
            .value()
            .get(name)?
            .get("reference")
            .and_then(Value::as_str)
    });
    if let Some(reference) = direct.filter(|reference| reference.contains("Patient")) {
        return patient(reference).map_or(Subject::Unclear, |id| Subject::Patient(id.to_owned()));
    }
    let named: BTreeSet<String> = resource
        .references()
        .filter_map(|(_, reference)| patient(reference).map(str::to_owned))
        .collect();
    let mut named = named.into_iter();
    match (named.next(), named.next()) {
        (None, _) => Subject::Nobody,
        (Some(id), None) => Subject::Patient(id),
        _ => Subject::Unclear,
    }
}

fn patient(reference: &str) -> Option<&str> {
    reference.strip_prefix("Patient/")?.split('/').next()
}

/// RFC 1952, section 2.3.1.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
