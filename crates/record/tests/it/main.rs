//! Tests of the record crate from outside.

#[cfg(test)]
mod case_list;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod epcis_events;
#[cfg(test)]
mod epcis_field_cases;
#[cfg(test)]
mod fhir_faults;
#[cfg(test)]
mod fhir_real;
#[cfg(test)]
mod fhir_strict;
#[cfg(test)]
mod field_cases;
#[cfg(test)]
mod gs1_field_cases;
#[cfg(test)]
mod keyword_rows;
#[cfg(test)]
mod keywords;
#[cfg(test)]
mod label_rows;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod subjects;
#[cfg(test)]
mod visits_real;
#[cfg(test)]
mod whole;
