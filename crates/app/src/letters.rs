//! Letters and stamps in the folder of a network: see [`crate::home`].

use yilian_client::mail::{KeptLetter, MailNotes};

use crate::{
    commands::letters::Owner,
    home::{Home, file_name, json_files},
};

impl Owner<'_> {
    /// The folder of the letters, within the home.
    fn folder(self) -> String {
        match self {
            Self::Person(name) => format!("people/{}.letters", file_name(name)),
            Self::Wallet(name) => format!("patients/{}.letters", file_name(name)),
        }
    }
}

impl Home {
    /// The letters that are kept, oldest first.
    pub fn letters(&self, owner: Owner<'_>) -> anyhow::Result<Vec<KeptLetter>> {
        let folder = owner.folder();
        let files = json_files(&self.root().join(&folder))?;
        let names = files.iter().filter_map(|file| file.file_name());
        let letters = names.map(|name| self.read(&format!("{folder}/{}", name.to_string_lossy())));
        let mut letters = letters.collect::<anyhow::Result<Vec<KeptLetter>>>()?;
        letters.sort_by_key(|letter| (letter.arrived, letter.id()));
        Ok(letters)
    }

    /// Keeps letters, sealed as they came; on disk when it returns.
    pub fn keep_letters(&self, owner: Owner<'_>, letters: &[KeptLetter]) -> anyhow::Result<()> {
        for letter in letters {
            let name = format!("{}/{}.json", owner.folder(), letter.id());
            self.write(&name, letter)?;
        }
        Ok(())
    }

    /// What the person called `name` remembers of letters: requests, and stamps in stock.
    pub fn mail_notes(&self, name: &str) -> anyhow::Result<MailNotes> {
        self.read_or_default(&format!("people/{}.mail", file_name(name)))
    }

    /// Keeps what the person remembers.
    pub fn keep_mail_notes(&self, name: &str, notes: &MailNotes) -> anyhow::Result<()> {
        self.write(&format!("people/{}.mail", file_name(name)), notes)
    }
}
