//! How long functions are.

use super::{Fault, File, source::Source};

/// The functions of more than `limit` lines, but for the `known`, which may not have grown. An
/// entry of `known` that is not needed any more is a fault too.
pub fn over(
    limit: usize,
    sources: &[(&File, Source)],
    known: &[(&str, &str, usize)],
) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut met = vec![false; known.len()];
    for (file, source) in sources {
        for (name, lines) in functions(&source.code()) {
            if lines <= limit {
                continue;
            }
            let entry = known
                .iter()
                .position(|(path, known, _)| *path == file.path && *known == name);
            entry.into_iter().for_each(|entry| met[entry] = true);
            match entry.map(|entry| known[entry].2) {
                Some(allowed) if lines <= allowed => {}
                Some(allowed) => faults.push(format!(
                    "{}: `{name}` has grown from {allowed} to {lines} lines",
                    file.path
                )),
                None => faults.push(format!(
                    "{}: `{name}` has {lines} lines, over {limit}",
                    file.path
                )),
            }
        }
    }
    for ((path, name, _), _) in known.iter().zip(met).filter(|(_, met)| !met) {
        faults.push(format!(
            "{path}: `{name}` is short now: take it off the list"
        ));
    }
    faults
}

/// Every function's name and lines, from the line of its `fn` to the one of its closing brace.
fn functions(code: &str) -> Vec<(String, usize)> {
    let mut functions = Vec::new();
    let characters: Vec<char> = code.chars().collect();
    let mut at = 0;
    while let Some((name, start)) = next_function(&characters, at) {
        at = start;
        if let Some((open, close)) = body(&characters, start) {
            let lines = characters[start..close]
                .iter()
                .filter(|c| **c == '\n')
                .count()
                + 1;
            functions.push((name, lines));
            // Functions within functions are counted by themselves too.
            at = open;
        }
    }
    functions
}

/// The next `fn name` from `at` on: its name, and where that ends.
fn next_function(characters: &[char], at: usize) -> Option<(String, usize)> {
    let joined = |c: &char| c.is_alphanumeric() || *c == '_';
    let mut at = at;
    loop {
        let found = characters
            .get(at..)?
            .windows(3)
            .position(|w| w == ['f', 'n', ' '])?;
        let start = at + found;
        at = start + 3;
        let alone = start == 0 || !joined(&characters[start - 1]);
        let name: String = characters[at..]
            .iter()
            .copied()
            .take_while(joined)
            .collect();
        if alone && !name.is_empty() {
            return Some((name, at));
        }
    }
}

/// Where the body opens and closes; `None` when the function has none.
fn body(characters: &[char], start: usize) -> Option<(usize, usize)> {
    let mut depth = 0_usize;
    let mut open = None;
    for (at, character) in characters.iter().enumerate().skip(start) {
        match (character, open) {
            ('(' | '[', None) => depth += 1,
            (')' | ']', None) => depth = depth.saturating_sub(1),
            (';', None) if depth == 0 => return None,
            ('{', None) if depth == 0 => (open, depth) = (Some(at), 1),
            ('{', Some(_)) => depth += 1,
            ('}', Some(open)) => {
                depth -= 1;
                if depth == 0 {
                    return Some((open, at));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_name_to_brace() {
        let code = "fn a(b: [u8; 3]) -> c;\nfn d() {\n  fn e() {\n  }\n}\nstruct F(fn(u8));";
        assert_eq!(functions(code), [("d".into(), 4), ("e".into(), 2)]);
    }

    #[test]
    fn the_list_may_only_shrink() {
        let file = File {
            path: "f".into(),
            text: "fn a() {\n\n}\nfn b() {}".into(),
        };
        let over = |known| over(2, &[(&file, Source::new(&file.text))], known).len();
        assert_eq!(over(&[]), 1);
        assert_eq!(over(&[("f", "a", 3)]), 0);
        assert_eq!(over(&[("f", "a", 2)]), 1);
        assert_eq!(over(&[("f", "a", 3), ("f", "b", 3)]), 1);
    }
}
