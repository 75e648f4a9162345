//! Narrative: the XHTML of `Narrative.div`.
//!
//! R4, *Narrative*, with the invariants `txt-1` ("only the basic html formatting elements and
//! attributes", without anything that runs or is fetched) and `txt-2` (some content). Whatever a
//! reader's screen would execute must not be signed as a record.

/// What is wrong with the text of a `div`; `None` when nothing is.
pub(super) fn fault(text: &str) -> Option<&'static str> {
    check(text).err()
}

fn check(text: &str) -> Result<(), &'static str> {
    let mut rest = text.trim();
    let mut open: Vec<&str> = Vec::new();
    let mut content = false;
    let mut first = true;
    while !rest.is_empty() {
        let Some(inside) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            let (words, after) = rest.split_at(end);
            if open.is_empty() {
                return Err("text outside the div");
            }
            references(words)?;
            content |= !words.trim().is_empty();
            rest = after;
            continue;
        };
        if let Some(comment) = inside.strip_prefix("!--") {
            let end = comment.find("-->").ok_or("a comment without an end")?;
            rest = comment.get(end + 3..).unwrap_or_default();
            continue;
        }
        let end = tag_end(inside).ok_or("a tag without an end")?;
        let (tag, after) = inside.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name.trim_end()) {
                return Err("tags that do not match");
            }
            continue;
        }
        if !first && open.is_empty() {
            return Err("more than one element outside");
        }
        let name = element(tag)?;
        if first && name != "div" {
            return Err("no div around it");
        }
        first = false;
        content |= name == "img";
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    match (first, open.is_empty(), content) {
        (true, ..) => Err("no div around it"),
        (_, false, _) => Err("tags that do not match"),
        (.., false) => Err("a div without content (txt-2)"),
        _ => Ok(()),
    }
}

/// Where a tag ends: at the first `>` outside of quotes.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    tag.char_indices().find_map(|(at, character)| {
        match (quote, character) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        None
    })
}

/// The name of an element whose tag is allowed as a whole.
fn element(tag: &str) -> Result<&str, &'static str> {
    let tag = tag.strip_suffix('/').unwrap_or(tag);
    let end = tag
        .find(|c: char| c.is_ascii_whitespace())
        .unwrap_or(tag.len());
    let (name, mut rest) = tag.split_at(end);
    if !ELEMENTS.contains(&name) {
        return Err("an element that is not allowed");
    }
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Ok(name);
        }
        let (attribute, after) = rest.split_once('=').ok_or("an attribute without a value")?;
        let after = after.trim_ascii_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or("an attribute without quotes")?;
        let inside = after.get(1..).unwrap_or_default();
        let (value, behind) = inside
            .split_once(quote)
            .ok_or("an attribute without an end")?;
        check_attribute(attribute.trim_ascii_end(), value)?;
        rest = behind;
    }
}

fn check_attribute(name: &str, value: &str) -> Result<(), &'static str> {
    references(value)?;
    if value.contains('<') {
        return Err("a tag inside an attribute");
    }
    let lower = name.to_ascii_lowercase();
    if !ATTRIBUTES.contains(&lower.as_str()) {
        return Err("an attribute that is not allowed");
    }
    let is_address = matches!(
        lower.as_str(),
        "href" | "src" | "cite" | "longdesc" | "usemap"
    );
    if is_address && runs(value) {
        return Err("an address that runs a script");
    }
    let style = lower == "style";
    let unescaped = value.to_ascii_lowercase().replace(['\\', ' '], "");
    if style
        && ["expression(", "javascript:", "@import"]
            .iter()
            .any(|bad| unescaped.contains(bad))
    {
        return Err("a style that runs a script");
    }
    Ok(())
}

/// Schemes that browsers execute, however they are spelt (WHATWG URL leaves out tabs and line
/// ends).
fn runs(address: &str) -> bool {
    let plain: String = decoded(address)
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .collect();
    let lower = plain.to_ascii_lowercase();
    let scheme = lower.split(':').next().unwrap_or_default();
    match scheme {
        "javascript" | "vbscript" => lower.contains(':'),
        "data" => lower.contains(':') && !lower.starts_with("data:image/"),
        _ => false,
    }
}

/// `text` with its numeric character references resolved.
fn decoded(text: &str) -> String {
    let mut out = String::new();
    let mut pieces = text.split('&');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let found = piece.split_once(';').and_then(|(name, rest)| {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            Some((char::from_u32(code)?, rest))
        });
        match (found, piece.strip_prefix("colon;")) {
            (Some((character, rest)), _) => {
                out.push(character);
                out.push_str(rest);
            }
            (None, Some(rest)) => {
                out.push(':');
                out.push_str(rest);
            }
            (None, None) => {
                out.push('&');
                out.push_str(piece);
            }
        }
    }
    out
}

/// Every `&` begins a character reference: `&lt;`, `&#160;`, `&#xA0;`.
fn references(text: &str) -> Result<(), &'static str> {
    for piece in text.split('&').skip(1) {
        let name = piece
            .split_once(';')
            .map(|(name, _)| name)
            .unwrap_or_default();
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_name(name.strip_prefix('#').unwrap_or(name)) {
            return Err("an ampersand that begins no character reference");
        }
    }
    Ok(())
}

/// HTML 4.0, chapters 7 to 11 (but section 4 of chapter 9) and 15; `a`, `img` and maps besides.
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "area",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "kbd",
    "li",
    "map",
    "ol",
    "p",
    "pre",
    "q",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "ul",
    "var",
    "ins",
    "del",
];

/// Attributes of these elements that neither run nor submit anything.
const ATTRIBUTES: &[&str] = &[
    "abbr",
    "accesskey",
    "align",
    "alt",
    "axis",
    "border",
    "cellpadding",
    "cellspacing",
    "char",
    "charoff",
    "charset",
    "cite",
    "class",
    "clear",
    "color",
    "cols",
    "colspan",
    "compact",
    "coords",
    "datetime",
    "dir",
    "frame",
    "headers",
    "height",
    "href",
    "hreflang",
    "hspace",
    "id",
    "ismap",
    "lang",
    "longdesc",
    "name",
    "nohref",
    "noshade",
    "nowrap",
    "rel",
    "rev",
    "rowspan",
    "rules",
    "scope",
    "shape",
    "size",
    "space",
    "span",
    "src",
    "start",
    "style",
    "summary",
    "tabindex",
    "target",
    "title",
    "type",
    "usemap",
    "valign",
    "value",
    "vspace",
    "width",
    "xmlns",
    "xml:lang",
    "xml:space",
    "background",
    "bgcolor",
    "bordercolor",
    "face",
    "media",
    "profile",
    "translate",
    "version",
    "label",
    "xml:base",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(text: &str) -> Option<&'static str> {
        fault(&format!(
            "<div xmlns=\"http://www.w3.org/1999/xhtml\">{text}</div>"
        ))
    }

    #[test]
    fn what_the_standard_allows_passes() {
        for good in [
            "a &amp; b &lt; 3 &#160; &nbsp;",
            "<table class='grid'><tr><td colspan=\"2\">1 > 0</td></tr></table>",
            "<a href=\"https://x.example?a=1&amp;b=2\">x</a><br/>",
            "<img src=\"data:image/png;base64,AA==\" alt=\"x\"/>",
            "<!-- <script> --><p style=\"color:red\">x</p>",
            "<a href=\"#data\">datum: 1</a>",
        ] {
            assert_eq!(inside(good), None, "{good}");
        }
    }

    #[test]
    fn what_runs_or_is_no_xhtml_is_told() {
        for (bad, reason) in [
            ("<script>x</script>", "an element that is not allowed"),
            ("<SCRIPT>x</SCRIPT>", "an element that is not allowed"),
            ("<iframe src=\"x\"/>", "an element that is not allowed"),
            (
                "<img src=\"x\" onerror=\"alert(1)\"/>",
                "an attribute that is not allowed",
            ),
            (
                "<a href=\"javascript:alert(1)\">x</a>",
                "an address that runs a script",
            ),
            (
                "<a href=\" Java&#x0A;script&colon;alert(1)\">x</a>",
                "an address that runs a script",
            ),
            (
                "<a href=\"data:text/html,x\">x</a>",
                "an address that runs a script",
            ),
            (
                "<p style=\"width: expression(alert(1))\">x</p>",
                "a style that runs a script",
            ),
            ("<p>x</b>", "tags that do not match"),
            ("<p>x", "tags that do not match"),
            ("a & b", "an ampersand that begins no character reference"),
            ("<p class=x>x</p>", "an attribute without quotes"),
            ("<p", "an element that is not allowed"),
            ("", "a div without content (txt-2)"),
            ("  <p> </p>", "a div without content (txt-2)"),
        ] {
            assert_eq!(inside(bad), Some(reason), "{bad}");
        }
        assert_eq!(fault("<p>a</p>"), Some("no div around it"));
        assert_eq!(fault("a"), Some("text outside the div"));
        assert_eq!(
            fault("<div>a</div><div>b</div>"),
            Some("more than one element outside")
        );
    }
}
