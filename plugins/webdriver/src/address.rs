//! What a holder may have shown: pages, and nothing of the browser's machine.

use hostler_sdk::device::{Error, Result};

/// Checks the scheme as it stands there: a browser would drop spaces before it
/// and line ends within it, so what only resembles one of these is none.
///
/// # Errors
/// A URL with another scheme, such as `file:`, or with none.
pub(crate) fn check(url: &str) -> Result {
    let invalid = |what: &str| {
        let url: String = url.chars().take(200).collect();
        Err(Error::Invalid(format!("{url:?} {what}")))
    };
    if url.eq_ignore_ascii_case("about:blank") {
        return Ok(());
    }
    let Some((scheme, _)) = url.split_once(':') else {
        return invalid("is no URL that the browser opens; write it with its scheme: https://…");
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" | "data" => Ok(()),
        _ => invalid("is not opened: only http, https, data and about:blank are"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_opened_and_no_files() {
        for url in [
            "http://127.0.0.1/",
            "HTTPS://h",
            "data:text/html,x",
            "about:blank",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
        for url in [
            "file:///etc/passwd",
            "FILE:///x",
            " file:///x",
            "\tfile:///x",
            "fi\nle:///x",
            "\u{0}file:///x",
            "view-source:file:///x",
            "filesystem:http://h/x",
            "blob:http://h/x",
            "chrome://settings",
            "devtools://x",
            "javascript:1",
            "about:version",
            "h",
            "",
        ] {
            assert!(matches!(check(url), Err(Error::Invalid(_))), "{url}");
        }
    }
}
