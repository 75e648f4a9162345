//! From FHIR to what a doctor seals: a bundle is read and checked, grouped into visits, and each
//! visit split by confidentiality.

use yilian_protocol::{Cid, Confidentiality};
use yilian_record::{
    Error,
    encounter::Visit,
    fhir::{Bundle, Directory},
    keyword::LeftOut,
    media::MediaType,
    whole::Whole,
};

use crate::{Draft, Keyword};

/// Reads and checks a bundle, which may refer to those in `known`.
///
/// # Errors
/// What is wrong, named by resource and path.
pub fn checked(bytes: &[u8], known: &Directory) -> Result<Bundle, Error> {
    let (bundle, _) = Bundle::check(bytes, known)?;
    Ok(bundle)
}

/// The drafts of a visit: one for each part, with its keywords and what tells of those left out.
#[must_use]
pub fn of_visit(visit: &Visit) -> Vec<Draft> {
    let parts = yilian_record::label::parts(visit).into_iter();
    parts.map(|part| draft(MediaType::FhirJson, part)).collect()
}

/// The draft of a document that is sealed as a whole, at the level that its author states or above.
#[must_use]
pub fn of_document(document: &Whole, stated: Confidentiality) -> Draft {
    draft(document.media(), document.part(Some(stated)))
}

fn draft(media: MediaType, part: yilian_record::label::Part) -> Draft {
    Draft {
        confidentiality: part.confidentiality,
        media,
        keywords: part.keywords.texts().filter_map(keyword).collect(),
        content: part.content,
    }
}

/// What tells a visit from every other: its resources, in any order, whatever bundle they came in.
/// The same export twice has the same.
#[must_use]
pub fn visit_id(visit: &Visit) -> Cid {
    let resources = visit.resources.iter();
    let ids = resources.map(|resource| Cid::of(resource.canonical_bytes()));
    let mut ids: Vec<[u8; 32]> = ids.map(|id| *id.as_bytes()).collect();
    ids.sort_unstable();
    Cid::of(ids.as_flattened())
}

/// The same of a document: its bytes.
#[must_use]
pub fn document_id(document: &Whole) -> Cid {
    Cid::of(document.content())
}

/// The keywords that a query means, to be sought together; none when it says nothing.
#[must_use]
pub fn sought(query: &str) -> Vec<Keyword> {
    let keywords = yilian_record::keyword::query(query);
    keywords
        .iter()
        .filter_map(|found| keyword(found.to_text()))
        .collect()
}

/// What the index of a draft could not hold.
#[must_use]
pub fn left_out(draft: &Draft) -> LeftOut {
    LeftOut::read(|mark| draft.keywords.iter().any(|word| word.as_str() == mark))
}

/// Every text that comes from there is one: letters and digits, 128 bytes at most.
fn keyword(text: String) -> Option<Keyword> {
    Keyword::new(text).ok()
}
