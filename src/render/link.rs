//! Which addresses of change markers become links, and how they are written.
//!
//! In comes text that a stranger may have written; out comes an address that a browser can do
//! nothing with but fetch a page, in characters that mean nothing to HTML or Markdown, or `None`:
//! then it is shown as text.

use std::fmt::Write;

/// Longer addresses are no longer read by anybody.
const LONGEST: usize = 2_000;
/// What stands in an address as it is, besides letters and digits (RFC 3986 §2.2, §2.3); not `'`,
/// `(`, `)` and `*`, which Markdown or HTML give a meaning to.
const AS_IT_IS: &[u8] = b"-._~:/?#@!$&+,;=%";

/// The address to link to. Only `http` and `https`, and no name before the host: `https://bank@evil`
/// leads to `evil`.
pub fn link(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let host = rest.split(['/', '?', '#', '\\']).next()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
    if host.is_empty() || !host.bytes().all(plain) || url.len() > LONGEST {
        return None;
    }
    let mut out = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_alphanumeric() || AS_IT_IS.contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a String can't fail");
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::link;

    #[test]
    fn only_pages_on_the_web_are_linked() {
        for (url, expected) in [
            (
                "https://ci.example.com:8080/d/7?a=b&c=d#top",
                Some("https://ci.example.com:8080/d/7?a=b&c=d#top"),
            ),
            ("HTTP://example.com", Some("HTTP://example.com")),
            (
                "https://example.com/a b\"><script>)",
                Some("https://example.com/a%20b%22%3E%3Cscript%3E%29"),
            ),
            (
                "https://example.com/ü\u{202e}",
                Some("https://example.com/%C3%BC%E2%80%AE"),
            ),
            ("javascript:alert(1)", None),
            ("javascript://example.com/%0aalert(1)", None),
            ("data:text/html,x", None),
            ("file:///etc/passwd", None),
            ("//example.com", None),
            ("https://", None),
            ("https:///path", None),
            ("https://bank.example@evil.example/", None),
            ("https://exa\u{2024}mple.com/", None),
            (" https://example.com", None),
        ] {
            assert_eq!(link(url).as_deref(), expected, "{url}");
        }
        assert_eq!(link(&format!("https://e.com/{}", "a".repeat(2_000))), None);
    }
}
