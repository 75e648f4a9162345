//! Who opened the patient's identity.

use std::fmt;

use serde::Serialize;
use yilian_protocol::disclosure::DisclosureEntry;

use super::Context;

pub async fn list(context: &Context, name: &str) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let patient = context.home.patient(name)?;
    let disclosures = patient.disclosures(&opened.session).await?;
    context.output.tell(&Listing { disclosures })?;
    opened.close();
    Ok(())
}

#[derive(Serialize)]
struct Listing {
    disclosures: Vec<DisclosureEntry>,
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.disclosures {
            let DisclosureEntry {
                disclosure,
                admitted,
            } = entry;
            let request = &disclosure.request;
            let (at, case, reason) = (admitted.time.to_text(), &request.case, &request.reason);
            writeln!(f, "{at}  case {case}: {reason}")?;
            writeln!(f, "  asked for by {}", request.by)?;
            for approval in disclosure.approvals.iter() {
                writeln!(f, "  approved by {}", approval.regulator)?;
            }
        }
        writeln!(f, "{} times", self.disclosures.len())
    }
}
